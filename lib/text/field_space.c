#include "text/field_space.h"

lsa_t *field_space(const field_texts_t *texts, const double *weight, const lsa_options_t *o)
{
    lsa_t *space = lsa_new(o);
    text_part_t parts[MAX_FIELDS];
    for (int64_t i = 0; i < texts->items; i++) lsa_add(space, parts, field_texts_parts(texts, i, weight, parts));
    lsa_fit(space);
    return space;
}

float *field_space_rows(lsa_t *space, const field_texts_t *texts, const double *weight, int64_t n, const int64_t *items)
{
    text_part_t parts[MAX_FIELDS];
    int64_t count;
    for (int64_t i = 0; i < n; i++) lsa_add(space, parts, field_texts_parts(texts, items[i], weight, parts));
    return lsa_rows(space, &count);
}
