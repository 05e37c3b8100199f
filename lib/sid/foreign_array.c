/* Arrays of codes, NumPy's files: a row an item, a column a level. The items have no names there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/npy.h"
#include "net/unpack.h"
#include "sid/foreign_forms.h"

/* Makes sure that the array is of integers, a row an item; returns the number of its columns. */
static int64_t columns_of(const bytes_t *b, const st_tensor_t *t)
{
    if (st_dtype_is_float(t->dtype)) die_at(b->name, 0, "an array of %s, expected integers", st_dtype_name(t->dtype));
    if (t->dims < 1 || t->dims > 2) die_at(b->name, 0, "an array of %d dimensions, expected items by levels", t->dims);
    const int64_t columns = t->dims == 2 ? t->shape[1] : 1;
    if (columns < 1 || columns > SID_MAX_TOKENS)
        die_at(b->name, 0, "an array of %lld columns, expected 1 to %d levels", (long long)columns, SID_MAX_TOKENS);
    return columns;
}

foreign_sids_t foreign_array_read(const char *path, bool last_is_suffix)
{
    bytes_t b = in_bytes_unpacked(path, NULL);
    const st_tensor_t t = npy_parse(&b);
    const int64_t columns = columns_of(&b, &t);
    foreign_rows_t r = {.file = b.name, .last_is_suffix = last_is_suffix};
    for (int64_t i = 0; i < t.shape[0]; i++) {
        char key[24];
        int64_t codes[SID_MAX_TOKENS];
        const int n = snprintf(key, sizeof key, "%" PRId64, i);
        for (int64_t c = 0; c < columns; c++)
            if (!st_integer(&t, i * columns + c, &codes[c])) codes[c] = INT64_MAX;
        foreign_rows_add(&r, 0, key, (size_t)n, (int)columns, codes);
    }
    foreign_sids_t f = foreign_rows_end(&r);
    f.numbered = true;
    f.name = xstrdup(b.name);
    f.digest = in_bytes_hex(&b);
    in_free(&b);
    return f;
}

/* Puts the suffix behind an item's codes. */
static int32_t *with_suffixes(const sids_t *s)
{
    const int64_t columns = s->levels + 1;
    int32_t *all = xreallocarray(NULL, size_mul((size_t)s->items, (size_t)columns), sizeof *all);
    for (int64_t i = 0; i < s->items; i++) {
        for (int l = 0; l < s->levels; l++) all[i * columns + l] = s->code[i * s->levels + l];
        all[i * columns + s->levels] = s->suffix[i];
    }
    return all;
}

void foreign_array_write(const sids_t *s, out_t *o)
{
    const bool suffixes = sids_suffixed(s) > 0;
    int32_t *all = suffixes ? with_suffixes(s) : NULL;
    const int64_t columns = s->levels + suffixes;
    st_tensor_t t = {.dtype = ST_I32, .dims = 2, .shape = {s->items, columns}, .count = s->items * columns};
    t.data = (const unsigned char *)(all ? all : s->code);
    npy_write(o, &t);
    free(all);
}
