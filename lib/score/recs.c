#include "score/recs.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

recs_t recs_read(const st_file_t *f)
{
    st_check_schema(f, "recs/1");
    int64_t shape[2] = {-1, -1};
    recs_t r = {.items = st_need_i32(f, "items", 2, shape)};
    r.users = shape[0];
    r.k = shape[1];
    if (r.k < 1) die(EX_DATAERR, "%s: items: lists of length 0", f->name);
    r.user_ids = st_need_ids(f, "user_ids", r.users);
    r.item_ids = st_need_ids(f, "item_ids", -1);
    for (int64_t i = 0; i < r.users * r.k; i++)
        if (r.items[i] < -1 || r.items[i] >= r.item_ids.count)
            die(EX_DATAERR, "%s: items: row %lld names item %d, expected -1 or a row of item_ids (0 to %lld)", f->name,
                (long long)(i / r.k), r.items[i], (long long)r.item_ids.count - 1);
    return r;
}

void recs_free(recs_t *r)
{
    free(r->items);
    strtab_free(&r->user_ids);
    strtab_free(&r->item_ids);
    *r = (recs_t){0};
}
