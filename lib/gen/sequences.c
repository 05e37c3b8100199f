#include "gen/sequences.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

void sequences_add(sequences_t *s, sequence_task_t task)
{
    s->tasks = xreallocarray(s->tasks, (size_t)s->task_count + 1, sizeof *s->tasks);
    s->tasks[s->task_count++] = task;
    s->count += task.count;
    s->targets += task.targets;
    if (task.longest > s->longest) s->longest = task.longest;
}

void sequences_free(sequences_t *s)
{
    for (int t = 0; t < s->task_count; t++) s->tasks[t].free(s->tasks[t].ctx);
    free(s->tasks);
    *s = (sequences_t){0};
}

/* Finds the task of sequence *i, which becomes its number there. */
static const sequence_task_t *task_of(const sequences_t *s, int64_t *i)
{
    const sequence_task_t *t = s->tasks;
    for (; *i >= t->count; t++) *i -= t->count;
    return t;
}

int64_t sequences_rows(const sequences_t *s, int64_t i)
{
    const sequence_task_t *t = task_of(s, &i);
    return t->rows(t->ctx, i);
}

void sequences_expand(const sequences_t *s, int64_t i, sequence_pack_t *pack)
{
    const sequence_task_t *t = task_of(s, &i);
    t->expand(t->ctx, i, pack);
}

deal_t sequences_deal(const sequences_t *s, int64_t most, int64_t rows, uint64_t key)
{
    deal_t d = {.order = NEW_ARRAY(int64_t, s->count), .count = most && most < s->count ? most : s->count};
    for (int64_t i = 0; i < s->count; i++) d.order[i] = i;
    rng_shuffle(key, d.order, s->count);
    int64_t cap = 0, used = rows;
    for (int64_t i = 0; i < d.count; i++) {
        const int64_t need = sequences_rows(s, d.order[i]);
        if (used + need > rows) {
            GROW(d.starts, d.shards, cap);
            d.starts[d.shards++] = i;
            used = 0;
        }
        used += need;
    }
    d.starts = xreallocarray(d.starts, (size_t)d.shards + 1, sizeof *d.starts);
    d.starts[d.shards] = d.count;
    return d;
}

void deal_free(deal_t *d)
{
    free(d->order);
    free(d->starts);
    *d = (deal_t){0};
}
