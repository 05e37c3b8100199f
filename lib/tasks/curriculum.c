#include "tasks/curriculum.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "gen/histories.h"
#include "tasks/read_texts.h"

/* A list that is read, and what is wrong with it: NULL, nothing. */
typedef struct {
    const char *at, *why;
} reader_t;

/* Reads a task's number. */
static task_t number(reader_t *r)
{
    char *end;
    const long n = strtol(r->at, &end, 10);
    if (end == r->at || n < 1 || n > TASKS) r->why = "no such task";
    r->at = end;
    return r->why ? TASK_NEXT : (task_t)(n - 1);
}

static double weight(reader_t *r)
{
    char *end;
    if (*r->at != ':') return 1;
    const double w = strtod(++r->at, &end);
    if (end == r->at || !(w > 0 && w <= 1000)) r->why = "a weight is above 0 and at most 1000";
    r->at = end;
    return w;
}

/* Reads a task, or a range of them, into a list. */
static void part(reader_t *r, task_list_t *l)
{
    const task_t first = number(r);
    task_t last = first;
    if (!r->why && *r->at == '-') {
        r->at++;
        last = number(r);
    }
    if (!r->why && last < first) r->why = "a range runs backwards";
    const double w = r->why ? 1 : weight(r);
    for (int t = (int)first; !r->why && t <= (int)last; t++) {
        if (l->on[t]) r->why = "a task comes twice";
        l->on[t] = true;
        l->weight[t] = w;
    }
}

/* Returns what is wrong with a list, or NULL. */
static const char *read_list(const char *spec, task_list_t *l)
{
    reader_t r = {.at = spec};
    *l = (task_list_t){0};
    for (;; r.at++) {
        part(&r, l);
        if (!r.why && *r.at && *r.at != ',') r.why = "no list of tasks";
        if (r.why || !*r.at) return r.why;
    }
}

task_list_t task_list_parse(const char *spec)
{
    task_list_t l;
    const char *why = read_list(spec, &l);
    if (why) die(EX_USAGE, "--tasks %s: %s; expected numbers from 1 to %d, as in 1,4-8,2:0.5", spec, why, TASKS);
    return l;
}

task_list_t task_list_learnt(const char *spec, const char *name)
{
    task_list_t l;
    const char *why = read_list(spec ? spec : "1", &l);
    if (why) die(EX_DATAERR, "%s: its tasks are no list: %s", name, why);
    return l;
}

void task_list_need(const task_list_t *learnt, task_t task, const char *name)
{
    if (!learnt->on[task]) die(EX_DATAERR, "%s: has not learnt task %d, %s", name, (int)task + 1, task_form(task)->name);
}

bool task_list_has_texts(const task_list_t *l)
{
    for (int t = TASK_NEXT + 1; t < TASKS; t++)
        if (l->on[t]) return true;
    return false;
}

bool item_held(held_items_t h, int64_t item)
{
    return h.share > 0 && rng_uniform(rng_stream(h.seed, "held items"), (uint64_t)item) < (float)h.share;
}

curriculum_t curriculum_open(const task_list_t *list, const tokenizer_t *tokenizer, const char *items_path, int64_t most,
                             held_items_t held, const strtab_t *ids)
{
    curriculum_t c = {.list = *list};
    c.texts = read_texts(items_path, ids, tokenizer, most, &c.digest);
    for (int64_t i = 0; i < c.texts.items; i++)
        if (item_held(held, i)) item_texts_drop(&c.texts, i);
    return c;
}

void curriculum_close(curriculum_t *c)
{
    item_texts_free(&c->texts);
    free(c->digest);
}

void curriculum_sequences(const curriculum_t *c, const space_t *space, const interactions_t *x, hold_back_t hold, sequences_t *to)
{
    const task_source_t from = {space, x, &c->texts, hold};
    const bool at_once = space->body != BODY_FLAT || !space->around[TASK_NEXT].wording->after; /* items follow one another: one history, all targets */
    if (c->list.on[TASK_NEXT] && at_once) sequences_add(to, histories_task(x, space, hold));
    for (int t = at_once ? TASK_NEXT + 1 : TASK_NEXT; t < TASKS; t++) {
        if (!c->list.on[t]) continue;
        const sequence_task_t task = text_task(&from, (task_t)t);
        if (!task.count) die(EX_DATAERR, "task %d (%s): no item has what it takes", t + 1, task.name);
        sequences_add(to, task);
    }
}
