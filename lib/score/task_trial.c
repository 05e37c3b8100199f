#include "score/task_trial.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "data/strtab.h"
#include "tasks/asker.h"
#include "tasks/read_texts.h"

enum { CUT = 10, BATCH = 2048 /* asked at once */ };

typedef enum { TRAINED, HELD, GROUPS } group_t;
static const char *const group_names[GROUPS] = {"trained", "held"};

/* Sums over what was asked: of items the first and the first ten, of titles what they are. */
typedef struct {
    int64_t n;
    double first, ten, exact, f1, real;
} tally_t;

typedef struct {
    const task_trial_options_t *o;
    asker_t *asker;
    task_list_t list;
    held_items_t held;
    item_texts_t texts;
    strtab_t titles;      /* all, as far as the model reads them, indexed */
    char **title;         /* [items], NULL where an item has none */
    history_t *asked;     /* [BATCH] that wait */
    tally_t tally[TASKS][GROUPS];
} trial_t;

/* --- Titles ------------------------------------------------------------------------------------------------------------- */

static void read_titles(trial_t *t)
{
    buf_t text = {0};
    t->title = NEW_ARRAY(char *, t->texts.items);
    for (int64_t i = 0; i < t->texts.items; i++) {
        int64_t n;
        const int32_t *tokens = item_texts_get(&t->texts, TEXT_TITLE, i, &n);
        if (!n) continue;
        buf_clear(&text);
        asker_decode(t->asker, tokens, n, &text);
        t->title[i] = xstrndup(text.data, text.len);
        strtab_add(&t->titles, t->title[i], strlen(t->title[i]));
    }
    strtab_index(&t->titles);
    buf_free(&text);
}

/* Cuts a text into its words, which lie in *copy; returns their number. */
static int64_t words_of(const char *text, char **copy, char ***words)
{
    int64_t n = 0;
    char *rest = *copy = xstrdup(text);
    *words = NEW_ARRAY(char *, strlen(text) / 2 + 1);
    for (char *w; (w = strsep(&rest, " \t\n\r"));)
        if (*w) (*words)[n++] = w;
    return n;
}

/* 2 P R / (P + R) of the words that two texts share, each as often as both have it. */
static double shared_words(const char *told, const char *right)
{
    char *copy[2], **word[2];
    const int64_t n = words_of(told, &copy[0], &word[0]), m = words_of(right, &copy[1], &word[1]);
    int64_t shared = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            if (!word[1][j] || strcmp(word[0][i], word[1][j]) != 0) continue;
            word[1][j] = NULL;
            shared++;
            break;
        }
    for (int k = 0; k < 2; k++) {
        free(copy[k]);
        free(word[k]);
    }
    return n + m ? 2 * (double)shared / (double)(n + m) : 1;
}

/* --- Questions ---------------------------------------------------------------------------------------------------------- */

/* Tells whether an item has what a task takes and is judged by. */
static bool has_all(const trial_t *t, task_t task, const history_t *h)
{
    const task_form_t *f = task_form(task);
    if (f->writes_title && !t->title[h->target]) return false;
    if (f->reads == TEXT_NONE) return true;
    if (!f->history) return item_texts_has(&t->texts, f->reads, h->target);
    for (int64_t i = 0; i < h->count; i++)
        if (item_texts_has(&t->texts, f->reads, h->items[i])) return true;
    return false;
}

static void judge_items(trial_t *t, task_t task)
{
    const int64_t n = asker_waiting(t->asker);
    int32_t *items = NEW_ARRAY(int32_t, n * CUT);
    float *scores = NEW_ARRAY(float, n * CUT);
    asker_items(t->asker, NULL, t->o->beam, CUT, items, scores);
    for (int64_t i = 0; i < n; i++) {
        const int32_t target = t->asked[i].target, *list = items + i * CUT;
        tally_t *to = &t->tally[task][item_held(t->held, target) ? HELD : TRAINED];
        to->n++;
        to->first += list[0] == target;
        for (int k = 0; k < CUT; k++) to->ten += list[k] == target;
    }
    free(items);
    free(scores);
}

static void judge_titles(trial_t *t, task_t task)
{
    const int64_t n = asker_waiting(t->asker);
    const told_t *told = asker_titles(t->asker, t->o->title_beam);
    for (int64_t i = 0; i < n; i++) {
        const int32_t target = t->asked[i].target;
        tally_t *to = &t->tally[task][item_held(t->held, target) ? HELD : TRAINED];
        to->n++;
        to->exact += !strcmp(told[i].text, t->title[target]);
        to->f1 += shared_words(told[i].text, t->title[target]);
        to->real += strtab_find(&t->titles, told[i].text, strlen(told[i].text)) >= 0;
    }
}

