#include "serve/answer.h"

#include <math.h>

static void write_id(const answer_t *a, const char *member, int32_t item, buf_t *out)
{
    size_t n;
    const char *id = strtab_get(engine_ids(a->engine), item, &n);
    buf_printf(out, "\"%s\":", member);
    buf_json_string(out, id, n);
}

/* Writes what each part of the mixture gives to an item. */
static void write_parts(const unfolding_item_t *u, buf_t *out)
{
    const char *between = "";
    buf_puts(out, ",\"parts\":{");
    for (part_t p = 0; p < PARTS; p++) {
        if (!(u->part[p] > 0)) continue;
        buf_printf(out, "%s\"%s\":%.6g", between, part_names[p], u->part[p]);
        between = ",";
    }
    buf_puts(out, "}");
    if (fabs(u->votes) > 0) buf_printf(out, ",\"votes\":%.6g", u->votes);
}

static void write_item(const answer_t *a, int64_t i, buf_t *out)
{
    const unfolding_item_t *u = a->unfolding ? unfolding_item(a->unfolding, a->items[i]) : NULL;
    buf_puts(out, i ? ",{" : "{");
    write_id(a, "id", a->items[i], out);
    buf_printf(out, ",\"score\":%.6g", (double)a->scores[i]);
    item_records_write_title(a->records, a->items[i], out);
    if (u) write_parts(u, out);
    buf_puts(out, "}");
}

/* Writes the codes that lead to a node, and a suffix. */
static void write_path(const space_t *s, int64_t node, buf_t *out)
{
    int32_t token[SID_MAX_TOKENS];
    int length = 0;
    for (; node > 0; node = s->trie.parent[node]) token[length++] = s->trie.token[node];
    for (int l = 0; l < length; l++) {
        int32_t first;
        vocab_level(&s->vocab, l, &first);
        buf_printf(out, l ? ",%d" : "%d", (int)(token[length - 1 - l] - first));
    }
}

static void write_prefix(const answer_t *a, const space_t *s, const trail_prefix_t *p, buf_t *out)
{
    buf_puts(out, "{\"codes\":[");
    write_path(s, p->node, out);
    buf_printf(out, "],\"logp\":%.6g", (double)p->score);
    if (s->trie.item[p->node] >= 0) {
        buf_puts(out, ",");
        write_id(a, "item", s->trie.item[p->node], out);
    }
    buf_puts(out, "}");
}

static void write_levels(const answer_t *a, const trail_t *t, buf_t *out)
{
    const space_t *s = recommender_space(engine_recommender(a->engine));
    buf_puts(out, ",\"levels\":[");
    for (int l = 0; l < t->levels; l++) {
        buf_puts(out, l ? ",[" : "[");
        for (int64_t i = t->first[l]; i < t->first[l + 1]; i++) {
            if (i > t->first[l]) buf_puts(out, ",");
            write_prefix(a, s, &t->prefixes[i], out);
        }
        buf_puts(out, "]");
    }
    buf_puts(out, "]");
}

/* Writes the generator's own list. */
static void write_found(const answer_t *a, const unfolding_t *u, buf_t *out)
{
    buf_puts(out, ",\"model\":[");
    for (int64_t i = 0; i < u->found_count && i < a->k; i++) {
        buf_puts(out, i ? ",{" : "{");
        write_id(a, "id", u->found[i], out);
        buf_printf(out, ",\"score\":%.6g}", (double)u->found_score[i]);
    }
    buf_puts(out, "]");
}

static void write_unfolding(const answer_t *a, const unfolding_t *u, buf_t *out)
{
    if (u->count) buf_printf(out, ",\"power\":%.6g", u->power);
    if (u->trail.levels) write_levels(a, &u->trail, out);
    if (u->found) write_found(a, u, out);
}

void answer_write(const answer_t *a, buf_t *out)
{
    buf_puts(out, "{\"items\":[");
    for (int64_t i = 0; i < a->k && a->items[i] >= 0; i++) write_item(a, i, out);
    buf_printf(out, "],\"unknown\":%lld", (long long)a->unknown);
    if (a->within) buf_printf(out, ",\"allowed\":%lld", (long long)a->within->count);
    if (a->unfolding) write_unfolding(a, a->unfolding, out);
    buf_puts(out, "}");
}
