#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "base/mem.h"
#include "data/items.h"
#include "formats/record_source.h"

typedef struct {
    record_source_t base;
    items_t items;
} source_t;

static bool next(record_source_t *base, record_t *r)
{
    items_t *in = &((source_t *)base)->items;
    const int64_t bad = in->bad;
    const bool more = items_next(in);
    if (in->bad > bad) tally_add(&base->tally, "malformed_lines", in->bad - bad);
    if (!more) return false;
    *r = (record_t){in->id, strlen(in->id), in->text.data, in->text.len, items_string(in, "image"), in->lines.number};
    return true;
}

static char *digest(const record_source_t *base) { return in_digest_hex(&((const source_t *)base)->items.lines); }

static void close_source(record_source_t *base)
{
    items_close(&((source_t *)base)->items);
    free(base);
}

record_source_t *record_source_items(const source_options_t *o)
{
    source_t *s = NEW(source_t);
    s->base = (record_source_t){.next = next, .digest = digest, .close = close_source};
    s->items = items_from(source_lines(o));
    s->items.repeated_ids = true; /* records_read() compares the ids of all formats */
    s->items.mend = o->mend;
    s->items.bad_left = o->bad_lines;
    s->base.name = s->items.lines.name;
    return &s->base;
}
