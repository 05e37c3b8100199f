#include "tasks/curriculum.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "bpe/tokenizer.h"
#include "gen/histories.h"
#include "net/unpack.h"
#include "tasks/read_texts.h"

_Noreturn static void refuse(const char *spec, const char *why)
{
    die(EX_USAGE, "--tasks %s: %s; expected numbers from 1 to %d, as in 1,4-8,2:0.5", spec, why, TASKS);
}

/* Reads a task's number; *at is moved behind it. */
static task_t number(const char *spec, const char **at)
{
    char *end;
    const long n = strtol(*at, &end, 10);
    if (end == *at || n < 1 || n > TASKS) refuse(spec, "no such task");
    *at = end;
    return (task_t)(n - 1);
}

static double weight(const char *spec, const char **at)
{
    char *end;
    if (**at != ':') return 1;
    const double w = strtod(++*at, &end);
    if (end == *at || !(w > 0 && w <= 1000)) refuse(spec, "a weight is above 0 and at most 1000");
    *at = end;
    return w;
}

task_list_t task_list_parse(const char *spec)
{
    task_list_t l = {0};
    for (const char *at = spec;; at++) {
        const task_t first = number(spec, &at);
        task_t last = first;
        if (*at == '-') {
            at++;
            last = number(spec, &at);
        }
        if (last < first) refuse(spec, "a range runs backwards");
        const double w = weight(spec, &at);
        for (int t = (int)first; t <= (int)last; t++) {
            if (l.on[t]) refuse(spec, "a task comes twice");
            l.on[t] = true;
            l.weight[t] = w;
        }
        if (!*at) return l;
        if (*at != ',') refuse(spec, "no list of tasks");
    }
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

curriculum_t curriculum_open(const task_list_t *list, const char *tokenizer_path, const char *items_path, int64_t most,
                             held_items_t held, space_t *space, const strtab_t *ids)
{
    curriculum_t c = {.list = *list, .tokenizer = in_bytes_unpacked(tokenizer_path, NULL)};
    tokenizer_t *t = tokenizer_parse(c.tokenizer.name, c.tokenizer.data, c.tokenizer.len);
    c.texts = read_texts(items_path, ids, t, most);
    for (int64_t i = 0; i < c.texts.items; i++)
        if (item_held(held, i)) item_texts_drop(&c.texts, i);
    space_add_text(space, tokenizer_size(t), most, c.tokenizer.data, (int64_t)c.tokenizer.len);
    tokenizer_free(t);
    return c;
}

void curriculum_close(curriculum_t *c)
{
    item_texts_free(&c->texts);
    in_free(&c->tokenizer);
}

void curriculum_sequences(const curriculum_t *c, const space_t *space, const interactions_t *x, hold_back_t hold, sequences_t *to)
{
    const task_source_t from = {space, x, &c->texts, hold};
    if (c->list.on[TASK_NEXT]) sequences_add(to, histories_task(x, space, hold));
    for (int t = TASK_NEXT + 1; t < TASKS; t++) {
        if (!c->list.on[t]) continue;
        const sequence_task_t task = text_task(&from, (task_t)t);
        if (!task.count) die(EX_DATAERR, "task %d (%s): no item has what it takes", t + 1, task.name);
        sequences_add(to, task);
    }
}
