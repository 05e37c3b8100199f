#include "serve/pages.h"

#include <string.h>

#include "score/recommender.h"

int page_error(buf_t *out, int status, const char *what)
{
    buf_puts(out, "{\"error\":");
    buf_json_string(out, what, strlen(what));
    buf_puts(out, "}\n");
    return status;
}

int page_home(const buf_t *explorer, buf_t *out)
{
    if (explorer) return buf_add(out, explorer->data, explorer->len), 200;
    buf_puts(out, "sidmill serve\n\n"
                  "POST /recommend   {\"history\": [\"id\", ...]} or {\"histories\": [[...], ...]}, and as wanted\n"
                  "                  \"k\": 10, \"exclude\": [\"id\", ...], \"exclude_seen\": true,\n"
                  "                  \"filter\": {\"brand\": \"...\", \"category\": [\"...\", \"...\"], ...}\n"
                  "GET /items/ID     an item's record and codes\n"
                  "GET /codes/1,2    the items whose codes begin so\n"
                  "GET /health\n"
                  "GET /metrics      for Prometheus\n\n"
                  "serve(1) has the details.\n");
    return 200;
}

int page_health(const edition_t *e, bool stopping, buf_t *out)
{
    if (stopping) return page_error(out, 503, "stopping");
    buf_printf(out, "{\"status\":\"ok\",\"items\":%lld}\n", (long long)engine_ids(edition_engine(e))->count);
    return 200;
}

/* Appends an item's id and codes, if there are any, as members of an object that has been opened. */
static void write_item(const edition_t *e, int64_t item, buf_t *out)
{
    size_t n;
    const engine_t *engine = edition_engine(e);
    const recommender_t *r = engine_recommender(engine);
    const char *id = strtab_get(engine_ids(engine), item, &n);
    buf_puts(out, "\"id\":");
    buf_json_string(out, id, n);
    if (!r) return;
    const sids_t *s = recommender_sids(r);
    for (int l = 0; l < s->levels; l++) buf_printf(out, l ? ",%d" : ",\"codes\":[%d", (int)s->code[item * s->levels + l]);
    buf_puts(out, "]");
    if (s->suffix[item] >= 0) buf_printf(out, ",\"suffix\":%d", (int)s->suffix[item]);
}

int page_item(const edition_t *e, const char *id, buf_t *out)
{
    const int64_t item = strtab_find(engine_ids(edition_engine(e)), id, strlen(id));
    const item_records_t *records = edition_records(e);
    if (item < 0) return page_error(out, 404, "no such item");
    buf_puts(out, "{");
    write_item(e, item, out);
    if (records) buf_printf(out, ",\"record\":%s", records->line[item] ? records->line[item] : "null");
    buf_puts(out, "}\n");
    return 200;
}

/* The node of a prefix, -1 if no item has it. */
static int64_t find_node(const space_t *s, const int32_t *code, int n)
{
    int64_t node = 0;
    for (int l = 0; l < n && node >= 0; l++) {
        int32_t first;
        node = code[l] < vocab_level(&s->vocab, l, &first) ? trie_child(&s->trie, node, first + code[l]) : -1;
    }
    return node;
}

/* Writes the first items at and below a node, and counts all. */
static void write_below(const edition_t *e, const trie_t *t, int64_t node, int64_t *count, buf_t *out)
{
    for (int64_t c = 0; c < t->children[node]; c++) write_below(e, t, t->first[node] + c, count, out);
    if (t->children[node] || t->item[node] < 0 || (*count)++ >= PAGE_ITEMS_MOST) return;
    const int64_t item = t->item[node];
    buf_puts(out, *count > 1 ? ",{" : "{");
    write_item(e, item, out);
    edition_write_title(e, item, out);
    buf_puts(out, "}");
}

int page_codes(const edition_t *e, const char *codes, buf_t *out)
{
    const recommender_t *r = engine_recommender(edition_engine(e));
    if (!r) return page_error(out, 404, "no codes: serve was started without a model");
    const space_t *s = recommender_space(r);
    int32_t code[SID_MAX_TOKENS];
    const size_t length = strlen(codes);
    const bool open_ended = length && codes[length - 1] == ',';
    const int n = open_ended ? -1 : sids_parse_prefix(codes, s->vocab.levels + 1, INT32_MAX, code);
    if (n < 0) return page_error(out, 400, "expected codes with commas between them");
    const int64_t node = find_node(s, code, n);
    if (node < 0) return page_error(out, 404, "no item has these codes");
    int64_t count = 0;
    buf_puts(out, "{\"codes\":[");
    for (int l = 0; l < n; l++) buf_printf(out, l ? ",%d" : "%d", (int)code[l]);
    buf_puts(out, "],\"items\":[");
    write_below(e, &s->trie, node, &count, out);
    buf_printf(out, "],\"count\":%lld}\n", (long long)count);
    return 200;
}
