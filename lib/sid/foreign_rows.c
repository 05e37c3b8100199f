#include "sid/foreign_rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "formats/tables.h"

void foreign_bad_item(const foreign_rows_t *r, long long line, const char *key, size_t key_len, const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    die_at(r->file, line, "item \"%.*s\": %s", key_len < 60 ? (int)key_len : 60, key, why);
}

/* Makes sure that a row of n tokens fits those before it; where the last may be a suffix, by one more or less. */
static void check_levels(foreign_rows_t *r, long long line, const char *key, size_t key_len, int n)
{
    const int most = r->last_is_suffix ? SID_MAX_TOKENS : SID_MAX_LEVELS, spread = r->last_is_suffix ? 1 : 0;
    if (n < 1 || n > most) foreign_bad_item(r, line, key, key_len, "%d levels, expected 1 to %d", n, most);
    if (r->most && (n < r->most - spread || n > r->least + spread))
        foreign_bad_item(r, line, key, key_len, "%d levels, expected %d as before%s", n, r->least,
                         n == r->least + 1 || n == r->least - 1 ? "; is the last one a suffix (--last-level suffix)?" : "");
    if (!r->most || n < r->least) r->least = n;
    if (n > r->most) r->most = n;
}

void foreign_rows_add(foreign_rows_t *r, long long line, const char *key, size_t key_len, int n, const int64_t *codes)
{
    if (!table_is_id(key, key_len))
        foreign_bad_item(r, line, key, key_len, "is empty or holds a tab or a line break, expected an id");
    if (!r->keys.slots) strtab_index(&r->keys);
    if (strtab_find(&r->keys, key, key_len) >= 0) foreign_bad_item(r, line, key, key_len, "is there twice, expected once");
    if (r->last_is_suffix && n > 1 && codes[n - 1] == -1) n--;
    check_levels(r, line, key, key_len, n);
    for (int i = 0; i < n; i++) {
        if (codes[i] < 0 || codes[i] >= SID_MAX_CODES)
            foreign_bad_item(r, line, key, key_len, "code %lld on level %d, expected 0 to %d", (long long)codes[i], i + 1,
                             SID_MAX_CODES - 1);
        GROW(r->tokens, r->count, r->cap);
        r->tokens[r->count++] = (int32_t)codes[i];
    }
    GROW(r->lengths, r->keys.count, r->lengths_cap);
    r->lengths[r->keys.count] = (uint8_t)n;
    strtab_add(&r->keys, key, key_len);
}

foreign_sids_t foreign_rows_end(foreign_rows_t *r)
{
    const int64_t n = r->keys.count;
    if (!n) die_at(r->file, 0, "holds no item, expected 1 or more");
    /* Where all have equally many and the last is the suffix, all have one. */
    const int levels = r->last_is_suffix && r->least == r->most ? r->least - 1 : r->least;
    if (!levels) die_at(r->file, 0, "1 level, expected codes before the suffix");
    foreign_sids_t f = {.levels = levels, .keys = r->keys, .suffix = NEW_ARRAY(int32_t, n)};
    f.code = xreallocarray(NULL, size_mul((size_t)n, (size_t)levels), sizeof *f.code);
    const int32_t *from = r->tokens;
    for (int64_t i = 0; i < n; from += r->lengths[i++]) {
        memcpy(f.code + i * levels, from, (size_t)levels * sizeof *f.code);
        f.suffix[i] = r->lengths[i] > levels ? from[levels] : -1;
    }
    free(r->tokens);
    free(r->lengths);
    *r = (foreign_rows_t){0};
    return f;
}

void foreign_sids_free(foreign_sids_t *f)
{
    free(f->name);
    free(f->digest);
    strtab_free(&f->keys);
    free(f->code);
    free(f->suffix);
    *f = (foreign_sids_t){0};
}
