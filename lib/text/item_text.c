#include "text/item_text.h"

#include <stdlib.h>

#include "base/mem.h"

const char *field_name(field_id_t f)
{
    static const char *const names[FIELDS] = {"title", "categories", "description", "caption", "image_labels"};
    return names[f];
}

evidence_t evidence_of(const items_t *current)
{
    evidence_t e = {.id = xstrdup(current->id)};
    buf_t text = {0};
    for (int f = 0; f < FIELDS; f++) {
        buf_clear(&text);
        if (items_field_text(current, field_name((field_id_t)f), &text)) e.text[f] = xstrndup(text.data, text.len);
    }
    buf_free(&text);
    return e;
}

bool evidence_is_empty(const evidence_t *e)
{
    for (int f = 0; f < FIELDS; f++)
        if (e->text[f]) return false;
    return true;
}

void evidence_free(evidence_t *e)
{
    free(e->id);
    for (int f = 0; f < FIELDS; f++) free(e->text[f]);
    *e = (evidence_t){0};
}
