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
