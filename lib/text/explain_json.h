/* Explanations of Semantic IDs for programs: explain(1), JSON. */
#ifndef SIDMILL_TEXT_EXPLAIN_JSON_H
#define SIDMILL_TEXT_EXPLAIN_JSON_H

#include "text/explain.h"

/* Appends one object, on a line of its own. */
void explain_json(explain_t *x, const explain_query_t *q, buf_t *out);

#endif
