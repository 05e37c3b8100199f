/* Explanations of Semantic IDs for a terminal. */
#ifndef SIDMILL_TEXT_EXPLAIN_TEXT_H
#define SIDMILL_TEXT_EXPLAIN_TEXT_H

#include "text/explain.h"
#include "text/explain_thoughts.h"

/* Appends what there is to say on a query, in lines. */
void explain_text(explain_t *x, const explain_query_t *q, buf_t *out);

/* Appends what a model thought. */
void explain_thoughts_text(explain_t *x, const explain_thoughts_t *t, buf_t *out);

#endif
