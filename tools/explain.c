/* explain: what Semantic IDs mean, read off the items that share them. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/id_line.h"
#include "score/thinking.h"
#include "tasks/asker.h"
#include "tasks/curriculum.h"
#include "text/explain_json.h"
#include "text/explain_text.h"

enum { SAY_BEAM = 8 };

static const char *sids_path, *items_path, *model_path, *history;
static int64_t count = 10;
static bool json, say;

static const cli_option_t options[] = {
    OPT_STRING('s', "sids", "FILE", &sids_path, "sids/1"),
    OPT_STRING('i', "items", "FILE", &items_path, "items.jsonl (stdin)"),
    OPT_INT('n', "count", "N", &count, 0, 1000000, "items, or codes, shown of a group"),
    OPT_STRING('t', "think", "HISTORY", &history, "item ids, oldest first: what the model thinks after them"),
    OPT_FLAG(0, "say", &say, "what title the model gives each operand"),
    OPT_STRING('m', "model", "FILE", &model_path, "model/1, for --think one that thinks, for --say one that tells titles"),
    OPT_FLAG('j', "json", &json, "one JSON object for each operand"),
    CLI_OUTPUT,
};

static const cli_t cli = {"explain", "-s sids.st -i items.jsonl [-m model.st [--think HISTORY] [--say]] [ID | CODE,... ]...",
                          "Shows the items that share an item's first codes, or a prefix of codes, and what they have in common.",
                          options, CLI_COUNT(options)};

/* Reads --think's item ids; `items` has room for as many as it has bytes. */
static history_t read_history(const explain_t *x, int32_t *items)
{
    const strtab_t *ids = &x->sids.item_ids;
    id_line_t line = id_line_start(ids, history, strlen(history), " ");
    int64_t n = 0;
    size_t length;
    for (const char *id; id_line_next(&line, &id, &length);) {
        const int64_t item = strtab_find(ids, id, length);
        if (item < 0) die(EX_USAGE, "--think: '%.*s' is no item of %s", (int)length, id, sids_path);
        items[n++] = (int32_t)item;
    }
    return (history_t){items, n, -1};
}

/* Asks the model for the operands' titles. */
static void ask_titles(explain_t *x, const recommender_t *r)
{
    asker_t *a = asker_new(recommender_network(r), recommender_space(r), model_path);
    const task_list_t learnt = task_list_learnt(recommender_tasks(r), model_path);
    task_list_need(&learnt, TASK_SID_TITLE, model_path);
    for (int i = 0; i < x->query_count; i++) {
        const explain_query_t *q = &x->queries[i];
        if (q->item >= 0) asker_add(a, NULL, TASK_SID_TITLE, &(history_t){.target = (int32_t)q->item});
        else asker_add_codes(a, TASK_SID_TITLE, q->prefix.codes, q->prefix.depth);
    }
    const told_t *told = asker_titles(a, SAY_BEAM);
    for (int i = 0; i < x->query_count; i++) {
        x->queries[i].said = xstrdup(told[i].text);
        x->queries[i].said_log_p = told[i].log_p;
    }
    asker_free(a);
}

/* Writes what was asked for, in text with two empty lines before all but the first. */
static void write_next(out_t *out, buf_t *text, bool first)
{
    if (!first && !json) out_write(out, "\n\n", 2);
    out_write(out, text->data, text->len);
    buf_clear(text);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (!sids_path) die(EX_USAGE, "no --sids, expected a file of Semantic IDs");
    if (!model_path != !(history || say)) die(EX_USAGE, "--model goes with --think and --say");
    explain_t x = explain_open(sids_path, count);
    if (!operands && !history) explain_ask(&x, "");
    for (int i = 0; i < operands; i++) explain_ask(&x, argv[1 + i]);
    recommender_t *model = model_path ? recommender_open(model_path, sids_path, "auto") : NULL;
    int32_t *items = NEW_ARRAY(int32_t, history ? (int64_t)strlen(history) : 0);
    if (say) ask_titles(&x, model);
    const history_t read = history ? read_history(&x, items) : (history_t){0};
    const explain_thoughts_t thoughts = history ? thinking_explain(model, model_path, &x, &read) : (explain_thoughts_t){0};
    explain_read(&x, items_path);

    out_t *out = out_open(cli_common.output, false);
    buf_t text = {0};
    if (history) {
        (json ? explain_thoughts_json : explain_thoughts_text)(&x, &thoughts, &text);
        write_next(out, &text, true);
    }
    for (int i = 0; i < x.query_count; i++) {
        (json ? explain_json : explain_text)(&x, &x.queries[i], &text);
        write_next(out, &text, !history && i == 0);
    }
    out_commit(out);
    buf_free(&text);
    explain_free(&x);
    free(items);
    return 0;
}
