/* Explanations of Semantic IDs for programs: explain(1), JSON. */
#ifndef SIDMILL_TEXT_EXPLAIN_JSON_H
#define SIDMILL_TEXT_EXPLAIN_JSON_H

#include "text/explain.h"
#include "text/explain_thoughts.h"

/* Appends one object, on a line of its own. */
void explain_json(explain_t *x, const explain_query_t *q, buf_t *out);

/* Likewise of what a model thought. */
void explain_thoughts_json(explain_t *x, const explain_thoughts_t *t, buf_t *out);

#endif
