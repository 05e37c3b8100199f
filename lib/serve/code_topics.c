#include "serve/code_topics.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/sids.h"
#include "text/topics.h"

enum { TERMS = 4 /* of a field */ };

struct code_topics {
    int64_t nodes;
    char **json; /* [nodes] */
};

/* Numbers the nodes above two items or more, but the root, whose items are all; group [nodes], -1 elsewhere. */
static int64_t number_groups(const trie_t *t, int64_t *group)
{
    int64_t *below = NEW_ARRAY(int64_t, t->nodes), count = 0;
    for (int64_t i = 0; i < t->items; i++)
        for (int64_t node = t->parent[t->leaf[i]]; node >= 0; node = t->parent[node]) below[node]++;
    for (int64_t node = 0; node < t->nodes; node++) group[node] = node && below[node] > 1 ? count++ : -1;
    free(below);
    return count;
}

/* Counts a record's terms in the groups that its item belongs to. */
static void add_record(topics_t *topics, const trie_t *t, const int64_t *group, int64_t item, const char *line)
{
    int64_t groups[SID_MAX_TOKENS];
    int n = 0;
    for (int64_t node = t->parent[t->leaf[item]]; node >= 0; node = t->parent[node])
        if (group[node] >= 0) groups[n++] = group[node];
    const items_t record = {.json = cJSON_Parse(line)};
    topics_add(topics, &record, groups, n);
    cJSON_Delete(record.json);
}

code_topics_t *code_topics_new(const trie_t *t, const item_records_t *r)
{
    code_topics_t *c = NEW(code_topics_t);
    int64_t *group = NEW_ARRAY(int64_t, t->nodes);
    topics_t *topics = topics_new(number_groups(t, group));
    for (int64_t i = 0; i < t->items; i++)
        if (r->line[i]) add_record(topics, t, group, i, r->line[i]);
    c->nodes = t->nodes;
    c->json = NEW_ARRAY(char *, t->nodes);
    for (int64_t node = 0; node < t->nodes; node++) {
        if (group[node] < 0) continue;
        buf_t json = {0};
        topics_write(topics, group[node], TERMS, &json);
        c->json[node] = json.data;
    }
    topics_free(topics);
    free(group);
    return c;
}

void code_topics_free(code_topics_t *c)
{
    if (!c) return;
    for (int64_t i = 0; i < c->nodes; i++) free(c->json[i]);
    free(c->json);
    free(c);
}

const char *code_topics_at(const code_topics_t *c, int64_t node) { return c ? c->json[node] : NULL; }
