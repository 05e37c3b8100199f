#include "blend/blend.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define SUM_OFF 1e-3    /* by which a bin's weights may miss 1 */
#define POWER_MOST 1e6  /* either way */

static const char *const table_names[TABLES] = {"cooccur", "neighbours"};
static const char *const decay_names[TABLES] = {"cooccur-decay", "neighbour-decay"};

static char *member(const char *table, const char *name) { return xasprintf("%s.%s", table, name); }

static void check_offsets(const st_file_t *f, const char *name, const csr_t *t, int64_t entries)
{
    for (int64_t r = 0; r < t->rows; r++)
        if (t->offsets[r + 1] < t->offsets[r])
            st_bad(f, name, "row %lld: %lld after %lld, expected ascending offsets", (long long)r + 1,
                   (long long)t->offsets[r + 1], (long long)t->offsets[r]);
    if (t->offsets[0] != 0 || t->offsets[t->rows] != entries)
        st_bad(f, name, "from %lld to %lld, expected 0 to %lld, the number of entries", (long long)t->offsets[0],
               (long long)t->offsets[t->rows], (long long)entries);
}

static void check_entries(const st_file_t *f, const char *index, const char *weight, const csr_t *t)
{
    for (int64_t r = 0; r < t->rows; r++) {
        int32_t last = -1;
        for (int64_t e = t->offsets[r]; e < t->offsets[r + 1]; last = t->index[e++]) {
            if (t->index[e] <= last || t->index[e] >= t->cols)
                st_bad(f, index, "row %lld holds %d after %d, expected ascending rows of the %lld items", (long long)e,
                       (int)t->index[e], (int)last, (long long)t->cols);
            if (t->value[e] < 0)
                st_bad(f, weight, "row %lld holds %g, expected weights of 0 or more", (long long)e, (double)t->value[e]);
        }
    }
}

static csr_t table_read(const st_file_t *f, const char *table, int64_t items)
{
    char *offsets = member(table, "offsets"), *index = member(table, "item"), *weight = member(table, "weight");
    csr_t t = {.rows = items, .cols = items};
    if (st_find(f, offsets) || st_find(f, index) || st_find(f, weight)) {
        int64_t rows = items + 1, entries = -1;
        t.offsets = st_need_i64(f, offsets, 1, &rows);
        t.index = st_need_i32(f, index, 1, &entries);
        t.value = st_need_f32(f, weight, 1, &entries);
        check_offsets(f, offsets, &t, entries);
        check_entries(f, index, weight, &t);
    } else {
        t = (csr_t){0};
    }
    free(offsets);
    free(index);
    free(weight);
    return t;
}

static double need_option(const st_file_t *f, const cJSON *config, const char *key, double most)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
    if (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble <= most))
        die_at(f->name, 0, "metadata 'config': expected '%s' above 0, up to %g: is this a file of blend?", key, most);
    return v->valuedouble;
}

/* Reads how co-occurrence was counted; a file that does not say leaves the window 0. */
static cooccur_options_t read_cooccur(const cJSON *config)
{
    const cJSON *window = cJSON_GetObjectItemCaseSensitive(config, "cooccur-window");
    const cJSON *back = cJSON_GetObjectItemCaseSensitive(config, "cooccur-back");
    const cJSON *power = cJSON_GetObjectItemCaseSensitive(config, "cooccur-power");
    if (!cJSON_IsNumber(window) || !(window->valuedouble >= 1 && window->valuedouble <= INT32_MAX)) return (cooccur_options_t){0};
    if (!cJSON_IsNumber(back) || !(back->valuedouble >= 0 && back->valuedouble <= 1)) return (cooccur_options_t){0};
    if (!cJSON_IsNumber(power) || !(power->valuedouble >= 0 && power->valuedouble <= 1)) return (cooccur_options_t){0};
    return (cooccur_options_t){.window = (int64_t)window->valuedouble, .back = back->valuedouble, .power = power->valuedouble};
}

