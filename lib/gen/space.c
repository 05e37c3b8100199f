#include "gen/space.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"

const char *const softmax_names[] = {"trie", "level", NULL};
const char *const body_names[] = {"flat", "timeline", NULL};

/* Finds a name's place among others, -1 if it is not there. */
static int place_of(const char *const *names, const char *name)
{
    int i = 0;
    while (names[i] && strcmp(names[i], name)) i++;
    return names[i] ? i : -1;
}

bool softmax_parse(const char *name, softmax_t *softmax)
{
    const int i = place_of(softmax_names, name);
    if (i >= 0) *softmax = (softmax_t)i;
    return i >= 0;
}

bool body_parse(const char *name, body_t *body)
{
    const int i = place_of(body_names, name);
    if (i >= 0) *body = (body_t)i;
    return i >= 0;
}

space_t space_make(const sids_t *sids, softmax_t softmax, body_t body, int64_t max_items)
{
    space_t s = {.sids = sids, .softmax = softmax, .body = body, .max_items = max_items};
    s.vocab = vocab_make(sids->levels, sids->codes, sids->max_suffix);
    s.trie = trie_build(sids, &s.vocab);
    s.widest = sids->codes > sids->max_suffix ? sids->codes : sids->max_suffix;
    s.sid = NEW_ARRAY(int32_t, (int64_t)size_mul((size_t)sids->items, (size_t)sids->levels + 1));
    for (int64_t i = 0; i < sids->items; i++) {
        int32_t tokens[SID_MAX_TOKENS];
        const int n = vocab_sid(&s.vocab, sids, i, tokens);
        memcpy(s.sid + i * (sids->levels + 1), tokens, (size_t)n * sizeof *tokens);
    }
    space_surround(&s, TASK_NEXT, &s.vocab.bos, 1, 1);
    return s;
}

static void forget_wordings(surrounds_t *a)
{
    for (int32_t w = 0; w < a->count; w++) free(a->wording[w].symbols);
    free(a->wording);
    *a = (surrounds_t){NULL, 0};
}

void space_surround_also(space_t *s, task_t task, const int32_t *tokens, int64_t n, int64_t before)
{
    surrounds_t *a = &s->around[task];
    a->wording = xreallocarray(a->wording, (size_t)a->count + 1, sizeof *a->wording);
    surround_t *w = &a->wording[a->count++];
    *w = (surround_t){NEW_ARRAY(int32_t, n + 1), before, n - before};
    memcpy(w->symbols, tokens, (size_t)n * sizeof *tokens);
}

void space_surround(space_t *s, task_t task, const int32_t *tokens, int64_t n, int64_t before)
{
    forget_wordings(&s->around[task]);
    space_surround_also(s, task, tokens, n, before);
}

int32_t space_wording(const space_t *s, task_t task, int64_t number)
{
    const int32_t count = s->around[task].count;
    return count > 1 ? (int32_t)rng_below(rng_stream((uint64_t)task, "wording"), (uint64_t)number, (uint64_t)count) : 0;
}

void space_add_text(space_t *s, int64_t text, int64_t most, const uint8_t *tokenizer, int64_t tokenizer_bytes)
{
    vocab_add_text(&s->vocab, text);
    s->text_most = most;
    s->tokenizer = tokenizer;
    s->tokenizer_bytes = tokenizer_bytes;
    s->widest = (int32_t)max64(s->widest, space_text(s).count);
    for (int t = TASK_NEXT + 1; t < TASKS; t++)
        space_surround(s, (task_t)t, (int32_t[]){task_marker(&s->vocab, (task_t)t), s->vocab.first_marker + VOCAB_SEPARATOR}, 2, 1);
}

/* Writes n symbols behind `at` others, if there is where to. */
static int64_t put(int32_t *symbols, int64_t at, const int32_t *from, int64_t n)
{
    if (symbols && n) memcpy(symbols + at, from, (size_t)n * sizeof *from);
    return at + n;
}

