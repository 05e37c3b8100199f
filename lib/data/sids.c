#include "data/sids.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/gini.h"
#include "base/mem.h"
#include "base/minmax.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* Makes one stable pass of a radix sort: `to` is `from` ordered by the digit at `shift` of key[row * stride] + add. */
static void sort_pass(const int64_t *from, int64_t *to, int64_t n, const int32_t *key, int stride, int32_t add, int shift)
{
    int64_t begin[DIGITS + 1] = {0};
    for (int64_t i = 0; i < n; i++) begin[(((key[i * stride] + add) >> shift) & (DIGITS - 1)) + 1]++;
    for (int d = 0; d < DIGITS; d++) begin[d + 1] += begin[d];
    for (int64_t i = 0; i < n; i++) to[begin[((key[from[i] * stride] + add) >> shift) & (DIGITS - 1)]++] = from[i];
}

int sids_parse_prefix(const char *text, int most, int64_t limit, int32_t *codes)
{
    int n = 0;
    while (*text) {
        char *end;
        const long v = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
        if (v < 0 || v >= limit || (*end && *end != ',') || n == most) return -1;
        codes[n++] = (int32_t)v;
        text = *end ? end + 1 : end;
    }
    return n;
}

int64_t *sids_order(const sids_t *s)
{
    int64_t *order = NEW_ARRAY(int64_t, s->items), *other = NEW_ARRAY(int64_t, s->items);
    for (int64_t i = 0; i < s->items; i++) order[i] = i;
    for (int l = s->levels; l >= 0; l--) { /* least significant first: the suffix, then the codes from the last */
        bool suffix = l == s->levels;
        int largest = suffix ? s->max_suffix : s->codes - 1;
        for (int shift = 0; shift < 31 && largest >> shift > 0; shift += DIGIT_BITS) {
            if (suffix) sort_pass(order, other, s->items, s->suffix, 1, 1, shift);
            else sort_pass(order, other, s->items, s->code + l, s->levels, 0, shift);
            int64_t *t = order;
            order = other;
            other = t;
        }
    }
    free(other);
    return order;
}

static bool same_codes(const sids_t *s, int64_t a, int64_t b)
{
    return !memcmp(s->code + a * s->levels, s->code + b * s->levels, (size_t)s->levels * sizeof *s->code);
}

/* Looks up a whole number under `key` of the JSON object in metadata config, or -1. */
static int64_t config_number(const st_file_t *f, const char *key)
{
    const char *text = st_meta(f, "config");
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);
    double v = cJSON_IsNumber(value) ? value->valuedouble : -1;
    cJSON_Delete(json);
    return v >= 0 && v <= INT32_MAX && v == floor(v) ? (int64_t)v : -1;
}

/* Finds K, and checks that every code is below it. */
static int read_codes(const st_file_t *f, const sids_t *s)
{
    int32_t largest = -1;
    for (int64_t i = 0; i < s->items * s->levels; i++) {
        int32_t c = s->code[i];
        if (c < 0) die_at(f->name, 0, "codes: row %lld holds %d, expected no negative code", (long long)(i / s->levels), c);
        if (c > largest) largest = c;
    }
    int64_t codes;
    if (st_find(f, "codebook")) {
        int64_t shape[3] = {s->levels, -1, -1};
        st_need(f, "codebook", 3, shape);
        codes = shape[1];
    } else {
        codes = config_number(f, "codes");
        if (codes < 1) codes = (int64_t)largest + 1;
    }
    if (codes < 1 || codes > SID_MAX_CODES) die_at(f->name, 0, "%lld codes a level, expected 1 to %d", (long long)codes, SID_MAX_CODES);
    if (largest >= codes) die_at(f->name, 0, "codes: found code %d, expected codes below %lld", largest, (long long)codes);
    return (int)codes;
}

/* Finds the number of suffixes, and checks that every suffix is below it. */
static int read_max_suffix(const st_file_t *f, const sids_t *s)
{
    int32_t largest = -1;
    for (int64_t i = 0; i < s->items; i++) {
        int32_t x = s->suffix[i];
        if (x < -1 || x >= SID_MAX_CODES)
            die_at(f->name, 0, "suffix: row %lld holds %d, expected -1 (none) to %d", (long long)i, x, SID_MAX_CODES - 1);
        if (x > largest) largest = x;
    }
    int64_t max = config_number(f, "max-suffix");
    if (max < 0) return largest + 1;
    if (largest >= max) die_at(f->name, 0, "suffix: found suffix %d, expected suffixes below %lld", largest, (long long)max);
    if (max > SID_MAX_CODES) die_at(f->name, 0, "%lld suffixes, expected up to %d", (long long)max, SID_MAX_CODES);
    return (int)max;
}

/* Sorted, offenders are neighbours, the shorter first. */
void sids_check_unique(const char *name, const sids_t *s)
{
    int64_t *order = sids_order(s);
    for (int64_t i = 1; i < s->items; i++) {
        int64_t a = order[i - 1], b = order[i];
        if (!same_codes(s, a, b) || (s->suffix[a] >= 0 && s->suffix[a] != s->suffix[b])) continue;
        size_t na, nb;
        const char *ida = strtab_get(&s->item_ids, a, &na), *idb = strtab_get(&s->item_ids, b, &nb);
        die_at(name, 0, "the SID of item '%.*s' %s that of item '%.*s', expected every full SID to lead to one item", (int)na, ida,
               s->suffix[a] == s->suffix[b] ? "equals" : "begins", (int)nb, idb);
    }
    free(order);
}