static void judge(trial_t *t, task_t task)
{
    if (!asker_waiting(t->asker)) return;
    if (task_form(task)->writes_title) judge_titles(t, task);
    else judge_items(t, task);
}

static void put(trial_t *t, task_t task, const history_t *h)
{
    if (!has_all(t, task, h)) return;
    t->asked[asker_waiting(t->asker)] = *h;
    asker_add(t->asker, &t->texts, task, h);
    if (asker_waiting(t->asker) == BATCH) judge(t, task);
}

static void try_task(trial_t *t, task_t task)
{
    const bool histories = task_form(task)->history;
    const int64_t all = histories ? t->o->cases : t->texts.items, n = t->o->most ? min64(t->o->most, all) : all;
    progress_start(task_form(task)->name, histories ? "cases" : "items", n);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = i * all / n;
        put(t, task, histories ? &t->o->histories[at] : &(history_t){.target = (int32_t)at});
    }
    judge(t, task);
    progress_end();
}

/* --- Results ------------------------------------------------------------------------------------------------------------ */

static double share(double sum, const tally_t *x) { return sum / (double)x->n; }

static void say(task_t task, group_t group, const tally_t *x)
{
    const task_form_t *f = task_form(task);
    if (f->writes_title)
        note("task %d, %s, %s: %lld asked, exact %.4f, f1 %.4f, of an item %.4f", (int)task + 1, f->name, group_names[group], (long long)x->n,
             share(x->exact, x), share(x->f1, x), share(x->real, x));
    else
        note("task %d, %s, %s: %lld asked, hr@1 %.4f, hr@10 %.4f", (int)task + 1, f->name, group_names[group], (long long)x->n,
             share(x->first, x), share(x->ten, x));
}

static void member(buf_t *out, const char *name, double value)
{
    buf_puts(out, ", ");
    buf_json_member(out, name, value);
}

static void group_json(buf_t *out, task_t task, group_t group, const tally_t *x)
{
    buf_printf(out, ", \"%s\": {\"n\": %lld", group_names[group], (long long)x->n);
    if (task_form(task)->writes_title) {
        member(out, "exact", share(x->exact, x));
        member(out, "f1", share(x->f1, x));
        member(out, "of_an_item", share(x->real, x));
    } else {
        member(out, "hr@1", share(x->first, x));
        member(out, "hr@10", share(x->ten, x));
    }
    buf_puts(out, "}");
}

static void tell(const trial_t *t, buf_t *out)
{
    bool any = false;
    buf_puts(out, "  \"tasks\": {");
    for (int k = 0; k < TASKS; k++) {
        if (!t->list.on[k]) continue;
        buf_printf(out, "%s\n    \"%d\": {\"name\": \"%s\"", any ? "," : "", k + 1, task_form((task_t)k)->name);
        any = true;
        for (int g = 0; g < GROUPS; g++) {
            if (!t->tally[k][g].n) continue;
            say((task_t)k, (group_t)g, &t->tally[k][g]);
            group_json(out, (task_t)k, (group_t)g, &t->tally[k][g]);
        }
        buf_puts(out, "}");
    }
    buf_puts(out, "\n  },\n");
}

/* Finds the tasks to try among those that the model has learnt. */
static task_list_t chosen(const recommender_t *r, const task_trial_options_t *o)
{
    const task_list_t learnt = task_list_learnt(recommender_tasks(r), o->model_path);
    task_list_t list = strcmp(o->tasks, "all") ? task_list_parse(o->tasks) : learnt;
    for (int k = 0; k < TASKS; k++)
        if (list.on[k]) task_list_need(&learnt, (task_t)k, o->model_path);
    list.on[TASK_NEXT] = false;
    return list;
}

char *task_trial(const recommender_t *r, const task_trial_options_t *o, buf_t *out)
{
    const space_t *space = recommender_space(r);
    if (o->beam < CUT) die(EX_USAGE, "--tasks needs a --beam of %d at least, which hr@%d is read off", CUT, CUT);
    const hold_back_t held = recommender_held_items(r);
    trial_t t = {.o = o, .list = chosen(r, o), .held = {held.share, held.seed}, .asked = NEW_ARRAY(history_t, BATCH)};
    char *digest;
    t.asker = asker_new(recommender_network(r), space, o->model_path);
    t.texts = read_texts(o->items_path, &recommender_sids(r)->item_ids, asker_tokenizer(t.asker), space->text_most, &digest);
    read_titles(&t);
    for (int k = 0; k < TASKS; k++)
        if (t.list.on[k]) try_task(&t, (task_t)k);
    tell(&t, out);
    for (int64_t i = 0; i < t.texts.items; i++) free(t.title[i]);
    free(t.title);
    strtab_free(&t.titles);
    item_texts_free(&t.texts);
    asker_free(t.asker);
    free(t.asked);
    return digest;
}
