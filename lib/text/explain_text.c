#include "text/explain_text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "data/items.h"

enum { TEXT_WIDTH = 160 /* code points shown of a text */ };

/* Appends text for a terminal: on one line, without control characters, cut to `width` code points. */
static void add_shown(buf_t *out, const char *text, int width)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t left = (utf8proc_ssize_t)strlen(text), n;
    utf8proc_int32_t c;
    for (int i = 0; left > 0 && (n = utf8proc_iterate(p, left, &c)) > 0; i++, p += n, left -= n) {
        if (i == width) {
            buf_puts(out, "...");
            return;
        }
        utf8proc_category_t kind = utf8proc_category(c);
        bool odd = kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_ZL ||
                   kind == UTF8PROC_CATEGORY_ZP;
        if (odd) buf_puts(out, " ");
        else buf_add(out, p, (size_t)n);
    }
}

static void add_sid(buf_t *out, const explain_t *x, int64_t item)
{
    explain_add_codes(out, explain_codes(x, item), x->sids.levels);
    if (x->sids.suffix[item] >= 0) buf_printf(out, "+%d", x->sids.suffix[item]);
}

/* Appends "key: value" where the record has one. */
static void add_field(buf_t *out, const items_t *r, const char *key, const char *indent)
{
    buf_t text = {0};
    if (items_field_text(r, key, &text)) {
        buf_printf(out, "%s%s: ", indent, key);
        add_shown(out, text.data, TEXT_WIDTH);
        buf_puts(out, "\n");
    }
    buf_free(&text);
}

static void add_item(buf_t *out, const explain_t *x, int64_t item, bool itself)
{
    size_t n;
    const char *id = strtab_get(&x->sids.item_ids, item, &n), *indent = itself ? "  " : "      ";
    items_t r = explain_record(x, item);
    const char *title = r.json ? items_string(&r, "title") : NULL;
    buf_t plain = {0};
    buf_add(&plain, id, n);
    if (!itself) {
        buf_puts(out, "  ");
        add_sid(out, x, item);
        buf_puts(out, "  ");
    }
    add_shown(out, plain.data, TEXT_WIDTH);
    buf_puts(out, "  ");
    add_shown(out, title ? title : r.json ? "(no title)" : "(no record)", TEXT_WIDTH);
    buf_puts(out, "\n");
    if (itself) {
        buf_puts(out, "  SID: ");
        add_sid(out, x, item);
        buf_puts(out, "\n");
        if (r.json) add_field(out, &r, "categories", indent);
    }
    if (r.json) {
        add_field(out, &r, "caption", indent);
        add_field(out, &r, "intents", indent);
    }
    cJSON_Delete(r.json);
    buf_free(&plain);
}

/* Appends what a group of two or more has in common, a line a field; `brief`: on one line. */
static void add_topic(buf_t *out, const explain_t *x, int64_t topic, bool brief)
{
    bool first = true;
    for (topics_field_t f = 0; f < TOPIC_FIELDS; f++) {
        topics_term_t terms[EXPLAIN_TERMS];
        int n = topics_top(x->topics, topic, f, EXPLAIN_TERMS, terms);
        if (!n) continue;
        if (brief) buf_puts(out, first ? "" : "; ");
        else buf_printf(out, "  %s: ", topic_field_names[f]);
        for (int i = 0; i < n; i++) {
            buf_puts(out, i ? ", " : "");
            add_shown(out, terms[i].text, 60);
            buf_printf(out, " %.0f%%", 100 * terms[i].share);
        }
        if (!brief) buf_puts(out, "\n");
        first = false;
    }
}

static void add_rest(buf_t *out, int64_t rest, const char *what)
{
    if (rest > 0) buf_printf(out, "  and %lld more%s\n", (long long)rest, what);
}

static void show_item(buf_t *out, explain_t *x, const explain_query_t *q)
{
    int64_t *shown = NEW_ARRAY(int64_t, x->count + 1), all;
    add_item(out, x, q->item, true);
    for (int depth = x->sids.levels; depth > 0; depth--) {
        explain_prefix_t group;
        int64_t n = explain_group(x, q, depth, &group, shown, &all);
        buf_puts(out, "\n");
        explain_add_codes(out, group.codes, depth);
        int64_t others = group.end - group.begin - 1;
        buf_printf(out, "  %d code%s shared with ", depth, depth > 1 ? "s" : "");
        if (others) buf_printf(out, "%lld other item%s", (long long)others, others == 1 ? "" : "s");
        else buf_puts(out, "no other item");
        if (all < others) buf_printf(out, ", %lld of them not listed above", (long long)all);
        buf_puts(out, "\n");
        if (group.end - group.begin > 1) add_topic(out, x, explain_topic(x, group.codes, depth), false);
        for (int64_t i = 0; i < n; i++) add_item(out, x, shown[i], false);
        add_rest(out, all - n, "");
    }
    free(shown);
}

