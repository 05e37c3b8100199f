/* explain: what Semantic IDs mean, read off the items that share them. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utf8proc.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/items.h"
#include "data/sids.h"
#include "text/topics.h"

enum { TERMS = 4 /* of a field, in a summary */, TEXT_WIDTH = 160 /* code points shown of a text */ };

static const char *sids_path, *items_path;
static int64_t count = 10;
static bool json;

static const cli_option_t options[] = {
    OPT_STRING('s', "sids", "FILE", &sids_path, "sids/1"),
    OPT_STRING('i', "items", "FILE", &items_path, "items.jsonl (stdin)"),
    OPT_INT('n', "count", "N", &count, 0, 1000000, "items, or codes, shown of a group"),
    OPT_FLAG('j', "json", &json, "one JSON object for each operand"),
    CLI_OUTPUT,
};

static const cli_t cli = {"explain", "-s sids.st -i items.jsonl [ID | CODE,... ]...",
                          "Shows the items that share an item's first codes, or a prefix of codes, and what they have in common.",
                          options, CLI_COUNT(options)};

/* Items whose SIDs begin with the same codes: a range of the sorted order. */
typedef struct {
    const int32_t *codes;
    int depth;
    int64_t begin, end;
    int64_t topic; /* its group among the topics */
} prefix_t;

/* A prefix whose topic is wanted. */
typedef struct {
    int32_t codes[SID_MAX_LEVELS];
    int depth;
    int64_t number;
    UT_hash_handle hh;
} asked_t;

/* An operand. */
typedef struct {
    const char *text;
    int64_t item;        /* -1: a prefix */
    prefix_t prefix;     /* of an item all its codes */
    prefix_t *codes;     /* of a prefix: what follows it, the commonest first, up to `count` */
    int64_t code_count, distinct;
} query_t;

typedef struct {
    sids_t sids;
    int64_t *order;      /* the items by SID */
    asked_t *asked;      /* by depth and codes */
    int64_t asked_count;
    query_t *queries;
    int query_count;
    char **records;      /* [items] of the items to be shown: "" until read */
    topics_t *topics;
} explain_t;

static const int32_t *codes_of(const explain_t *x, int64_t item) { return x->sids.code + item * x->sids.levels; }

static int compare_prefix(const int32_t *a, const int32_t *b, int depth)
{
    for (int l = 0; l < depth; l++)
        if (a[l] != b[l]) return a[l] < b[l] ? -1 : 1;
    return 0;
}

