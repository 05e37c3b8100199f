#include "gen/space.h"

#include <stdlib.h>
#include <string.h>

const char *const softmax_names[] = {"trie", "level", NULL};

bool softmax_parse(const char *name, softmax_t *softmax)
{
    for (int i = 0; softmax_names[i]; i++)
        if (!strcmp(softmax_names[i], name)) {
            *softmax = (softmax_t)i;
            return true;
        }
    return false;
}

space_t space_make(const sids_t *sids, softmax_t softmax, int64_t max_items)
{
    space_t s = {.sids = sids, .softmax = softmax, .max_items = max_items};
    s.vocab = vocab_make(sids->levels, sids->codes, sids->max_suffix);
    s.trie = trie_build(sids, &s.vocab);
    s.widest = sids->codes > sids->max_suffix ? sids->codes : sids->max_suffix;
    return s;
}

void space_free(space_t *s) { trie_free(&s->trie); }

int64_t space_longest(const space_t *s) { return 1 + s->max_items * (s->vocab.levels + 1); }

int64_t space_positions(const space_t *s) { return space_longest(s) + s->vocab.levels + 1; }

allowed_set_t space_next(const space_t *s, int level, int64_t node)
{
    return s->softmax == SOFTMAX_TRIE ? allowed_children(level, node) : allowed_level(level);
}

allowed_t space_allowed(const space_t *s, allowed_set_t set)
{
    if (set.kind == ALLOWED_RANGE) return (allowed_t){set.count, set.first, NULL, set.first, set.count};
    int32_t first;
    const int32_t span = vocab_level(&s->vocab, set.level, &first);
    if (set.kind == ALLOWED_LEVEL) return (allowed_t){span, first, NULL, first, span};
    return (allowed_t){s->trie.children[set.node], 0, s->trie.token + s->trie.first[set.node], first, span};
}

int32_t allowed_index(const allowed_t *a, int32_t token)
{
    if (!a->tokens) return token >= a->first && token < a->first + a->n ? token - a->first : -1;
    for (int32_t i = 0; i < a->n; i++)
        if (a->tokens[i] == token) return i;
    return -1;
}

int64_t space_certain(const space_t *s, int64_t node)
{
    int64_t leaf = node;
    while (s->trie.children[leaf] == 1) leaf = s->trie.first[leaf];
    return s->trie.children[leaf] == 0 ? leaf : node;
}

/* Returns the last max_items of a history. */
static history_t last_items(const space_t *s, const history_t *h)
{
    const int64_t skip = h->count > s->max_items ? h->count - s->max_items : 0;
    return (history_t){h->items + skip, h->count - skip, h->target};
}

int64_t space_history(const space_t *s, const history_t *h, int32_t *tokens)
{
    const history_t read = last_items(s, h);
    int64_t n = 0;
    if (tokens) tokens[n] = s->vocab.bos;
    n++;
    for (int64_t i = 0; i < read.count; i++)
        n += tokens ? vocab_sid(&s->vocab, s->sids, read.items[i], tokens + n) : space_sid_length(s, read.items[i]);
    return n;
}