static void read_options(const st_file_t *f, sources_t *e)
{
    const char *text = st_meta(f, "config"), *protocol = st_meta(f, "protocol");
    cJSON *config = text ? cJSON_Parse(text) : NULL;
    for (int t = 0; t < TABLES; t++) e->decay[t] = need_option(f, config, decay_names[t], 1);
    const double hops = need_option(f, config, "hops", INT32_MAX);
    e->hops = (int64_t)hops;
    e->cooccur = read_cooccur(config);
    if (e->hops < 1 || (double)e->hops != hops) die_at(f->name, 0, "metadata 'config': \"hops\" is %g, expected a whole number", hops);
    cJSON_Delete(config);
    for (e->protocol = 0; e->protocol < PROTOCOLS; e->protocol++)
        if (protocol && !strcmp(protocol, protocol_names[e->protocol])) return;
    die_at(f->name, 0, "metadata 'protocol': expected \"%s\" or \"%s\"", protocol_names[PROTOCOL_ALL],
           protocol_names[PROTOCOL_UNSEEN]);
}

static sources_t read_sources(const st_file_t *f, int64_t items)
{
    sources_t e = {.items = items};
    read_options(f, &e);
    for (int t = 0; t < TABLES; t++) e.tables[t] = table_read(f, table_names[t], items);
    e.popularity = st_need_i64(f, "popularity", 1, &items);
    for (int64_t i = 0; i < items; i++)
        if (e.popularity[i] < 0 || e.popularity[i] > INT64_C(1) << 53)
            st_bad(f, "popularity", "row %lld holds %lld, expected 0 to 2^53", (long long)i, (long long)e.popularity[i]);
    sources_prepare(&e);
    return e;
}

static part_t part_of(const char *name, size_t n)
{
    part_t p = 0;
    while (p < PARTS && (strlen(part_names[p]) != n || memcmp(part_names[p], name, n) != 0)) p++;
    return p;
}

static void read_parts(const st_file_t *f, blend_t *b)
{
    const char *at = st_meta(f, "parts");
    if (!at) die_at(f->name, 0, "no metadata 'parts', expected names with commas between them");
    for (size_t n; *at; at += n + (at[n] == ',')) {
        n = strcspn(at, ",");
        const part_t p = part_of(at, n);
        if (p == PARTS || (p != PART_GENERATOR && !sources_has(&b->sources, p)) || blend_place(b, p) >= 0)
            die_at(f->name, 0, "metadata 'parts': '%.*s' is no part that this file has evidence for, or comes twice",
                   (int)(n < 40 ? n : 40), at);
        b->part[b->parts++] = p;
    }
    if (!b->parts) die_at(f->name, 0, "metadata 'parts' is empty, expected names with commas between them");
}

static void read_edges(const st_file_t *f, blend_t *b)
{
    int64_t bins = -1;
    float *edge = st_need_f32(f, "bins", 1, &bins);
    if (bins < 1 || bins > MIXTURE_BINS) st_bad(f, "bins", "%lld bins, expected 1 to %d", (long long)bins, MIXTURE_BINS);
    for (b->bins = 0; b->bins < bins; b->bins++) {
        if (b->bins ? edge[b->bins] <= edge[b->bins - 1] : edge[0] != 0)
            st_bad(f, "bins", "row %d holds %g, expected numbers that ascend from 0", b->bins, (double)edge[b->bins]);
        b->edge[b->bins] = edge[b->bins];
    }
    free(edge);
}

static void read_groups(const st_file_t *f, blend_t *b)
{
    int64_t groups = -1;
    b->groups = 1;
    if (!st_find(f, "groups")) return;
    int64_t *edge = st_need_i64(f, "groups", 1, &groups);
    if (groups < 1 || groups > MIXING_GROUPS)
        st_bad(f, "groups", "%lld groups, expected 1 to %d", (long long)groups, MIXING_GROUPS);
    for (b->groups = 0; b->groups < groups; b->groups++) {
        if (b->groups ? edge[b->groups] <= edge[b->groups - 1] : edge[0] != 0)
            st_bad(f, "groups", "row %d holds %lld, expected numbers that ascend from 0", b->groups, (long long)edge[b->groups]);
        b->group_edge[b->groups] = edge[b->groups];
    }
    free(edge);
}

