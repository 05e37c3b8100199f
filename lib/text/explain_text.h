/* Explanations of Semantic IDs for a terminal. */
#ifndef SIDMILL_TEXT_EXPLAIN_TEXT_H
#define SIDMILL_TEXT_EXPLAIN_TEXT_H

#include "text/explain.h"

/* Appends what there is to say on a query, in lines. */
void explain_text(explain_t *x, const explain_query_t *q, buf_t *out);

#endif
