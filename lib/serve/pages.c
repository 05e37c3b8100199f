#include "serve/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "base/mem.h"
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
                  "GET /search?q=... items whose ids or titles have all words\n"
                  "GET /health\n"
                  "GET /metrics      for Prometheus\n\n"
                  "serve(1) has the details.\n");
    return 200;
}

int page_health(const edition_t *e, bool stopping, buf_t *out)
{
    const recommender_t *r = engine_recommender(edition_engine(e));
    if (stopping) return page_error(out, 503, "stopping");
    buf_printf(out, "{\"status\":\"ok\",\"items\":%lld", (long long)engine_ids(edition_engine(e))->count);
    if (r) buf_printf(out, ",\"levels\":%d", recommender_sids(r)->levels);
    buf_printf(out, ",\"unfold\":true,\"filters\":%s}\n", edition_records(e) ? "true" : "false");
    return 200;
}

static void write_id(const edition_t *e, int64_t item, buf_t *out)
{
    size_t n;
    const char *id = strtab_get(engine_ids(edition_engine(e)), item, &n);
    buf_json_string(out, id, n);
}

/* Appends an item's id and codes, if there are any, as members of an object that has been opened. */
static void write_item(const edition_t *e, int64_t item, buf_t *out)
{
    const recommender_t *r = engine_recommender(edition_engine(e));
    buf_puts(out, "\"id\":");
    write_id(e, item, out);
    if (!r) return;
    const sids_t *s = recommender_sids(r);
    for (int l = 0; l < s->levels; l++) buf_printf(out, l ? ",%d" : ",\"codes\":[%d", (int)s->code[item * s->levels + l]);
    buf_puts(out, "]");
    if (s->suffix[item] >= 0) buf_printf(out, ",\"suffix\":%d", (int)s->suffix[item]);
}

/* The same with its title, as one of a list. */
static void write_listed(const edition_t *e, int64_t place, int64_t item, buf_t *out)
{
    buf_puts(out, place ? ",{" : "{");
    write_item(e, item, out);
    item_records_write_title(edition_records(e), item, out);
    buf_puts(out, "}");
}

/* Writes ids of items at and below a node, `skipped` apart, until there are enough. */
static void write_ids_below(const edition_t *e, const trie_t *t, int64_t node, int64_t skipped, int64_t *count, buf_t *out)
{
    if (node == skipped || *count == PAGE_SAME_MOST) return;
    for (int64_t c = 0; c < t->children[node]; c++) write_ids_below(e, t, t->first[node] + c, skipped, count, out);
    if (t->children[node]) return;
    if ((*count)++) buf_puts(out, ",");
    write_id(e, t->item[node], out);
}

/* Writes what has an item's codes, then what has all but the last of them. */
static void write_same(const edition_t *e, const space_t *s, int64_t item, buf_t *out)
{
    const trie_t *t = &s->trie;
    const int64_t leaf = t->leaf[item], codes = s->sids->suffix[item] >= 0 ? t->parent[leaf] : leaf;
    int64_t count = 0;
    buf_puts(out, ",\"same\":[");
    write_ids_below(e, t, codes, leaf, &count, out);
    write_ids_below(e, t, t->parent[codes], codes, &count, out);
    buf_puts(out, "]");
}

int page_item(const edition_t *e, const char *id, buf_t *out)
{
    const int64_t item = strtab_find(engine_ids(edition_engine(e)), id, strlen(id));
    const item_records_t *records = edition_records(e);
    const recommender_t *r = engine_recommender(edition_engine(e));
    if (item < 0) return page_error(out, 404, "no such item");
    buf_puts(out, "{");
    write_item(e, item, out);
    if (r) write_same(e, recommender_space(r), item, out);
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

static int64_t count_below(const trie_t *t, int64_t node)
{
    int64_t count = !t->children[node] && t->item[node] >= 0;
    for (int64_t c = 0; c < t->children[node]; c++) count += count_below(t, t->first[node] + c);
    return count;
}

/* Writes the first items at and below a node. */
static void write_below(const edition_t *e, const trie_t *t, int64_t node, int64_t *count, buf_t *out)
{
    if (*count == PAGE_ITEMS_MOST) return;
    for (int64_t c = 0; c < t->children[node]; c++) write_below(e, t, t->first[node] + c, count, out);
    if (!t->children[node] && t->item[node] >= 0) write_listed(e, (*count)++, t->item[node], out);
}

/* A code that follows a prefix, and how many items have it there. */
typedef struct {
    int32_t code;
    int64_t items, node;
} next_code_t;

static int commonest_first(const void *pa, const void *pb)
{
    const next_code_t *a = pa, *b = pb;
    if (a->items != b->items) return a->items > b->items ? -1 : 1;
    return (a->code > b->code) - (a->code < b->code);
}

/* Writes what the items below a node share, where it is known. */
static void write_topic(const edition_t *e, int64_t node, buf_t *out)
{
    const char *topic = code_topics_at(edition_topics(e), node);
    if (topic) buf_printf(out, ",\"topic\":%s", topic);
}

/* Writes the codes that follow a node of depth `level`. */
static void write_next(const edition_t *e, const space_t *s, int64_t node, int level, buf_t *out)
{
    const trie_t *t = &s->trie;
    const int32_t n = t->children[node];
    int32_t first = 0;
    if (n) vocab_level(&s->vocab, level, &first);
    next_code_t *next = NEW_ARRAY(next_code_t, n + 1);
    for (int32_t c = 0; c < n; c++) {
        const int64_t child = t->first[node] + c;
        next[c] = (next_code_t){t->token[child] - first, count_below(t, child), child};
    }
    qsort(next, (size_t)n, sizeof *next, commonest_first);
    buf_puts(out, ",\"next\":[");
    for (int32_t c = 0; c < n && c < PAGE_NEXT_MOST; c++) {
        buf_printf(out, "%s{\"code\":%d,\"items\":%lld", c ? "," : "", (int)next[c].code, (long long)next[c].items);
        write_topic(e, next[c].node, out);
        buf_puts(out, "}");
    }
    buf_puts(out, "]");
    free(next);
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
    buf_puts(out, "]");
    write_topic(e, node, out);
    write_next(e, s, node, n, out);
    buf_printf(out, ",\"count\":%lld}\n", (long long)count_below(&s->trie, node));
    return 200;
}

/* Reads how many items are wanted at most; 0 for what is no such number. */
static int read_limit(const char *text)
{
    char *end;
    if (!text) return PAGE_FOUND;
    const long limit = strtol(text, &end, 10);
    return *text && !*end && limit >= 1 && limit <= PAGE_ITEMS_MOST ? (int)limit : 0;
}

int page_search(const edition_t *e, const char *words, size_t n, const char *limit, buf_t *out)
{
    const int most = read_limit(limit);
    if (!words || !utf8_valid(words, n)) return page_error(out, 400, "expected ?q=words, in UTF-8");
    if (!most) return page_error(out, 400, "\"limit\": expected a whole number from 1 to 100");
    item_set_t *found = word_index_find(edition_words(e), words, n);
    if (!found) return page_error(out, 400, "\"q\": expected at most 32 words");
    buf_puts(out, "{\"items\":[");
    int place = 0;
    for (int64_t i = item_set_next(found, 0); i >= 0 && place < most; i = item_set_next(found, i + 1)) write_listed(e, place++, i, out);
    buf_printf(out, "],\"count\":%lld}\n", (long long)found->count);
    item_set_free(found);
    return 200;
}
