#include "text/field_texts.h"

#include <stdlib.h>

#include "base/mem.h"

void field_texts_add(field_texts_t *t, const fields_t *f, const items_t *items)
{
    t->fields = f->count;
    if (t->items == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 1024;
        t->end = xreallocarray(t->end, size_mul((size_t)t->cap, (size_t)t->fields), sizeof *t->end);
    }
    for (int i = 0; i < t->fields; i++) {
        items_field_text(items, f->name[i], &t->text);
        t->end[t->items * t->fields + i] = t->text.len;
    }
    t->items++;
}

const char *field_texts_get(const field_texts_t *t, int64_t item, int field, size_t *length)
{
    const int64_t at = item * t->fields + field;
    const size_t begin = at ? t->end[at - 1] : 0;
    *length = t->end[at] - begin;
    return *length ? t->text.data + begin : NULL;
}

int field_texts_parts(const field_texts_t *t, int64_t item, const double *weight, text_part_t *parts)
{
    int count = 0;
    for (int i = 0; i < t->fields; i++) {
        text_part_t p = {.weight = weight[i]};
        p.text = field_texts_get(t, item, i, &p.length);
        if (p.length && p.weight > 0) parts[count++] = p;
    }
    return count;
}

void field_texts_free(field_texts_t *t)
{
    buf_free(&t->text);
    free(t->end);
    *t = (field_texts_t){0};
}
