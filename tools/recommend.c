/* recommend: histories in, ranked items out, line by line. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/catalogue.h"
#include "data/id_line.h"
#include "data/items.h"
#include "data/met.h"
#include "nn/backend.h"
#include "score/baselines.h"
#include "score/blender.h"
#include "score/recommender.h"
#include "tasks/asker.h"
#include "tasks/curriculum.h"

enum { BATCH = 256, LINE_MAX_BYTES = 1 << 26 };

static const char *model, *sids, *blend, *interactions, *titles, *gemm = "auto";
static int64_t k = 10, beam = 20, task = 1;
static bool exclude_seen;

static const cli_option_t options[] = {
    OPT_STRING('m', "model", "FILE", &model, "model/1"),
    OPT_STRING('s', "sids", "FILE", &sids, "sids/1 that the model was trained with"),
    OPT_STRING(0, "blend", "FILE", &blend, "blend/1: a mixture, of the model too if it was fitted with it"),
    CONFIG_INT('k', "k", "N", &k, 1, 100000, "items a line"),
    CONFIG_INT('b', "beam", "N", &beam, 1, 100000, "beam width, at least k"),
    CONFIG_INT(0, "task", "N", &task, 1, TASKS, "what lines ask: see sidgen-train --tasks"),
    CONFIG_FLAG('x', "exclude-seen", &exclude_seen, "leave out the history's own items"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "popularity, for empty histories (the model's start)"),
    OPT_STRING('t', "titles", "FILE", &titles, "items.jsonl: print score, id and title, an item a line"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"recommend", "[-m model.st -s sids.st] [--blend blend.st] [options] < histories.txt > lists.tsv",
                          "Answers every history (item ids, oldest first, a line each) with the best next items as id:score.",
                          options, CLI_COUNT(options)};

/* A history as asked. */
typedef struct {
    int32_t *items;
    int64_t count, cap;
    bool empty;          /* of a task: nothing to ask with */
} asked_t;

typedef struct {
    ranker_t *ranker;
    asker_t *asker;      /* with --task from 2 on; a batch then is what it is asked */
    const strtab_t *ids; /* of the items */
    const blender_t *blender; /* with --blend */
    ranker_t *popular;   /* with --interactions */
    int64_t *popularity; /* [items], likewise */
    double events;       /* training events in all */
    char **titles;       /* [items], with --titles */
    out_t *out;
    asked_t batch[BATCH];
    int waiting;         /* histories in the batch */
    met_t met;
} server_t;

static void ask(ranker_t *r, int64_t n, const history_t *histories, int64_t width, int64_t count, int32_t *items, float *scores)
{
    ranker_query_t q = {.n = n, .histories = histories, .width = (int)width, .spare = exclude_seen ? (int)k : 0};
    r->topk(r, &q, count, items, scores);
}

static void put_item(server_t *s, int place, int32_t item, double score)
{
    size_t n;
    const char *id = strtab_get(s->ids, item, &n);
    if (s->titles)
        fprintf(out_file(s->out), "%.6g\t%.*s\t%s\n", score, (int)n, id, s->titles[item] ? s->titles[item] : "");
    else
        fprintf(out_file(s->out), "%s%.*s:%.6g", place ? "\t" : "", (int)n, id, score);
}

static void put_list(server_t *s, const int32_t *items, const float *scores, int64_t n)
{
    for (int64_t i = 0; i < n && i < k && items[i] >= 0; i++) put_item(s, (int)i, items[i], (double)scores[i]);
    fputc('\n', out_file(s->out));
}

/* Answers an empty history by popularity: scores are logarithms of add-one-smoothed shares of the training events, to stand
 * beside the model's. */
static void answer_popular(server_t *s)
{
    int32_t *items = NEW_ARRAY(int32_t, k);
    float *scores = NEW_ARRAY(float, k);
    history_t nothing = {.target = -1};
    ask(s->popular, 1, &nothing, beam, k, items, scores);
    for (int64_t i = 0; i < k && items[i] >= 0; i++) {
        double share = ((double)s->popularity[items[i]] + 1) / (s->events + (double)s->ids->count);
        put_item(s, (int)i, items[i], log(share));
    }
    fputc('\n', out_file(s->out));
    free(items);
    free(scores);
}

/* Answers n histories from lists of so many places, which with --exclude-seen are wide enough for k others. */
static void answer(server_t *s, int64_t n, const history_t *histories, int64_t places)
{
    int32_t *items = NEW_ARRAY(int32_t, n * places);
    float *scores = NEW_ARRAY(float, n * places);
    ask(s->ranker, n, histories, beam, places, items, scores);
    for (int64_t i = 0; i < n; i++) {
        int32_t *list = items + i * places;
        float *score = scores + i * places;
        int64_t left = places;
        if (exclude_seen) {
            met_take(&s->met, &histories[i]);
            left = met_leave_out(&s->met, places, list, score);
        }
        if (!histories[i].count && interactions) answer_popular(s);
        else put_list(s, list, score, left);
    }
    free(items);
    free(scores);
}

