/* recommend: histories in, ranked items out, line by line. */
#include <errno.h>
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
#include "nn/backend.h"
#include "score/held_out.h"
#include "select/conditions.h"
#include "select/item_records.h"
#include "serve/answer.h"
#include "serve/engine.h"
#include "tasks/asker.h"
#include "tasks/curriculum.h"

enum { BATCH = 256, LINE_MAX_BYTES = 1 << 26 };

static const char *model, *sids, *blend, *interactions, *titles, *items_path, *gemm = "auto";
static const char *const splits[] = {"valid", "test", NULL};
static const char *split = "test";
static int64_t k = 10, beam = 20, task = 1, users;
static bool exclude_seen, unfold;
static cli_list_t filters;

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
    CONFIG_LIST('f', "filter", "KEY=VALUE", &filters, "only items that have it; a key again: either value; keys: all of them"),
    CONFIG_FLAG(0, "unfold", &unfold, "answer by a JSON object: the list and how it came about"),
    CONFIG_INT('u', "users", "N", &users, 0, 9007199254740992.0, "unfold: in place of lines, N users of --interactions by --seed"),
    CONFIG_CHOICE(0, "split", splits, &split, "users: which item is held out, and what precedes it is asked"),
    OPT_STRING(0, "items", "FILE", &items_path, "items.jsonl that filters go by (the --titles file)"),
    OPT_CHOICE(0, "gemm", backend_names, &gemm, "matrix backend"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"recommend", "[-m model.st -s sids.st] [--blend blend.st] [options] < histories.txt > lists.tsv",
                          "Answers every history (item ids, oldest first, a line each) with the best next items as id:score.",
                          options, CLI_COUNT(options)};

/* A history as asked. */
typedef struct {
    int32_t *items;
    int64_t count, cap, unknown; /* unknown: ids that the catalogue lacks */
    unfolding_t unfolding;
    bool empty;          /* of a task: nothing to ask with */
    char *user;          /* whose it is; NULL: a line's */
    int32_t target;      /* what the user took next */
} asked_t;

typedef struct {
    engine_t *engine;
    asker_t *asker;      /* with --task from 2 on; a batch then is what it is asked */
    const strtab_t *ids; /* of the items */
    const char *items;   /* the file of items; NULL: none */
    item_records_t *records;  /* what it says */
    item_set_t *within;  /* what passes the filters; NULL: there are none */
    out_t *out;
    asked_t batch[BATCH];
    int waiting;         /* histories in the batch */
} server_t;

static void put_item(server_t *s, int place, int32_t item, double score)
{
    size_t n;
    const char *id = strtab_get(s->ids, item, &n);
    if (titles)
        fprintf(out_file(s->out), "%.6g\t%.*s\t%s\n", score, (int)n, id, s->records->title[item] ? s->records->title[item] : "");
    else
        fprintf(out_file(s->out), "%s%.*s:%.6g", place ? "\t" : "", (int)n, id, score);
}

static void put_list(server_t *s, const int32_t *items, const float *scores, int64_t n)
{
    for (int64_t i = 0; i < n && i < k && items[i] >= 0; i++) put_item(s, (int)i, items[i], (double)scores[i]);
    fputc('\n', out_file(s->out));
}

