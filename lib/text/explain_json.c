#include "text/explain_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/items.h"

static void json_codes(buf_t *out, const char *key, const int32_t *codes, int depth)
{
    buf_printf(out, "\"%s\":[", key);
    explain_add_codes(out, codes, depth);
    buf_puts(out, "]");
}

static void json_item(buf_t *out, const explain_t *x, int64_t item)
{
    size_t n;
    const char *id = strtab_get(&x->sids.item_ids, item, &n);
    buf_puts(out, "{\"id\":");
    buf_json_string(out, id, n);
    buf_puts(out, ",");
    json_codes(out, "codes", explain_codes(x, item), x->sids.levels);
    buf_printf(out, ",\"suffix\":%d", x->sids.suffix[item]);
    items_t r = explain_record(x, item);
    static const char *const keys[] = {"title", "categories", "caption", "intents"};
    for (int i = 0; r.json && i < 4; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(r.json, keys[i]);
        if (!value || cJSON_IsNull(value)) continue;
        char *text = cJSON_PrintUnformatted(value);
        buf_printf(out, ",\"%s\":", keys[i]);
        buf_puts(out, text);
        free(text);
    }
    buf_puts(out, "}");
    cJSON_Delete(r.json);
}

static void json_items(buf_t *out, const explain_t *x, const int64_t *items, int64_t n)
{
    buf_puts(out, ",\"shown\":[");
    for (int64_t i = 0; i < n; i++) {
        buf_puts(out, i ? "," : "");
        json_item(out, x, items[i]);
    }
    buf_puts(out, "]");
}

/* Appends "items" and "topic" of a group. */
static void json_topic(buf_t *out, const explain_t *x, int64_t topic, int64_t items)
{
    buf_printf(out, ",\"items\":%lld,\"topic\":", (long long)items);
    topics_write(x->topics, topic, EXPLAIN_TERMS, out);
}

/* Opens an object about a group: "codes", "items", "topic". */
static void json_group(buf_t *out, const explain_t *x, const explain_prefix_t *p)
{
    buf_puts(out, "{");
    json_codes(out, "codes", p->codes, p->depth);
    json_topic(out, x, p->topic, p->end - p->begin);
}

/* Ends a query's object. */
static void end_query(buf_t *out, const explain_query_t *q)
{
    if (q->said) {
        buf_puts(out, ",\"said\":{\"title\":");
        buf_json_string(out, q->said, strlen(q->said));
        buf_printf(out, ",\"log_p\":%.6g}", q->said_log_p);
    }
    buf_puts(out, "}\n");
}

void explain_json(explain_t *x, const explain_query_t *q, buf_t *out)
{
    int64_t *shown = NEW_ARRAY(int64_t, x->count + 1), all, n;
    if (q->item >= 0) {
        buf_puts(out, "{\"item\":");
        json_item(out, x, q->item);
        buf_puts(out, ",\"groups\":[");
        for (int depth = x->sids.levels; depth > 0; depth--) {
            explain_prefix_t group;
            n = explain_group(x, q, depth, &group, shown, &all);
            group.topic = explain_topic(x, group.codes, depth);
            json_group(out, x, &group);
            json_items(out, x, shown, n);
            buf_puts(out, depth > 1 ? "}," : "}");
        }
        buf_puts(out, "]");
        end_query(out, q);
    } else {
        json_group(out, x, &q->prefix);
        buf_printf(out, ",\"distinct\":%lld,\"next\":[", (long long)q->distinct);
        for (int64_t i = 0; i < q->code_count; i++) {
            buf_puts(out, i ? "," : "");
            json_group(out, x, &q->codes[i]);
            buf_puts(out, "}");
        }
        n = explain_members(x, q, shown, &all);
        buf_puts(out, "]");
        json_items(out, x, shown, n);
        end_query(out, q);
    }
    free(shown);
}

static void json_cluster(buf_t *out, const explain_t *x, const explain_cluster_t *c)
{
    const explain_set_t *set = &x->sets[c->set];
    buf_printf(out, "{\"cluster\":%d,\"cosine\":%.6g,\"codes\":%d", c->cluster, (double)c->cosine, c->codes);
    json_topic(out, x, set->topic, set->count);
    json_items(out, x, set->shown, set->shown_count);
    buf_puts(out, "}");
}

void explain_thoughts_json(explain_t *x, const explain_thoughts_t *t, buf_t *out)
{
    buf_puts(out, "{\"history\":[");
    for (int64_t i = 0; i < t->length; i++) {
        size_t n;
        const char *id = strtab_get(&x->sids.item_ids, t->history[i], &n);
        buf_puts(out, i ? "," : "");
        buf_json_string(out, id, n);
    }
    buf_puts(out, "],\"item\":");
    json_item(out, x, t->item);
    buf_puts(out, ",\"thoughts\":[");
    for (int l = 0; l < x->sids.levels; l++) {
        buf_printf(out, "%s{\"level\":%d,\"code\":%d,\"own\":%d,\"clusters\":[", l ? "," : "", l + 1,
                   explain_codes(x, t->item)[l], t->thoughts[l].own);
        for (int k = 0; k < t->thoughts[l].near_count; k++) {
            buf_puts(out, k ? "," : "");
            json_cluster(out, x, &t->thoughts[l].near[k]);
        }
        buf_puts(out, "]}");
    }
    buf_puts(out, "]}\n");
}