static void read_weights(const st_file_t *f, blend_t *b)
{
    int64_t shape[2] = {b->bins, b->parts};
    float *weight = st_need_f32(f, "weights", 2, shape);
    for (int i = 0; i < b->bins; i++) {
        double sum = 0, *w = b->mixing.weight + i * b->parts;
        bool negative = false;
        for (int s = 0; s < b->parts; s++) {
            w[s] = (double)weight[i * b->parts + s];
            negative = negative || w[s] < 0;
            sum += w[s];
        }
        if (negative || fabs(sum - 1) > SUM_OFF)
            st_bad(f, "weights", "row %d: weights that do not sum to 1 (%g), or are below 0", i, sum);
        for (int s = 0; s < b->parts; s++) w[s] /= sum;
    }
    free(weight);
}

static void read_factors(const st_file_t *f, blend_t *b)
{
    int64_t shape[2] = {b->groups, b->parts}, powers = 1 + b->parts;
    if (!st_find(f, "factors") && !st_find(f, "powers")) return;
    float *factor = st_need_f32(f, "factors", 2, shape), *power = st_need_f32(f, "powers", 1, &powers);
    for (int i = 0; i < b->groups * b->parts; i++) {
        if (factor[i] < 0) st_bad(f, "factors", "row %d holds %g, expected 0 or more", i / b->parts, (double)factor[i]);
        b->mixing.factor[i] = (double)factor[i];
    }
    for (int i = 0; i < powers; i++) {
        if (fabsf(power[i]) > POWER_MOST)
            st_bad(f, "powers", "row %d holds %g, expected at most %g either way", i, (double)power[i], POWER_MOST);
        b->mixing.power[i] = (double)power[i];
    }
    free(factor);
    free(power);
}

/* Reads what stands for parts of items that training never met; older files have none of it. */
static void read_quiet(const st_file_t *f, blend_t *b)
{
    int64_t rows = 1 + b->parts;
    if (!st_find(f, "quiet")) return;
    float *quiet = st_need_f32(f, "quiet", 1, &rows);
    for (int i = 0; i < rows; i++) {
        if (i && quiet[i] > 0) st_bad(f, "quiet", "row %d holds %g, expected a logarithm below 0, or 0", i, (double)quiet[i]);
        b->mixing.quiet[i] = (double)quiet[i];
    }
    free(quiet);
}

static void read_even(const st_file_t *f, blend_t *b)
{
    int64_t one = 1;
    if (!st_find(f, "even")) return;
    float *even = st_need_f32(f, "even", 1, &one);
    if (!(*even >= 0)) st_bad(f, "even", "it holds %g, expected 0 or more", (double)*even);
    b->mixing.even = (double)*even;
    free(even);
}

blend_t blend_read(const st_file_t *f)
{
    st_check_schema(f, "blend/1");
    blend_t b = {.item_ids = st_need_ids(f, "item_ids", -1)};
    b.sources = read_sources(f, b.item_ids.count);
    read_parts(f, &b);
    read_edges(f, &b);
    read_groups(f, &b);
    b.mixing = mixing_new(b.bins, b.groups, b.parts);
    read_weights(f, &b);
    read_factors(f, &b);
    read_quiet(f, &b);
    read_even(f, &b);
    const char *interactions = st_meta(f, "input.interactions"), *model = st_meta(f, "input.model");
    b.interactions = interactions ? xstrdup(interactions) : NULL;
    b.model = model ? xstrdup(model) : NULL;
    return b;
}

void blend_free(blend_t *b)
{
    sources_free(&b->sources);
    strtab_free(&b->item_ids);
    mixing_free(&b->mixing);
    free(b->interactions);
    free(b->model);
    *b = (blend_t){0};
}

void blend_check_interactions(const blend_t *b, const char *path, const st_file_t *f)
{
    char *digest = st_digest(f);
    if (b->interactions && strcmp(b->interactions, digest))
        die_at(path, 0, "fitted to other interactions than %s (digest %s, expected %s)", f->name, digest, b->interactions);
    free(digest);
}

void blend_check_model(const blend_t *b, const char *path, const char *digest)
{
    if (b->model && strcmp(b->model, digest))
        die_at(path, 0, "fitted with another model than the one given (digest %s, expected %s)", digest, b->model);
}

void blend_mix_like(blend_t *b, blend_t *from, const char *name)
{
    bool same = b->parts == from->parts;
    for (int s = 0; same && s < b->parts; s++) same = b->part[s] == from->part[s];
    if (!same) die_at(name, 0, "mixes other parts than there are here: give the same kinds of inputs as it was fitted with");
    b->bins = from->bins;
    b->groups = from->groups;
    memcpy(b->edge, from->edge, sizeof b->edge);
    memcpy(b->group_edge, from->group_edge, sizeof b->group_edge);
    mixing_free(&b->mixing);
    b->mixing = from->mixing;
    from->mixing = (mixing_t){0};
}

