#include "text/explain.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/items.h"

/* A prefix whose topic is wanted. */
typedef struct explain_asked {
    int32_t codes[SID_MAX_LEVELS];
    int depth;
    int64_t number;
    UT_hash_handle hh;
} asked_t;

explain_t explain_open(const char *sids_path, int64_t count)
{
    explain_t x = {.sids_path = sids_path, .count = count};
    st_file_t *f = st_open(sids_path);
    x.sids = sids_read(f);
    st_close(f);
    x.order = sids_order(&x.sids);
    x.records = NEW_ARRAY(char *, x.sids.items);
    return x;
}

const int32_t *explain_codes(const explain_t *x, int64_t item) { return x->sids.code + item * x->sids.levels; }

static int compare_prefix(const int32_t *a, const int32_t *b, int depth)
{
    for (int l = 0; l < depth; l++)
        if (a[l] != b[l]) return a[l] < b[l] ? -1 : 1;
    return 0;
}

/* Finds the first place of the order whose SID does not come before the codes; `after`: that comes after them all. */
static int64_t bound(const explain_t *x, const int32_t *codes, int depth, bool after)
{
    int64_t low = 0, high = x->sids.items;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int c = compare_prefix(explain_codes(x, x->order[middle]), codes, depth);
        if (c < 0 || (after && c == 0)) low = middle + 1;
        else high = middle;
    }
    return low;
}

static asked_t *find_asked(const explain_t *x, const int32_t *codes, int depth)
{
    asked_t key = {.depth = depth}, *found;
    memcpy(key.codes, codes, (size_t)depth * sizeof *codes);
    HASH_FIND(hh, x->asked, key.codes, sizeof key.codes + sizeof key.depth, found);
    return found;
}

int64_t explain_topic(explain_t *x, const int32_t *codes, int depth)
{
    asked_t *found = find_asked(x, codes, depth);
    if (found) return found->number;
    found = NEW(asked_t);
    memcpy(found->codes, codes, (size_t)depth * sizeof *codes);
    found->depth = depth;
    found->number = x->asked_count++;
    HASH_ADD(hh, x->asked, codes, sizeof found->codes + sizeof found->depth, found);
    return found->number;
}

static explain_prefix_t prefix_of(explain_t *x, const int32_t *codes, int depth)
{
    return (explain_prefix_t){codes, depth, bound(x, codes, depth, false), bound(x, codes, depth, true),
                              explain_topic(x, codes, depth)};
}