int64_t space_begin(const space_t *s, task_t task, int32_t wording, int64_t at, int32_t *symbols)
{
    const surround_t *a = &s->around[task].wording[wording];
    return put(symbols, at, a->symbols, a->before);
}

int64_t space_end(const space_t *s, task_t task, int32_t wording, int64_t at, int32_t *symbols)
{
    const surround_t *a = &s->around[task].wording[wording];
    return put(symbols, at, a->symbols + a->before, a->after);
}

allowed_set_t space_text(const space_t *s) { return allowed_range(s->vocab.end, 1 + s->vocab.text); }

void space_free(space_t *s)
{
    trie_free(&s->trie);
    free(s->sid);
    for (int t = 0; t < TASKS; t++) forget_wordings(&s->around[t]);
}

int64_t space_longest(const space_t *s)
{
    const int64_t history = 1 + s->max_items * (s->body == BODY_FLAT ? s->vocab.levels + 1 : 1);
    int64_t around = 0;
    if (!s->text_most) return history;
    for (int t = 0; t < TASKS; t++)
        for (int32_t w = 0; w < s->around[t].count; w++)
            around = max64(around, s->around[t].wording[w].before + s->around[t].wording[w].after);
    return around + max64(history, s->text_most) + max64(s->vocab.levels, TITLE_MOST) + 1;
}

int64_t space_positions(const space_t *s)
{
    const int64_t thoughts = s->thinks ? s->vocab.levels : 0;
    return space_longest(s) + (s->body == BODY_FLAT ? s->vocab.levels + 1 + thoughts : 0);
}

allowed_set_t space_next(const space_t *s, int level, int64_t node)
{
    return s->softmax == SOFTMAX_TRIE ? allowed_children(level, node) : allowed_level(level);
}

allowed_t space_allowed(const space_t *s, allowed_set_t set)
{
    if (set.kind == ALLOWED_RANGE) return (allowed_t){set.count, set.first, NULL, set.first, set.count};
    if (set.kind == ALLOWED_ITEMS) return (allowed_t){(int32_t)s->sids->items, 0, NULL, 0, (int32_t)s->sids->items};
    int32_t first;
    const int32_t span = vocab_level(&s->vocab, set.level, &first);
    if (set.kind == ALLOWED_LEVEL) return (allowed_t){span, first, NULL, first, span};
    return (allowed_t){s->trie.children[set.node], 0, s->trie.token + s->trie.first[set.node], first, span};
}

int32_t allowed_index(const allowed_t *a, int32_t token)
{
    if (!a->tokens) return token >= a->first && token < a->first + a->n ? token - a->first : -1;
    if (a->n == a->span) return token >= a->span_first && token < a->span_first + a->span ? token - a->span_first : -1;
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

int64_t space_prompt(const space_t *s, task_t task, int32_t wording, const history_t *h, int32_t *symbols)
{
    const history_t read = last_items(s, h);
    int64_t n = space_begin(s, task, wording, 0, symbols);
    for (int64_t i = 0; i < read.count; i++) n = put(symbols, n, space_sid(s, read.items[i]), space_sid_length(s, read.items[i]));
    return space_end(s, task, wording, n, symbols);
}

bool space_continues(const space_t *s, const history_t *shorter, const history_t *longer)
{
    const history_t a = last_items(s, shorter), b = last_items(s, longer);
    return s->body == BODY_TIMELINE && a.items == b.items && a.count <= b.count;
}

int64_t space_history(const space_t *s, const history_t *h, int32_t *symbols)
{
    if (s->literal) return put(symbols, 0, h->items, h->count);
    if (s->body == BODY_FLAT) return space_prompt(s, TASK_NEXT, 0, h, symbols);
    const history_t read = last_items(s, h);
    if (symbols) symbols[0] = TIMELINE_BOS;
    return put(symbols, 1, read.items, read.count);
}