static void table_add(st_writer_t *w, const char *table, const csr_t *t)
{
    char *offsets = member(table, "offsets"), *index = member(table, "item"), *weight = member(table, "weight");
    st_add1(w, offsets, ST_I64, t->rows + 1, t->offsets);
    st_add1(w, index, ST_I32, t->offsets[t->rows], t->index);
    st_add1(w, weight, ST_F32, t->offsets[t->rows], t->value);
    free(offsets);
    free(index);
    free(weight);
}

void blend_add(st_writer_t *w, const blend_t *b)
{
    buf_t names = {0};
    for (int s = 0; s < b->parts; s++) buf_printf(&names, "%s%s", s ? "," : "", part_names[b->part[s]]);
    st_set_meta(w, "parts", names.data);
    st_set_meta(w, "protocol", protocol_names[b->sources.protocol]);
    for (int t = 0; t < TABLES; t++)
        if (b->sources.tables[t].rows) table_add(w, table_names[t], &b->sources.tables[t]);
    st_add1(w, "popularity", ST_I64, b->sources.items, b->sources.popularity);
    st_add_strings(w, "item_ids", &b->item_ids);
    st_add1(w, "bins", ST_F32, b->bins, b->edge);
    st_add2(w, "weights", ST_F64, b->bins, b->parts, b->mixing.weight);
    st_add1(w, "groups", ST_I64, b->groups, b->group_edge);
    st_add2(w, "factors", ST_F64, b->groups, b->parts, b->mixing.factor);
    st_add1(w, "powers", ST_F64, 1 + b->parts, b->mixing.power);
    st_add1(w, "quiet", ST_F64, 1 + b->parts, b->mixing.quiet);
    if (b->mixing.even > 0) st_add1(w, "even", ST_F64, 1, &b->mixing.even);
    buf_free(&names);
}

/* Writes an object of numbers by part. */
static void by_part(const blend_t *b, const double *x, buf_t *out)
{
    buf_puts(out, "{");
    for (int s = 0; s < b->parts; s++) {
        buf_puts(out, s ? ", " : "");
        buf_json_member(out, part_names[b->part[s]], x[s]);
    }
    buf_puts(out, "}");
}

void blend_json(const blend_t *b, const int64_t *bin_users, buf_t *out)
{
    buf_puts(out, "\"bins\": [");
    for (int i = 0; i < b->bins; i++) {
        buf_printf(out, "%s\n    {\"from\": %.9g, ", i ? "," : "", (double)b->edge[i]);
        if (bin_users) buf_printf(out, "\"users\": %lld, ", (long long)bin_users[i]);
        buf_puts(out, "\"weights\": ");
        by_part(b, b->mixing.weight + i * b->parts, out);
        buf_puts(out, "}");
    }
    buf_puts(out, "\n  ],\n  \"groups\": [");
    for (int i = 0; i < b->groups; i++) {
        buf_printf(out, "%s\n    {\"from\": %lld, \"factors\": ", i ? "," : "", (long long)b->group_edge[i]);
        by_part(b, b->mixing.factor + i * b->parts, out);
        buf_puts(out, "}");
    }
    buf_puts(out, "\n  ],\n  \"powers\": {");
    buf_json_member(out, "mixture", b->mixing.power[0]);
    buf_puts(out, ", \"parts\": ");
    by_part(b, b->mixing.power + 1, out);
    buf_puts(out, "}");
}

int blend_group(const blend_t *b, int32_t item)
{
    int group = 0;
    while (group + 1 < b->groups && b->group_edge[group + 1] <= b->sources.popularity[item]) group++;
    return group;
}

int blend_bin(const blend_t *b, const history_t *h)
{
    const double familiarity = sources_familiarity(&b->sources, h);
    int bin = 0;
    while (bin + 1 < b->bins && (double)b->edge[bin + 1] <= familiarity) bin++;
    return bin;
}

int blend_place(const blend_t *b, part_t part)
{
    for (int s = 0; s < b->parts; s++)
        if (b->part[s] == part) return s;
    return -1;
}
