#include "ingest/ingest_result.h"

#include <stdlib.h>

void ingest_result_free(ingest_result_t *x)
{
    free(x->user_offsets);
    spool_close(&x->item_index);
    spool_close(&x->timestamp);
    if (x->phase.size) spool_close(&x->phase);
    strtab_free(&x->user_ids);
    strtab_free(&x->item_ids);
    *x = (ingest_result_t){0};
}

ingest_walk_t ingest_walk(const ingest_result_t *x)
{
    return (ingest_walk_t){.x = x, .items = spool_reader(&x->item_index), .times = spool_reader(&x->timestamp),
                           .phases = spool_reader(&x->phase), .user = -1};
}

bool ingest_next_user(ingest_walk_t *w)
{
    if (++w->user == w->x->users) {
        spool_reader_free(&w->items);
        spool_reader_free(&w->times);
        spool_reader_free(&w->phases);
        return false;
    }
    w->n = w->x->user_offsets[w->user + 1] - w->x->user_offsets[w->user];
    w->item = spool_next(&w->items, w->n);
    w->time = spool_next(&w->times, w->n);
    w->phase = spool_next(&w->phases, w->n);
    return true;
}

void ingest_result_add(st_writer_t *w, const ingest_result_t *x)
{
    st_set_meta(w, "times", x->order_only ? "order" : "seconds");
    st_add1(w, "user_offsets", ST_I64, x->users + 1, x->user_offsets);
    st_add_spool(w, "item_index", ST_I32, &x->item_index);
    st_add_spool(w, "timestamp", ST_I64, &x->timestamp);
    st_add_spool(w, "phase", ST_U8, &x->phase);
    st_add_strings(w, "user_ids", &x->user_ids);
    st_add_strings(w, "item_ids", &x->item_ids);
}