sids_t sids_read(const st_file_t *f)
{
    st_check_schema(f, "sids/1");
    sids_t s = {0};
    int64_t shape[2] = {-1, -1};
    s.code = st_need_i32(f, "codes", 2, shape);
    if (shape[0] < 1 || shape[0] > INT32_MAX) die_at(f->name, 0, "codes: %lld items, expected 1 to 2^31 - 1", (long long)shape[0]);
    if (shape[1] < 1 || shape[1] > SID_MAX_LEVELS)
        die_at(f->name, 0, "codes: %lld levels, expected 1 to %d", (long long)shape[1], SID_MAX_LEVELS);
    s.items = shape[0];
    s.levels = (int)shape[1];
    s.suffix = st_need_i32(f, "suffix", 1, shape);
    s.item_ids = st_need_ids(f, "item_ids", s.items);
    s.codes = read_codes(f, &s);
    s.max_suffix = read_max_suffix(f, &s);
    sids_check_unique(f->name, &s);
    return s;
}

sids_t sids_identity(strtab_t ids)
{
    if (ids.count > SID_MAX_CODES)
        die(EX_DATAERR, "%lld items, expected up to %d where the code is the item; others get codes of several levels",
            (long long)ids.count, SID_MAX_CODES);
    sids_t s = {.items = ids.count, .levels = 1, .codes = (int)ids.count, .item_ids = ids};
    s.code = NEW_ARRAY(int32_t, s.items);
    s.suffix = NEW_ARRAY(int32_t, s.items);
    for (int64_t i = 0; i < s.items; i++) {
        s.code[i] = (int32_t)i;
        s.suffix[i] = -1;
    }
    return s;
}

void sids_free(sids_t *s)
{
    free(s->code);
    free(s->suffix);
    strtab_free(&s->item_ids);
    *s = (sids_t){0};
}

/* Finds the end of the bucket of equal codes that begins at `i` of the sorted order. */
static int64_t bucket_end(const sids_t *s, const int64_t *order, int64_t i)
{
    int64_t end = i + 1;
    while (end < s->items && same_codes(s, order[i], order[end])) end++;
    return end;
}

int64_t sids_largest_bucket(const sids_t *s)
{
    int64_t *order = sids_order(s), most = 0;
    for (int64_t i = 0, end; i < s->items; i = end) {
        end = bucket_end(s, order, i);
        if (end - i > most) most = end - i;
    }
    free(order);
    return most;
}

void sids_assign_suffixes(sids_t *s, suffix_t how)
{
    for (int64_t i = 0; i < s->items; i++) s->suffix[i] = -1;
    int64_t *order = sids_order(s);
    for (int64_t i = 0, end; i < s->items; i = end) {
        end = bucket_end(s, order, i);
        if (how == SUFFIX_COLLIDE && end - i == 1) continue;
        if (end - i > s->max_suffix)
            die(EX_DATAERR, "%lld items share one Semantic ID, but only %d suffixes are reserved; "
                            "raise --max-suffix, --codes or --levels", (long long)(end - i), s->max_suffix);
        for (int64_t j = i; j < end; j++) s->suffix[order[j]] = (int32_t)(j - i);
    }
    free(order);
}

int64_t sids_suffixed(const sids_t *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->items; i++) n += s->suffix[i] >= 0;
    return n;
}

/* Sums up as entry `at` how `items` items use `n` codes or prefixes, each so often. */
static void sum_up(sid_stats_t *r, int at, int64_t items, const int64_t *uses, int64_t n)
{
    double used = 0, entropy = 0;
    for (int64_t c = 0; c < n; c++) {
        if (!uses[c]) continue;
        const double p = (double)uses[c] / (double)items;
        used++;
        entropy -= p * log(p);
    }
    r->utilisation[at] = used / (double)n;
    r->perplexity[at] = exp(entropy);
    r->gini[at] = items ? gini(uses, n) : 0;
}

static void sum_up_levels(const sids_t *s, sid_stats_t *r)
{
    int64_t *uses = NEW_ARRAY(int64_t, s->codes);
    for (int l = 0; l < s->levels; l++) {
        memset(uses, 0, (size_t)s->codes * sizeof *uses);
        for (int64_t i = 0; i < s->items; i++) uses[s->code[i * s->levels + l]]++;
        sum_up(r, l, s->items, uses, s->codes);
    }
    free(uses);
}

/* Returns how many prefixes of L codes could be in use: min(items, K^L), 1 at least. */
static int64_t possible_prefixes(const sids_t *s)
{
    int64_t n = 1;
    for (int l = 0; l < s->levels && n < s->items; l++) n *= s->codes;
    return max64(1, min64(n, s->items));
}

static void sum_up_buckets(const sids_t *s, sid_stats_t *r)
{
    int64_t *order = sids_order(s), *uses = NEW_ARRAY(int64_t, s->items + 1), alone = 0;
    for (int64_t i = 0, end; i < s->items; i = end) {
        end = bucket_end(s, order, i);
        uses[r->buckets++] = end - i;
        alone += end - i == 1;
        r->largest = max64(r->largest, end - i);
    }
    r->alone = s->items ? (double)alone / (double)s->items : 0;
    sum_up(r, s->levels, s->items, uses, possible_prefixes(s));
    free(uses);
    free(order);
}

sid_stats_t sids_stats(const sids_t *s)
{
    const int n = s->levels + 1;
    sid_stats_t r = {.utilisation = NEW_ARRAY(double, n), .perplexity = NEW_ARRAY(double, n), .gini = NEW_ARRAY(double, n)};
    sum_up_levels(s, &r);
    sum_up_buckets(s, &r);
    return r;
}

void sid_stats_free(sid_stats_t *s)
{
    free(s->utilisation);
    free(s->perplexity);
    free(s->gini);
    *s = (sid_stats_t){0};
}
