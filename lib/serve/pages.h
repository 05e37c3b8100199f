/* What a server shows besides recommendations: items, codes, itself. Each appends a body and returns the status. */
#ifndef SIDMILL_SERVE_PAGES_H
#define SIDMILL_SERVE_PAGES_H

#include "base/buf.h"
#include "serve/edition.h"

enum { PAGE_ITEMS_MOST = 100 /* shown below a prefix of codes */ };

int page_error(buf_t *out, int status, const char *what); /* {"error": what} */
int page_home(const buf_t *explorer, buf_t *out);         /* the explorer; NULL: plain text */
int page_health(const edition_t *e, bool stopping, buf_t *out);
int page_item(const edition_t *e, const char *id, buf_t *out);
int page_codes(const edition_t *e, const char *codes, buf_t *out); /* "1,2": codes, maybe a suffix, "" for all */

#endif
