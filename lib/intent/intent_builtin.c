#include "intent/intent_builtin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/evidence_rules.h"
#include "text/key_phrases.h"
#include "text/key_table.h"

/* Fewer intents than these, and the key-phrases of the cluster are asked as well. */
enum { ENOUGH = 2, CLUSTER_INTENTS = 3 };

/* A longer descriptor that says the same takes a shorter one's place if it is at least so strong beside it. */
static const double NEARLY = 0.75;

static int64_t frequency_of(const intent_fit_t *fit, const candidates_t *c, int64_t i)
{
    uint64_t key = c->list[i].key;
    if (c->list[i].rule == RULE_PURPOSE || c->list[i].rule == RULE_CLUSTER) {
        phrase_words_t words = {0};
        words_add(&words, candidate_text(c, i), strlen(candidate_text(c, i)), FIELD_TITLE);
        key = words_key(&words, 0, (int)words.count);
        words_free(&words);
    }
    return intent_fit_frequency(fit, key);
}

static double confidence_of(const intent_fit_t *fit, const candidates_t *c, int64_t i)
{
    double share = (double)frequency_of(fit, c, i) / (double)(fit->items + 10);
    return round(1000 * candidate_confidence(&c->list[i]) * sqrt(1 - share)) / 1000;
}

/* True if every word of meaning of `a` is in `b`. */
static bool within(const phrase_words_t *a, const phrase_words_t *b)
{
    for (int64_t i = 0; i < a->count; i++) {
        int64_t j = 0;
        while (j < b->count && b->words[j].stem != a->words[i].stem) j++;
        if (j == b->count && !a->words[i].stop) return false;
    }
    return true;
}

/* A candidate with its place in the ranking. */
typedef struct {
    const intent_candidate_t *candidate;
    const char *text;
    double confidence;
    phrase_words_t words;
    bool dropped;
} ranked_t;

static int by_confidence(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;
    if (x->confidence > y->confidence) return -1;
    if (x->confidence < y->confidence) return 1;
    return strcmp(x->text, y->text);
}

/* Of two that say the same the stronger stays, or the longer if it is nearly as strong. */
static void drop_repeated(ranked_t *list, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n && !list[i].dropped; j++) {
            if (list[j].dropped) continue;
            if (within(&list[j].words, &list[i].words)) list[j].dropped = true;
            else if (within(&list[i].words, &list[j].words))
                *(list[j].confidence >= NEARLY * list[i].confidence ? &list[i].dropped : &list[j].dropped) = true;
        }
}

static void add_ranked(const intent_builtin_options_t *o, const intent_fit_t *fit, const candidates_t *c, double least,
                       intents_t *out)
{
    ranked_t *list = NEW_ARRAY(ranked_t, c->count + 1);
    int64_t n = 0;
    for (int64_t i = 0; i < c->count; i++) {
        double confidence = confidence_of(fit, c, i);
        if (confidence < least) continue;
        list[n] = (ranked_t){.candidate = &c->list[i], .text = candidate_text(c, i), .confidence = confidence};
        words_add(&list[n].words, list[n].text, strlen(list[n].text), FIELD_TITLE);
        n++;
    }
    if (n) qsort(list, (size_t)n, sizeof *list, by_confidence);
    drop_repeated(list, n);
    for (int64_t i = 0; i < n; i++) {
        if (!list[i].dropped && out->count < o->max_intents) {
            char *source = xasprintf("builtin:%s", rule_name(list[i].candidate->rule));
            intents_add(out, list[i].text, list[i].confidence, source);
            free(source);
        }
        words_free(&list[i].words);
    }
    free(list);
}

static void note_field(void *ctx, uint64_t key, int64_t first, int words)
{
    (void)words;
    *key_table_slot(ctx, key) = first + 1; /* fields of less weight come later: keep the first */
}

static void keep_first(void *ctx, uint64_t key, int64_t first, int words)
{
    if (!key_table_get(ctx, key)) note_field(ctx, key, first, words);
}

/* Key-phrases of the item's cluster that stand in its own evidence: strength sqrt(share of the cluster that has them). */
static void add_cluster(const intent_fit_t *fit, const evidence_t *e, candidates_t *c)
{
    int64_t cluster = intent_fit_cluster(fit, e), added = 0;
    if (cluster < 0) return;
    key_table_t own = {0};
    key_phrases_of(&c->words, keep_first, &own);
    for (int64_t r = fit->offset[cluster]; r < fit->offset[cluster + 1] && added < CLUSTER_INTENTS; r++) {
        int64_t first = key_table_get(&own, (uint64_t)fit->phrase[r]);
        if (!first) continue;
        char *text = strtab_dup(&fit->text, r);
        double strength = rule_strength(RULE_CLUSTER) * (0.5 + 0.5 * sqrt((double)fit->share[r]));
        candidates_add(c, text, RULE_CLUSTER, strength, (field_id_t)c->words.words[first - 1].field);
        free(text);
        added++;
    }
    key_table_free(&own);
}

void builtin_mine(const intent_builtin_options_t *o, const intent_fit_t *fit, const evidence_t *e, candidates_t *c, intents_t *out)
{
    candidates_find(c, e, intent_fit_frequency, fit);
    add_ranked(o, fit, c, o->min_confidence, out);
    if (out->count >= ENOUGH || out->count >= o->max_intents) return;
    add_cluster(fit, e, c);
    intents_free(out);
    add_ranked(o, fit, c, o->min_confidence, out);
    if (!out->count) add_ranked(o, fit, c, o->min_confidence / 2, out); /* weak evidence where there is no other */
}

typedef struct {
    intent_engine_t engine;
    intent_builtin_options_t options;
    intent_fit_t *fit;
    candidates_t scratch;
    int64_t foreign;
} builtin_t;

static void mine(intent_engine_t *e, const evidence_t *evidence, intent_mined_fn done, void *ctx)
{
    builtin_t *b = (builtin_t *)e;
    intents_t found = {0};
    builtin_mine(&b->options, b->fit, evidence, &b->scratch, &found);
    b->foreign += words_are_foreign(&b->scratch.words);
    done(ctx, &found, NULL);
    intents_free(&found);
}

static void free_builtin(intent_engine_t *e)
{
    builtin_t *b = (builtin_t *)e;
    intent_fit_free(b->fit);
    candidates_free(&b->scratch);
    free(b);
}

int64_t builtin_foreign(const intent_engine_t *e) { return ((const builtin_t *)e)->foreign; }

intent_engine_t *builtin_engine(const intent_builtin_options_t *o, intent_fit_t *fit)
{
    builtin_t *b = NEW(builtin_t);
    *b = (builtin_t){.engine = {mine, free_builtin}, .options = *o, .fit = fit};
    return &b->engine;
}
