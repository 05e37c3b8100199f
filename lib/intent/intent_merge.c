#include "intent/intent_merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/intent_reply.h"

/* A descriptor as one model has it, or a group of equal ones. */
typedef struct {
    const intent_t *intent; /* of a group: the first */
    char *key;
    int place;              /* over all lists */
    int agreement;
    double confidence;      /* of a group: the sum, then the mean */
    buf_t source;
} voice_t;

static int by_key(const void *a, const void *b)
{
    const voice_t *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : x->place - y->place;
}

static int by_agreement(const void *a, const void *b)
{
    const voice_t *x = a, *y = b;
    if (x->agreement != y->agreement) return y->agreement - x->agreement;
    if (x->confidence > y->confidence) return -1;
    if (x->confidence < y->confidence) return 1;
    return x->place - y->place;
}

static void join(voice_t *group, const intent_t *i)
{
    group->agreement++;
    group->confidence += i->confidence;
    if (!i->source) return;
    if (group->source.len) buf_puts(&group->source, "+");
    buf_puts(&group->source, i->source);
}

/* Makes groups of the sorted voices, in place; returns their number. */
static int group_equal(voice_t *v, int n)
{
    int groups = 0;
    for (int i = 0; i < n; i++) {
        voice_t one = v[i];
        if (groups && !strcmp(v[groups - 1].key, one.key)) free(one.key);
        else v[groups++] = one;
        join(&v[groups - 1], one.intent);
    }
    return groups;
}

void intents_merge(const intents_t *lists, int models, intents_t *out)
{
    int n = 0, total = 0;
    for (int m = 0; m < models; m++) total += lists[m].count;
    voice_t *v = NEW_ARRAY(voice_t, total);
    for (int m = 0; m < models; m++)
        for (int i = 0; i < lists[m].count; i++, n++)
            v[n] = (voice_t){.intent = &lists[m].list[i], .key = descriptor_fold(lists[m].list[i].text), .place = n};
    qsort(v, (size_t)n, sizeof *v, by_key);
    int groups = group_equal(v, n);
    for (int g = 0; g < groups; g++) v[g].confidence = round(v[g].confidence / v[g].agreement * 1e6) / 1e6;
    qsort(v, (size_t)groups, sizeof *v, by_agreement);
    for (int g = 0; g < groups; g++) {
        intent_t *i = intents_add(out, v[g].intent->text, v[g].confidence, v[g].source.data);
        i->rest = xasprintf(",\"agreement\":%d", v[g].agreement);
        free(v[g].key);
        buf_free(&v[g].source);
    }
    free(v);
}