/* Answers a task's lines by items. */
static void answer_items(server_t *s)
{
    const int64_t n = asker_waiting(s->asker);
    int32_t *items = NEW_ARRAY(int32_t, n * k), *list = items;
    float *scores = NEW_ARRAY(float, n * k), *score = scores;
    if (n) asker_items(s->asker, (int)beam, (int)k, items, scores);
    for (int i = 0; i < s->waiting; i++) {
        put_list(s, list, score, s->batch[i].empty ? 0 : k);
        if (s->batch[i].empty) continue;
        list += k;
        score += k;
    }
    free(items);
    free(scores);
}

/* Answers them by titles, in which blanks stand for tabs and line breaks. */
static void answer_titles(server_t *s)
{
    const told_t *told = asker_waiting(s->asker) ? asker_titles(s->asker, (int)beam) : NULL;
    for (int i = 0; i < s->waiting; i++) {
        if (!s->batch[i].empty) {
            fprintf(out_file(s->out), "%.6g\t", told->log_p);
            for (size_t j = 0; j < told->length; j++) fputc((unsigned char)told->text[j] < ' ' ? ' ' : told->text[j], out_file(s->out));
            told++;
        }
        fputc('\n', out_file(s->out));
    }
}

static void answer_histories(server_t *s)
{
    history_t histories[BATCH];
    for (int i = 0; i < s->waiting; i++) histories[i] = (history_t){s->batch[i].items, s->batch[i].count, -1};
    for (int64_t done = 0, n; done < s->waiting; done += n) {
        int64_t places = k;
        n = s->waiting - done;
        if (exclude_seen) n = met_chunk(&s->met, n, histories + done, k, k, &places);
        answer(s, n, histories + done, places);
    }
}

static void answer_batch(server_t *s)
{
    if (!s->waiting) return;
    if (!s->asker) answer_histories(s);
    else if (task_form((task_t)(task - 1))->writes_title) answer_titles(s);
    else answer_items(s);
    s->waiting = 0;
    out_flush(out_file(s->out), out_name(s->out));
}

/* Names an id that the catalogue lacks; it may be anything, so only its first printable bytes are shown. */
static void warn_unknown(const char *id, size_t n, long long number)
{
    char *shown = xstrndup(id, n < 100 ? n : 100);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    warn("standard input:%lld: unknown item '%s'%s skipped", number, shown, n < 100 ? "" : "...");
    free(shown);
}

/* Reads one line's history; ids that the catalogue lacks are named and skipped. */
static void read_history(server_t *s, asked_t *a, const char *line, size_t n, long long number)
{
    a->count = 0;
    id_line_t ids = id_line_start(s->ids, line, n, " ");
    for (const char *id; id_line_next(&ids, &id, &n);) {
        const int64_t item = strtab_find(s->ids, id, n);
        GROW(a->items, a->count, a->cap);
        if (item >= 0) a->items[a->count++] = (int32_t)item;
        else warn_unknown(id, n, number);
    }
}

/* Asks by titles that tabs part. */
static bool ask_titles(server_t *s, const char *line, size_t n)
{
    char *text = xstrndup(line, n), *rest = text;
    const char **title = NEW_ARRAY(const char *, n + 1);
    int64_t count = 0;
    for (char *t; (t = strsep(&rest, "\t"));)
        if (*t) title[count++] = t;
    const bool asked = asker_add_titles(s->asker, title, count);
    free(title);
    free(text);
    return asked;
}

/* Asks a task by a line: a text, titles, a history, or an item, which is its last. */
static bool ask_task(server_t *s, asked_t *a, const char *line, size_t n, long long number)
{
    const task_t t = (task_t)(task - 1);
    const bool reads_text = task_form(t)->reads != TEXT_NONE;
    if (reads_text && !tokenizer_is_text(line, n)) die_at("standard input", number, "not valid UTF-8");
    if (t == TASK_TITLES_NEXT) return ask_titles(s, line, n);
    if (reads_text) return asker_add_text(s->asker, t, line, n);
    read_history(s, a, line, n, number);
    if (!a->count) return false;
    const history_t h = {a->items, a->count, a->items[a->count - 1]};
    asker_add(s->asker, NULL, t, &h);
    return true;
}

