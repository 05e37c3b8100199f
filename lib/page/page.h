/* The report and the explorer as one HTML document that needs nothing else: style, scripts and data are inside. */
#ifndef SIDMILL_PAGE_PAGE_H
#define SIDMILL_PAGE_PAGE_H

#include "base/buf.h"

/* What is shown: JSON texts in UTF-8, report/1 and catalogue/1, either of them NULL where it is not there. Without both the page asks
 * the server that it comes from: the explorer as serve(1) has it. */
typedef struct {
    const char *report, *catalogue;
    size_t report_n, catalogue_n;
} page_data_t;

/* Appends the document. Nothing in the title or the data can end the element that it stands in, and the document's policy lets no
 * script run but the page's own. The same data give the same bytes. */
void page_write(buf_t *out, const char *title, const page_data_t *d);

#endif