static int by_size(const void *a, const void *b)
{
    const explain_prefix_t *x = a, *y = b;
    if (x->end - x->begin != y->end - y->begin) return x->end - x->begin > y->end - y->begin ? -1 : 1;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Lists the codes that follow a prefix, the commonest first. */
static void list_codes(explain_t *x, explain_query_t *q)
{
    int64_t cap = 0;
    const explain_prefix_t *p = &q->prefix;
    if (p->depth == x->sids.levels) return;
    for (int64_t i = p->begin, end; i < p->end; i = end) {
        const int32_t *codes = explain_codes(x, x->order[i]);
        end = bound(x, codes, p->depth + 1, true);
        GROW(q->codes, q->distinct, cap);
        q->codes[q->distinct++] = (explain_prefix_t){codes, p->depth + 1, i, end, 0};
    }
    qsort(q->codes, (size_t)q->distinct, sizeof *q->codes, by_size);
    q->code_count = q->distinct < x->count ? q->distinct : x->count;
    for (int64_t i = 0; i < q->code_count; i++) q->codes[i].topic = explain_topic(x, q->codes[i].codes, p->depth + 1);
}

static void need_record(explain_t *x, int64_t item)
{
    if (!x->records[item]) x->records[item] = xstrdup("");
}

/* Finds the i-th of k places evenly spaced among n. */
static int64_t evenly(int64_t i, int64_t n, int64_t k) { return (int64_t)((double)i * (double)n / (double)k); }

/* Chooses the items to show of places [begin, end), those of [from, to) left out: up to `count`, evenly spaced, into `shown`.
 * Returns their number; *all: how many there are. */
static int64_t choose(const explain_t *x, int64_t begin, int64_t end, int64_t from, int64_t to, int64_t *shown, int64_t *all)
{
    int64_t n = *all = (end - begin) - (to - from), k = n < x->count ? n : x->count;
    for (int64_t i = 0; i < k; i++) {
        int64_t at = begin + evenly(i, n, k);
        if (at >= from) at += to - from;
        shown[i] = x->order[at];
    }
    return k;
}

int64_t explain_group(const explain_t *x, const explain_query_t *q, int depth, explain_prefix_t *group, int64_t *shown,
                      int64_t *all)
{
    const int32_t *codes = q->prefix.codes;
    int64_t begin = bound(x, codes, depth, false), end = bound(x, codes, depth, true), from, to;
    if (group) *group = (explain_prefix_t){codes, depth, begin, end, 0};
    if (depth < x->sids.levels) {
        from = bound(x, codes, depth + 1, false);
        to = bound(x, codes, depth + 1, true);
    } else { /* the item itself */
        for (from = begin; x->order[from] != q->item;) from++;
        to = from + 1;
    }
    return choose(x, begin, end, from, to, shown, all);
}

int64_t explain_members(const explain_t *x, const explain_query_t *q, int64_t *shown, int64_t *all)
{
    const explain_prefix_t *p = &q->prefix;
    *all = 0;
    return p->depth ? choose(x, p->begin, p->end, p->end, p->end, shown, all) : 0;
}

static void need_records(explain_t *x, const int64_t *items, int64_t n)
{
    for (int64_t i = 0; i < n; i++) need_record(x, items[i]);
}

static void ask_item(explain_t *x, explain_query_t *q, int64_t *shown)
{
    int64_t all;
    need_record(x, q->item);
    q->prefix = (explain_prefix_t){explain_codes(x, q->item), x->sids.levels, 0, 0, 0};
    for (int depth = x->sids.levels; depth > 0; depth--) {
        explain_topic(x, q->prefix.codes, depth);
        need_records(x, shown, explain_group(x, q, depth, NULL, shown, &all));
    }
}

static void ask_prefix(explain_t *x, explain_query_t *q, int64_t *shown)
{
    int32_t codes[SID_MAX_LEVELS];
    const int depth = sids_parse_prefix(q->text, x->sids.levels, x->sids.codes, codes);
    if (depth < 0)
        die(EX_USAGE, "'%s' is neither an item of %s nor a prefix, such as 12,7, of up to %d codes below %d", q->text, x->sids_path,
            x->sids.levels, x->sids.codes);
    int64_t first = bound(x, codes, depth, false), all;
    if (first == bound(x, codes, depth, true)) die(EX_DATAERR, "no item's SID begins with %s", q->text);
    q->prefix = prefix_of(x, explain_codes(x, x->order[first]), depth);
    list_codes(x, q);
    need_records(x, shown, explain_members(x, q, shown, &all));
}

void explain_ask(explain_t *x, const char *text)
{
    size_t length = strlen(text);
    GROW(x->queries, x->query_count, x->query_cap);
    explain_query_t *q = &x->queries[x->query_count++];
    *q = (explain_query_t){.text = text, .item = length ? strtab_find(&x->sids.item_ids, text, length) : -1};
    int64_t *shown = NEW_ARRAY(int64_t, x->count + 1);
    if (q->item >= 0) ask_item(x, q, shown);
    else ask_prefix(x, q, shown);
    free(shown);
}

void explain_ask_record(explain_t *x, int64_t item) { need_record(x, item); }

int explain_ask_set(explain_t *x, bool *has)
{
    explain_set_t s = {.topic = x->asked_count++, .has = has};
    for (int64_t i = 0; i < x->sids.items; i++) s.count += has[i];
    s.shown = NEW_ARRAY(int64_t, s.count + 1);
    s.shown_count = s.count < x->count ? s.count : x->count;
    for (int64_t i = 0, n = 0; i < x->sids.items; i++)
        if (has[x->order[i]]) s.shown[n++] = x->order[i];
    for (int64_t i = 0; i < s.shown_count; i++) s.shown[i] = s.shown[evenly(i, s.count, s.shown_count)];
    need_records(x, s.shown, s.shown_count);
    GROW(x->sets, x->set_count, x->set_cap);
    x->sets[x->set_count] = s;
    return x->set_count++;
}

/* The groups, of those asked for, that an item is in. Returns their number. */
static int asked_groups(const explain_t *x, int64_t item, int64_t *groups)
{
    int n = 0;
    for (int depth = 0; depth <= x->sids.levels; depth++) {
        const asked_t *found = find_asked(x, explain_codes(x, item), depth);
        if (found) groups[n++] = found->number;
    }
    for (int i = 0; i < x->set_count; i++)
        if (x->sets[i].has[item]) groups[n++] = x->sets[i].topic;
    return n;
}

void explain_read(explain_t *x, const char *items_path)
{
    items_t r = items_open(items_path);
    int64_t unknown = 0, known = 0, *groups = NEW_ARRAY(int64_t, SID_MAX_LEVELS + 1 + x->set_count);
    x->topics = topics_new(x->asked_count);
    while (items_next(&r)) {
        int64_t item = strtab_find(&x->sids.item_ids, r.id, strlen(r.id));
        if (item < 0) {
            unknown++;
            continue;
        }
        known++;
        int n = asked_groups(x, item, groups);
        topics_add(x->topics, &r, groups, n);
        if (!x->records[item]) continue;
        free(x->records[item]);
        x->records[item] = xstrndup(r.text.data, r.text.len);
    }
    if (known < x->sids.items || unknown)
        note("%lld of %lld items of %s have a record; %lld records are of other items", (long long)known, (long long)x->sids.items,
             x->sids_path, (long long)unknown);
    if (!known) die(EX_DATAERR, "%s: no record of an item of %s", r.lines.name, x->sids_path);
    items_close(&r);
    free(groups);
}

void explain_add_codes(buf_t *out, const int32_t *codes, int depth)
{
    for (int l = 0; l < depth; l++) buf_printf(out, "%s%d", l ? "," : "", codes[l]);
}

items_t explain_record(const explain_t *x, int64_t item)
{
    items_t r = {0};
    if (*x->records[item]) r.json = cJSON_Parse(x->records[item]);
    return r;
}

void explain_free(explain_t *x)
{
    asked_t *a, *next;
    HASH_ITER(hh, x->asked, a, next) {
        HASH_DEL(x->asked, a);
        free(a);
    }
    for (int64_t i = 0; i < x->sids.items; i++) free(x->records[i]);
    for (int i = 0; i < x->query_count; i++) {
        free(x->queries[i].codes);
        free(x->queries[i].said);
    }
    for (int i = 0; i < x->set_count; i++) {
        free(x->sets[i].has);
        free(x->sets[i].shown);
    }
    free(x->sets);
    free(x->records);
    free(x->queries);
    free(x->order);
    topics_free(x->topics);
    sids_free(&x->sids);
}
