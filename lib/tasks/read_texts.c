#include "tasks/read_texts.h"

#include <string.h>

#include "base/err.h"
#include "bpe/encoder.h"
#include "data/items.h"

typedef struct {
    item_texts_t texts;
    encoder_t *encoder;
    buf_t text;
    ids_t ids;
} reader_t;

/* Joins the fields that an item has, by line breaks, to one of its texts. */
static void take(reader_t *r, const items_t *items, int64_t item, text_t k, const char *const *fields)
{
    buf_clear(&r->text);
    r->ids.count = 0;
    for (int i = 0; fields[i]; i++) {
        const size_t before = r->text.len;
        if (before) buf_puts(&r->text, "\n");
        if (!items_field_text(items, fields[i], &r->text)) r->text.len = before;
    }
    if (r->text.len) encoder_add(r->encoder, r->text.data, r->text.len, &r->ids);
    item_texts_set(&r->texts, k, item, r->ids.id, (int64_t)r->ids.count);
}

item_texts_t read_texts(const char *items_path, const strtab_t *ids, const tokenizer_t *t, int64_t most, char **digest)
{
    static const char *const fields[TEXTS][3] = {
        [TEXT_TITLE] = {"title"}, [TEXT_ABOUT] = {"description", "intents"}, [TEXT_CAPTION] = {"caption"}};
    reader_t r = {.texts = item_texts_new(ids->count, most), .encoder = encoder_new(t)};
    items_t items = items_open(items_path);
    in_digest(&items.lines);
    int64_t known = 0;
    while (items_next(&items)) {
        const int64_t item = strtab_find(ids, items.id, strlen(items.id));
        if (item < 0) continue;
        known++;
        for (int k = 0; k < TEXTS; k++) take(&r, &items, item, (text_t)k, fields[k]);
    }
    if (!known) die_at(items.lines.name, 0, "none of its items is in the Semantic IDs");
    *digest = in_digest_hex(&items.lines);
    items_close(&items);
    encoder_free(r.encoder);
    buf_free(&r.text);
    ids_free(&r.ids);
    return r.texts;
}
