/* What a server shows besides recommendations: items, codes, itself. Each appends a body and returns the status. */
#ifndef SIDMILL_SERVE_PAGES_H
#define SIDMILL_SERVE_PAGES_H

#include "base/buf.h"
#include "serve/edition.h"

/* The most items shown below a prefix of codes, or found, and as many as are found unless asked for more or less; codes that follow a
 * prefix; items shown beside another. */
enum { PAGE_ITEMS_MOST = 100, PAGE_FOUND = 20, PAGE_NEXT_MOST = 4096, PAGE_SAME_MOST = 20 };

int page_error(buf_t *out, int status, const char *what); /* {"error": what} */
int page_home(const buf_t *explorer, buf_t *out);         /* the explorer; NULL: plain text */
int page_health(const edition_t *e, bool stopping, buf_t *out);
int page_item(const edition_t *e, const char *id, buf_t *out);
int page_codes(const edition_t *e, const char *codes, buf_t *out); /* "1,2": codes, maybe a suffix, "" for all */

/* Items with words: n bytes of anything, NULL for none; `limit` a number as text, NULL for the usual one. */
int page_search(const edition_t *e, const char *words, size_t n, const char *limit, buf_t *out);

#endif