/* The first place of the order whose SID does not come before the codes; `after`: that comes after them all. */
static int64_t bound(const explain_t *x, const int32_t *codes, int depth, bool after)
{
    int64_t low = 0, high = x->sids.items;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int c = compare_prefix(codes_of(x, x->order[middle]), codes, depth);
        if (c < 0 || (after && c == 0)) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Has the topic of a prefix counted; returns its number. */
static int64_t ask_topic(explain_t *x, const int32_t *codes, int depth)
{
    asked_t key = {.depth = depth}, *found;
    memcpy(key.codes, codes, (size_t)depth * sizeof *codes);
    const unsigned length = sizeof key.codes + sizeof key.depth;
    HASH_FIND(hh, x->asked, key.codes, length, found);
    if (found) return found->number;
    found = NEW(asked_t);
    memcpy(found->codes, key.codes, sizeof key.codes);
    found->depth = depth;
    found->number = x->asked_count++;
    HASH_ADD(hh, x->asked, codes, length, found);
    return found->number;
}

static prefix_t prefix_of(explain_t *x, const int32_t *codes, int depth)
{
    return (prefix_t){codes, depth, bound(x, codes, depth, false), bound(x, codes, depth, true), ask_topic(x, codes, depth)};
}

static int by_size(const void *a, const void *b)
{
    const prefix_t *x = a, *y = b;
    if (x->end - x->begin != y->end - y->begin) return x->end - x->begin > y->end - y->begin ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The codes that follow a prefix. */
static void list_codes(explain_t *x, query_t *q)
{
    int64_t cap = 0;
    const prefix_t *p = &q->prefix;
    if (p->depth == x->sids.levels) return;
    for (int64_t i = p->begin, end; i < p->end; i = end) {
        const int32_t *codes = codes_of(x, x->order[i]);
        end = bound(x, codes, p->depth + 1, true);
        GROW(q->codes, q->distinct, cap);
        q->codes[q->distinct++] = (prefix_t){codes, p->depth + 1, i, end, 0};
    }
    qsort(q->codes, (size_t)q->distinct, sizeof *q->codes, by_size);
    q->code_count = q->distinct < count ? q->distinct : count;
    for (int64_t i = 0; i < q->code_count; i++) q->codes[i].topic = ask_topic(x, q->codes[i].codes, p->depth + 1);
}

/* Parses "12", "12,7", "12,7," ("" is the whole catalogue); false if it is not that. */
static bool parse_prefix(const explain_t *x, const char *text, int32_t *codes, int *depth)
{
    *depth = 0;
    while (*text) {
        char *end;
        long v = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
        if (v < 0 || v >= x->sids.codes || (*end && *end != ',') || *depth == x->sids.levels) return false;
        codes[(*depth)++] = (int32_t)v;
        text = *end ? end + 1 : end;
    }
    return true;
}

static void need_record(explain_t *x, int64_t item)
{
    if (!x->records[item]) x->records[item] = xstrdup("");
}

/* The items shown of places [begin, end), those of [from, to) left out: up to `count`, evenly spaced. Returns how many there
 * are; `shown` receives up to `count`. */
static int64_t choose(const explain_t *x, int64_t begin, int64_t end, int64_t from, int64_t to, int64_t *shown, int64_t *all)
{
    int64_t n = *all = (end - begin) - (to - from), k = n < count ? n : count;
    for (int64_t i = 0; i < k; i++) {
        int64_t at = begin + (int64_t)((double)i * (double)n / (double)k);
        if (at >= from) at += to - from;
        shown[i] = x->order[at];
    }
    return k;
}

/* An item's groups: `depth` codes shared, more not. */
static int64_t group_items(const explain_t *x, const query_t *q, int depth, prefix_t *group, int64_t *shown, int64_t *all)
{
    const int32_t *codes = q->prefix.codes;
    int64_t begin = bound(x, codes, depth, false), end = bound(x, codes, depth, true), from, to;
    if (group) *group = (prefix_t){codes, depth, begin, end, 0};
    if (depth < x->sids.levels) {
        from = bound(x, codes, depth + 1, false);
        to = bound(x, codes, depth + 1, true);
    } else { /* the item itself */
        for (from = begin; x->order[from] != q->item;) from++;
        to = from + 1;
    }
    return choose(x, begin, end, from, to, shown, all);
}

static void prepare(explain_t *x, query_t *q, const char *text)
{
    size_t length = strlen(text);
    int64_t *shown = NEW_ARRAY(int64_t, count + 1), all;
    *q = (query_t){.text = text, .item = length ? strtab_find(&x->sids.item_ids, text, length) : -1};
    if (q->item >= 0) {
        need_record(x, q->item);
        q->prefix = (prefix_t){codes_of(x, q->item), x->sids.levels, 0, 0, 0};
        for (int depth = x->sids.levels; depth > 0; depth--) {
            ask_topic(x, q->prefix.codes, depth);
            int64_t n = group_items(x, q, depth, NULL, shown, &all);
            for (int64_t i = 0; i < n; i++) need_record(x, shown[i]);
        }
        free(shown);
        return;
    }
    int32_t codes[SID_MAX_LEVELS];
    int depth;
    if (!parse_prefix(x, text, codes, &depth))
        die(EX_USAGE, "'%s' is neither an item of %s nor a prefix, such as 12,7, of up to %d codes below %d", text, sids_path,
            x->sids.levels, x->sids.codes);
    int64_t first = bound(x, codes, depth, false);
    if (first == bound(x, codes, depth, true)) die(EX_DATAERR, "no item's SID begins with %s", text);
    q->prefix = prefix_of(x, codes_of(x, x->order[first]), depth);
    list_codes(x, q);
    int64_t n = depth ? choose(x, q->prefix.begin, q->prefix.end, q->prefix.end, q->prefix.end, shown, &all) : 0;
    for (int64_t i = 0; i < n; i++) need_record(x, shown[i]);
    free(shown);
}

/* Reads the records: terms of all, the text of those to be shown. */
static void read_items(explain_t *x)
{
    items_t r = items_open(items_path);
    int64_t unknown = 0, known = 0;
    x->topics = topics_new(x->asked_count);
    while (items_next(&r)) {
        int64_t item = strtab_find(&x->sids.item_ids, r.id, strlen(r.id)), groups[SID_MAX_LEVELS + 1];
        if (item < 0) {
            unknown++;
            continue;
        }
        known++;
        int n = 0;
        for (int depth = 0; depth <= x->sids.levels; depth++) {
            asked_t key = {.depth = depth}, *found;
            memcpy(key.codes, codes_of(x, item), (size_t)depth * sizeof *key.codes);
            HASH_FIND(hh, x->asked, key.codes, sizeof key.codes + sizeof key.depth, found);
            if (found) groups[n++] = found->number;
        }
        topics_add(x->topics, &r, groups, n);
        if (!x->records[item]) continue;
        free(x->records[item]);
        x->records[item] = xstrndup(r.text.data, r.text.len);
    }
    if (known < x->sids.items || unknown)
        note("%lld of %lld items of %s have a record; %lld records are of other items", (long long)known, (long long)x->sids.items,
             sids_path, (long long)unknown);
    if (!known) die(EX_DATAERR, "%s: no record of an item of %s", r.lines.name, sids_path);
    items_close(&r);
}

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

static void add_codes(buf_t *out, const int32_t *codes, int depth)
{
    for (int l = 0; l < depth; l++) buf_printf(out, "%s%d", l ? "," : "", codes[l]);
}

static void add_sid(buf_t *out, const explain_t *x, int64_t item)
{
    add_codes(out, codes_of(x, item), x->sids.levels);
    if (x->sids.suffix[item] >= 0) buf_printf(out, "+%d", x->sids.suffix[item]);
}

/* "key: value" where the record has one. */
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

/* The record as a reader holds it, for the functions on records; json NULL where there is none. */
static items_t parsed(const explain_t *x, int64_t item)
{
    items_t r = {0};
    if (*x->records[item]) r.json = cJSON_Parse(x->records[item]);
    return r;
}

static void add_item(buf_t *out, const explain_t *x, int64_t item, bool itself)
{
    size_t n;
    const char *id = strtab_get(&x->sids.item_ids, item, &n), *indent = itself ? "  " : "      ";
    items_t r = parsed(x, item);
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

/* What a group of two or more has in common, a line a field; `brief`: on one line. */
static void add_topic(buf_t *out, const explain_t *x, int64_t topic, bool brief)
{
    bool first = true;
    for (topic_field_t f = 0; f < TOPIC_FIELDS; f++) {
        topic_term_t terms[TERMS];
        int n = topics_top(x->topics, topic, f, TERMS, terms);
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

static void show_item(buf_t *out, explain_t *x, const query_t *q)
{
    int64_t *shown = NEW_ARRAY(int64_t, count + 1), all;
    add_item(out, x, q->item, true);
    for (int depth = x->sids.levels; depth > 0; depth--) {
        prefix_t group;
        int64_t n = group_items(x, q, depth, &group, shown, &all);
        buf_puts(out, "\n");
        add_codes(out, group.codes, depth);
        int64_t others = group.end - group.begin - 1;
        buf_printf(out, "  %d code%s shared with ", depth, depth > 1 ? "s" : "");
        if (others) buf_printf(out, "%lld other item%s", (long long)others, others == 1 ? "" : "s");
        else buf_puts(out, "no other item");
        if (all < others) buf_printf(out, ", %lld of them not listed above", (long long)all);
        buf_puts(out, "\n");
        if (group.end - group.begin > 1) add_topic(out, x, ask_topic(x, group.codes, depth), false);
        for (int64_t i = 0; i < n; i++) add_item(out, x, shown[i], false);
        add_rest(out, all - n, "");
    }
    free(shown);
}

static void show_prefix(buf_t *out, explain_t *x, const query_t *q)
{
    const prefix_t *p = &q->prefix;
    int64_t *shown = NEW_ARRAY(int64_t, count + 1), all, items = p->end - p->begin;
    if (p->depth) {
        add_codes(out, p->codes, p->depth);
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
            add_codes(out, q->codes[i].codes, q->codes[i].depth);
            buf_printf(out, "  %lld: ", (long long)(q->codes[i].end - q->codes[i].begin));
            add_topic(out, x, q->codes[i].topic, true);
            buf_puts(out, "\n");
        }
        add_rest(out, q->distinct - q->code_count, " codes");
    }
    if (p->depth) {
        buf_puts(out, "\n");
        int64_t n = choose(x, p->begin, p->end, p->end, p->end, shown, &all);
        for (int64_t i = 0; i < n; i++) add_item(out, x, shown[i], false);
        add_rest(out, all - n, "");
    }
    free(shown);
}

static void json_codes(buf_t *out, const char *key, const int32_t *codes, int depth)
{
    buf_printf(out, "\"%s\":[", key);
    add_codes(out, codes, depth);
    buf_puts(out, "]");
}

static void json_item(buf_t *out, const explain_t *x, int64_t item)
{
    size_t n;
    const char *id = strtab_get(&x->sids.item_ids, item, &n);
    buf_puts(out, "{\"id\":");
    buf_json_string(out, id, n);
    buf_puts(out, ",");
    json_codes(out, "codes", codes_of(x, item), x->sids.levels);
    buf_printf(out, ",\"suffix\":%d", x->sids.suffix[item]);
    items_t r = parsed(x, item);
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

/* Opens an object about a group: "codes", "items", "topic". */
static void json_group(buf_t *out, const explain_t *x, const prefix_t *p)
{
    buf_puts(out, "{");
    json_codes(out, "codes", p->codes, p->depth);
    buf_printf(out, ",\"items\":%lld,\"topic\":{", (long long)(p->end - p->begin));
    bool first = true;
    for (topic_field_t f = 0; f < TOPIC_FIELDS; f++) {
        topic_term_t terms[TERMS];
        int n = topics_top(x->topics, p->topic, f, TERMS, terms);
        if (!n) continue;
        buf_printf(out, "%s\"%s\":[", first ? "" : ",", topic_field_names[f]);
        for (int i = 0; i < n; i++) {
            buf_puts(out, i ? ",{\"text\":" : "{\"text\":");
            buf_json_string(out, terms[i].text, strlen(terms[i].text));
            buf_printf(out, ",\"items\":%lld,\"overall\":%.6g}", (long long)terms[i].count, terms[i].overall);
        }
        buf_puts(out, "]");
        first = false;
    }
    buf_puts(out, "}");
}

static void json_query(buf_t *out, explain_t *x, const query_t *q)
{
    int64_t *shown = NEW_ARRAY(int64_t, count + 1), all, n;
    if (q->item >= 0) {
        buf_puts(out, "{\"item\":");
        json_item(out, x, q->item);
        buf_puts(out, ",\"groups\":[");
        for (int depth = x->sids.levels; depth > 0; depth--) {
            prefix_t group;
            n = group_items(x, q, depth, &group, shown, &all);
            group.topic = ask_topic(x, group.codes, depth);
            json_group(out, x, &group);
            json_items(out, x, shown, n);
            buf_puts(out, depth > 1 ? "}," : "}");
        }
        buf_puts(out, "]}\n");
    } else {
        json_group(out, x, &q->prefix);
        buf_printf(out, ",\"distinct\":%lld,\"next\":[", (long long)q->distinct);
        for (int64_t i = 0; i < q->code_count; i++) {
            buf_puts(out, i ? "," : "");
            json_group(out, x, &q->codes[i]);
            buf_puts(out, "}");
        }
        n = q->prefix.depth ? choose(x, q->prefix.begin, q->prefix.end, q->prefix.end, q->prefix.end, shown, &all) : 0;
        buf_puts(out, "]");
        json_items(out, x, shown, n);
        buf_puts(out, "}\n");
    }
    free(shown);
}

static void explain_free(explain_t *x)
{
    asked_t *a, *next;
    HASH_ITER(hh, x->asked, a, next) {
        HASH_DEL(x->asked, a);
        free(a);
    }
    for (int64_t i = 0; i < x->sids.items; i++) free(x->records[i]);
    for (int i = 0; i < x->query_count; i++) free(x->queries[i].codes);
    free(x->records);
    free(x->queries);
    free(x->order);
    topics_free(x->topics);
    sids_free(&x->sids);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (!sids_path) die(EX_USAGE, "no --sids, expected a file of Semantic IDs");
    explain_t x = {0};
    st_file_t *f = st_open(sids_path);
    x.sids = sids_read(f);
    st_close(f);
    x.order = sids_order(&x.sids);
    x.records = NEW_ARRAY(char *, x.sids.items);
    x.query_count = operands ? operands : 1;
    x.queries = NEW_ARRAY(query_t, x.query_count);
    for (int i = 0; i < x.query_count; i++) prepare(&x, &x.queries[i], operands ? argv[1 + i] : "");
    read_items(&x);

    out_t *out = out_open(cli_common.output, false);
    buf_t text = {0};
    for (int i = 0; i < x.query_count; i++) {
        buf_clear(&text);
        const query_t *q = &x.queries[i];
        if (json) json_query(&text, &x, q);
        else if (q->item >= 0) show_item(&text, &x, q);
        else show_prefix(&text, &x, q);
        if (i && !json) out_write(out, "\n\n", 2);
        out_write(out, text.data, text.len);
    }
    out_commit(out);
    buf_free(&text);
    explain_free(&x);
    return 0;
}