static void take_line(server_t *s, const char *line, size_t n, long long number)
{
    asked_t *a = &s->batch[s->waiting++];
    if (n && line[n - 1] == '\r') n--;
    if (s->asker) a->empty = !ask_task(s, a, line, n, number);
    else read_history(s, a, line, n, number);
    if (s->waiting == BATCH) answer_batch(s);
}

static bool more_is_there(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* Reads what there is and answers as soon as nothing more is waiting: a writer that keeps the pipe open gets its answer, and
 * a file is answered in full batches. */
static void serve(server_t *s)
{
    buf_t in = {0};
    char chunk[1 << 16];
    for (long long number = 0;;) {
        if (s->waiting && !more_is_there()) answer_batch(s);
        ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) die_errno(EX_IOERR, "standard input");
        if (got > 0) buf_add(&in, chunk, (size_t)got);
        size_t done = 0;
        for (char *nl; done < in.len && (nl = memchr(in.data + done, '\n', in.len - done));) {
            take_line(s, in.data + done, (size_t)(nl - in.data) - done, ++number);
            done = (size_t)(nl - in.data) + 1;
        }
        if (got == 0 && done < in.len) take_line(s, in.data + done, in.len - done, ++number);
        if (got == 0) break;
        if (done) memmove(in.data, in.data + done, in.len - done);
        in.len -= done;
        if (in.len > LINE_MAX_BYTES) die_at("standard input", number + 1, "line longer than %d bytes", LINE_MAX_BYTES);
    }
    answer_batch(s);
    buf_free(&in);
}

static void read_popularity(server_t *s)
{
    st_file_t *f = st_open(interactions);
    interactions_t x = interactions_read(f);
    catalogue_check_items(interactions, &x.item_ids, blend ? blend : sids, s->ids);
    if (s->blender) blend_check_interactions(blender_blend(s->blender), blend, f);
    s->popular = popular_ranker(&x, NULL);
    s->popularity = interactions_popularity(&x);
    for (int64_t i = 0; i < x.items; i++) s->events += (double)s->popularity[i];
    interactions_free(&x);
    st_close(f);
}

static void read_titles(server_t *s)
{
    s->titles = NEW_ARRAY(char *, s->ids->count + 1);
    items_t r = items_open(titles);
    while (items_next(&r)) {
        int64_t item = strtab_find(s->ids, r.id, strlen(r.id));
        const char *title = items_string(&r, "title");
        if (item < 0 || !title) continue;
        s->titles[item] = xstrdup(title);
        for (char *c = s->titles[item]; *c; c++)
            if ((unsigned char)*c < ' ') *c = ' ';
    }
    items_close(&r);
}

/* Refuses what the model has not learnt; a task other than recommendation has an asker. */
static void open_task(server_t *s, const recommender_t *r)
{
    const task_list_t learnt = task_list_learnt(recommender_tasks(r), model);
    if (task > 1) s->asker = asker_new(recommender_network(r), recommender_space(r), model);
    task_list_need(&learnt, (task_t)(task - 1), model);
}

static server_t server_open(void)
{
    recommender_t *r = model ? recommender_open(model, sids, gemm) : NULL;
    blender_t *b = blend ? blender_open(blend, r) : NULL;
    server_t s = {.blender = b, .ranker = b ? blender_ranker(b) : recommender_ranker(r),
                  .ids = b ? &blender_blend(b)->item_ids : &recommender_sids(r)->item_ids};
    s.met = met_new(s.ids->count);
    if (r) open_task(&s, r);
    if (interactions) read_popularity(&s);
    if (titles) read_titles(&s);
    s.out = out_open(cli_common.output, false);
    return s;
}

static void server_close(server_t *s)
{
    out_commit(s->out);
    for (int i = 0; i < BATCH; i++) free(s->batch[i].items);
    for (int64_t i = 0; s->titles && i < s->ids->count; i++) free(s->titles[i]);
    free(s->titles);
    met_free(&s->met);
    free(s->popularity);
    if (s->popular) s->popular->free(s->popular);
    asker_free(s->asker);
    s->ranker->free(s->ranker);
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected '%s': histories come from standard input", argv[1]);
    if (!model != !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !blend) die(EX_USAGE, "--model and --sids, or --blend, are missing");
    const bool lists = !task_form((task_t)(task - 1))->writes_title;
    if (model && lists && k > beam) die(EX_USAGE, "-k %lld: expected at most --beam %lld", (long long)k, (long long)beam);
    if (task > 1 && (!model || blend || exclude_seen || interactions))
        die(EX_USAGE, "--task %lld needs --model, and goes without --blend, --exclude-seen and --interactions", (long long)task);
    if (!lists && (titles || cli_given("k"))) die(EX_USAGE, "--task %lld tells one title a line: it goes without -k and --titles", (long long)task);
    server_t s = server_open();
    serve(&s);
    server_close(&s);
    return 0;
}