/* Answers a task's lines by items. */
static void answer_items(server_t *s)
{
    const int64_t n = asker_waiting(s->asker);
    int32_t *items = NEW_ARRAY(int32_t, n * k), *list = items;
    float *scores = NEW_ARRAY(float, n * k), *score = scores;
    if (n) asker_items(s->asker, s->within, (int)beam, (int)k, items, scores);
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

static void put_id(const server_t *s, int32_t item, buf_t *line)
{
    size_t n;
    const char *id = strtab_get(s->ids, item, &n);
    buf_json_string(line, id, n);
}

/* Writes who asks, and what came, as the first members of an object. */
static void put_user(const server_t *s, const asked_t *a, buf_t *line)
{
    buf_puts(line, "{\"user\":");
    buf_json_string(line, a->user, strlen(a->user));
    buf_puts(line, ",\"history\":[");
    for (int64_t i = 0; i < a->count; i++) {
        buf_puts(line, i ? "," : "");
        put_id(s, a->items[i], line);
    }
    buf_puts(line, "],\"target\":");
    put_id(s, a->target, line);
    buf_puts(line, ",");
}

static void put_unfolding(server_t *s, asked_t *a, const int32_t *items, const float *scores)
{
    const answer_t answer = {s->engine, titles ? s->records : NULL, k, items, scores, a->unknown, s->within, &a->unfolding};
    buf_t line = {0}, user = {0};
    answer_write(&answer, &line);
    if (a->user) put_user(s, a, &user);
    fprintf(out_file(s->out), "%s%s\n", a->user ? user.data : "", line.data + (a->user ? 1 : 0));
    buf_free(&line);
    buf_free(&user);
    unfolding_free(&a->unfolding);
    free(a->user);
    a->user = NULL;
}

static void answer_histories(server_t *s)
{
    history_t histories[BATCH];
    const item_set_t *within[BATCH];
    unfolding_t *unfoldings[BATCH];
    int32_t *items = NEW_ARRAY(int32_t, s->waiting * k);
    float *scores = NEW_ARRAY(float, s->waiting * k);
    for (int i = 0; i < s->waiting; i++) {
        histories[i] = (history_t){s->batch[i].items, s->batch[i].count, -1};
        within[i] = s->within;
        unfoldings[i] = &s->batch[i].unfolding;
    }
    const engine_query_t q = {s->waiting, histories, within, beam, k, exclude_seen, unfold ? unfoldings : NULL};
    engine_ask(s->engine, &q, items, scores);
    for (int i = 0; i < s->waiting; i++) {
        if (unfold) put_unfolding(s, &s->batch[i], items + i * k, scores + i * k);
        else put_list(s, items + i * k, scores + i * k, k);
    }
    free(items);
    free(scores);
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
    a->count = a->unknown = 0;
    id_line_t ids = id_line_start(s->ids, line, n, " ");
    for (const char *id; id_line_next(&ids, &id, &n);) {
        const int64_t item = strtab_find(s->ids, id, n);
        GROW(a->items, a->count, a->cap);
        if (item >= 0) a->items[a->count++] = (int32_t)item;
        else {
            warn_unknown(id, n, number);
            a->unknown++;
        }
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

static void take_user(server_t *s, const held_out_t *h, int64_t at)
{
    asked_t *a = &s->batch[s->waiting++];
    const history_t *history = &h->histories[at];
    a->user = strtab_dup(&h->x.user_ids, h->users[at]);
    a->target = history->target;
    for (a->count = 0; a->count < history->count;) {
        GROW(a->items, a->count, a->cap);
        a->items[a->count] = history->items[a->count];
        a->count++;
    }
    if (s->waiting == BATCH) answer_batch(s);
}

/* Asks for users of the interactions, the first time that each has an item held out. */
static void serve_users(server_t *s)
{
    held_out_t h = held_out_open(interactions, !strcmp(split, "valid") ? SPLIT_VALID : SPLIT_TEST, users, (uint64_t)cli_common.seed);
    catalogue_check_items(interactions, &h.x.item_ids, sids ? sids : blend, s->ids);
    for (int64_t i = 0; i < h.n; i++)
        if (!i || h.users[i] != h.users[i - 1]) take_user(s, &h, i);
    answer_batch(s);
    held_out_close(&h);
}

/* Refuses what the model has not learnt; a task other than recommendation has an asker. */
static void open_task(server_t *s, const recommender_t *r)
{
    const task_list_t learnt = task_list_learnt(recommender_tasks(r), model);
    if (task > 1) s->asker = asker_new(recommender_network(r), recommender_space(r), model);
    task_list_need(&learnt, (task_t)(task - 1), model);
}

/* Works out which items the filters let pass. */
static void open_filters(server_t *s)
{
    conditions_t c = {0};
    for (int i = 0; i < filters.count; i++)
        if (!conditions_add_text(&c, filters.items[i])) die(EX_USAGE, "--filter %s: expected KEY=VALUE", filters.items[i]);
    s->within = conditions_meet(&c, s->records->facets, s->ids->count, engine_trie(s->engine));
    if (!s->within->count) warn("%s: no item passes the filters", s->items);
    conditions_free(&c);
}

static server_t server_open(void)
{
    server_t s = {.engine = engine_open(&(engine_files_t){model, sids, blend, interactions, gemm}),
                  .items = items_path ? items_path : titles};
    s.ids = engine_ids(s.engine);
    if (model) open_task(&s, engine_recommender(s.engine));
    if (s.items) s.records = item_records_read(s.items, s.ids, false, filters.count > 0);
    if (filters.count) open_filters(&s);
    s.out = out_open(cli_common.output, false);
    return s;
}

static void server_close(server_t *s)
{
    out_commit(s->out);
    for (int i = 0; i < BATCH; i++) free(s->batch[i].items);
    item_set_free(s->within);
    item_records_free(s->records);
    asker_free(s->asker);
    engine_free(s->engine);
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected '%s': histories come from standard input", argv[1]);
    if (!model != !sids) die(EX_USAGE, "--model and --sids go together");
    if (!model && !blend) die(EX_USAGE, "--model and --sids, or --blend, are missing");
    const bool lists = !task_form((task_t)(task - 1))->writes_title;
    if (model && lists && k > beam) die(EX_USAGE, "-k %lld: expected at most --beam %lld", (long long)k, (long long)beam);
    if (filters.count && !items_path && !titles) die(EX_USAGE, "--filter needs --items or --titles");
    if (items_path && titles) die(EX_USAGE, "--items and --titles exclude each other: either is what filters go by");
    if (task > 1 && (!model || blend || exclude_seen || interactions || unfold))
        die(EX_USAGE, "--task %lld needs --model, and goes without --blend, --exclude-seen, --interactions and --unfold", (long long)task);
    if (!lists && (titles || filters.count || cli_given("k")))
        die(EX_USAGE, "--task %lld tells one title a line: it goes without -k, --filter and --titles", (long long)task);
    if (cli_given("users") && (!unfold || !interactions)) die(EX_USAGE, "--users needs --unfold and --interactions");
    if (cli_given("split") && !cli_given("users")) die(EX_USAGE, "--split goes with --users");
    server_t s = server_open();
    (cli_given("users") ? serve_users : serve)(&s);
    server_close(&s);
    return 0;
}