static void show_prefix(buf_t *out, explain_t *x, const explain_query_t *q)
{
    const explain_prefix_t *p = &q->prefix;
    int64_t *shown = NEW_ARRAY(int64_t, x->count + 1), all, items = p->end - p->begin;
    if (p->depth) {
        explain_add_codes(out, p->codes, p->depth);
        buf_puts(out, "  ");
    }
    buf_printf(out, "%lld item%s", (long long)items, items == 1 ? "" : "s");
    if (p->depth < x->sids.levels)
        buf_printf(out, " on %lld code%s of level %d", (long long)q->distinct, q->distinct == 1 ? "" : "s", p->depth + 1);
    buf_puts(out, "\n");
    if (p->depth && items > 1) add_topic(out, x, p->topic, false);
    if (q->distinct > 1) {
        buf_puts(out, "\n");
        for (int64_t i = 0; i < q->code_count; i++) {
            buf_puts(out, "  ");
            explain_add_codes(out, q->codes[i].codes, q->codes[i].depth);
            buf_printf(out, "  %lld: ", (long long)(q->codes[i].end - q->codes[i].begin));
            add_topic(out, x, q->codes[i].topic, true);
            buf_puts(out, "\n");
        }
        add_rest(out, q->distinct - q->code_count, " codes");
    }
    if (p->depth) {
        buf_puts(out, "\n");
        int64_t n = explain_members(x, q, shown, &all);
        for (int64_t i = 0; i < n; i++) add_item(out, x, shown[i], false);
        add_rest(out, all - n, "");
    }
    free(shown);
}

void explain_text(explain_t *x, const explain_query_t *q, buf_t *out)
{
    if (q->item >= 0) show_item(out, x, q);
    else show_prefix(out, x, q);
    if (!q->said) return;
    buf_puts(out, "\nthe model says ");
    add_shown(out, q->said, TEXT_WIDTH);
    buf_printf(out, " (log p %.2f)\n", q->said_log_p);
}

/* Appends a cluster: what its items have in common, and of the nearest one the items themselves. */
static void add_cluster(buf_t *out, explain_t *x, const explain_cluster_t *c, bool nearest)
{
    const explain_set_t *set = &x->sets[c->set];
    buf_printf(out, "  cluster %d, cosine %.2f: %d code%s, %lld item%s", c->cluster, (double)c->cosine, c->codes,
               c->codes == 1 ? "" : "s", (long long)set->count, set->count == 1 ? "" : "s");
    if (!nearest && set->count > 1) {
        buf_puts(out, ": ");
        add_topic(out, x, set->topic, true);
    }
    buf_puts(out, "\n");
    if (!nearest) return;
    if (set->count > 1) add_topic(out, x, set->topic, false);
    for (int64_t i = 0; i < set->shown_count; i++) add_item(out, x, set->shown[i], false);
    add_rest(out, set->count - set->shown_count, "");
}

void explain_thoughts_text(explain_t *x, const explain_thoughts_t *t, buf_t *out)
{
    const int32_t *codes = explain_codes(x, t->item);
    buf_printf(out, "after %lld item%s\n", (long long)t->length, t->length == 1 ? "" : "s");
    for (int64_t i = 0; i < t->length; i++) add_item(out, x, t->history[i], false);
    buf_puts(out, "the first recommended is\n");
    add_item(out, x, t->item, false);
    for (int l = 0; l < x->sids.levels; l++) {
        buf_printf(out, "\nthought %d, which led ", l + 1);
        if (l) {
            buf_puts(out, "from ");
            explain_add_codes(out, codes, l);
            buf_puts(out, " ");
        }
        buf_puts(out, "to ");
        explain_add_codes(out, codes, l + 1);
        buf_printf(out, ", of cluster %d\n", t->thoughts[l].own);
        for (int k = 0; k < t->thoughts[l].near_count; k++) add_cluster(out, x, &t->thoughts[l].near[k], k == 0);
    }
}
