#include "report/codebook.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/json_file.h"

static void add_numbers(buf_t *out, const char *member, const double *value, int count)
{
    buf_printf(out, ",\"%s\":[", member);
    for (int i = 0; i < count; i++) {
        buf_puts(out, i ? "," : "");
        buf_json_number(out, value[i]);
    }
    buf_puts(out, "]");
}

/* Appends how many items have each code of a level. */
static void add_use(buf_t *out, const sids_t *s, int level)
{
    int64_t *items = NEW_ARRAY(int64_t, s->codes);
    for (int64_t i = 0; i < s->items; i++) items[s->code[i * s->levels + level]]++;
    json_add_whole(out, items, s->codes);
    free(items);
}

static bool same_codes(const sids_t *s, int64_t a, int64_t b)
{
    return !memcmp(s->code + a * s->levels, s->code + b * s->levels, (size_t)s->levels * sizeof *s->code);
}

/* Appends how many buckets there are of each size. */
static void add_buckets(buf_t *out, const sids_t *s)
{
    int64_t *order = sids_order(s), *count = NEW_ARRAY(int64_t, s->items + 1), shown = 0;
    for (int64_t i = 0, size; i < s->items; i += size) {
        for (size = 1; i + size < s->items && same_codes(s, order[i], order[i + size]);) size++;
        count[size]++;
    }
    buf_puts(out, ",\"buckets\":[");
    for (int64_t size = 1; size <= s->items; size++)
        if (count[size]) buf_printf(out, "%s[%lld,%lld]", shown++ ? "," : "", (long long)size, (long long)count[size]);
    buf_puts(out, "]");
    free(order);
    free(count);
}

void codebook_add(buf_t *out, const sids_t *s)
{
    sid_stats_t stats = sids_stats(s);
    buf_printf(out, "{\"items\":%lld,\"sizes\":[", (long long)s->items);
    for (int l = 0; l < s->levels; l++) buf_printf(out, l ? ",%d" : "%d", s->codes);
    buf_puts(out, "],\"use\":[");
    for (int l = 0; l < s->levels; l++) {
        buf_puts(out, l ? "," : "");
        add_use(out, s, l);
    }
    buf_puts(out, "]");
    add_numbers(out, "utilisation", stats.utilisation, s->levels);
    add_numbers(out, "perplexity", stats.perplexity, s->levels);
    add_numbers(out, "gini", stats.gini, s->levels);
    add_buckets(out, s);
    buf_printf(out, ",\"suffixes\":%s}", sids_suffixed(s) ? "true" : "false");
    sid_stats_free(&stats);
}
