/* report: an experiment as one page for a browser. */
#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "page/page.h"
#include "report/report.h"

static report_files_t files = {.max_items = 20000};
static bool json;

static const cli_option_t options[] = {
    CLI_GROUP("What was measured, and how it came about"),
    OPT_LIST(0, "per-user", "[LABEL=]FILE", &files.per_user, "ranks/1 of that result: intervals (per-user.st beside it)"),
    OPT_STRING(0, "published", "FILE", &files.published, "with what others have published"),
    OPT_STRING(0, "dataset", "NAME", &files.dataset, "what that file calls the data"),
    OPT_LIST(0, "log", "[NAME=]FILE", &files.logs, "a training's log.jsonl"),
    OPT_LIST(0, "stage", "FOLDER", &files.stages, "a stage of the experiment, with its log; in the order of the graph"),
    CLI_GROUP("The catalogue"),
    OPT_STRING('s', "sids", "FILE", &files.sids, "sids/1"),
    OPT_LIST(0, "items", "FILE", &files.items, "items.jsonl: titles and what else is known"),
    OPT_STRING('i', "interactions", "FILE", &files.interactions, "interactions/2: how popular items are"),
    OPT_STRING(0, "embeddings", "FILE", &files.embeddings, "embeddings/1: nearest items by vector"),
    OPT_STRING(0, "users", "FILE", &files.users, "users as examples, of recommend --users"),
    CONFIG_FLAG(0, "pictures", &files.pictures, "put small pictures into the page"),
    OPT_STRING(0, "image-root", "DIR", &files.image_root, "where pictures' paths count from (the folder of their items)"),
    CONFIG_INT(0, "max-items", "N", &files.max_items, 1, 10000000, "items shown; of more, those of users and a sample"),
    CLI_GROUP("The page"),
    CONFIG_STRING('t', "title", "TEXT", &files.title, "its title (the results' names)"),
    OPT_STRING(0, "manual", "DIR", &files.manual, "folder or URL of the manual as HTML, to be linked"),
    OPT_FLAG('j', "json", &json, "the page's data alone: an object a line"),
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
};

static const cli_t cli = {"report", "[[LABEL=]metrics.json...] [options] -o report.html",
                          "Puts results, curves, codes, stages and a catalogue to be explored into one self-contained HTML file.",
                          options, CLI_COUNT(options)};

static bool has_catalogue(void) { return files.sids || files.interactions || files.embeddings || files.items.count; }

static void check_options(void)
{
    if (!files.result_count && !files.logs.count && !files.stages.count && !has_catalogue())
        die(EX_USAGE, "nothing to show: expected metrics.json files, --log, --stage, --sids or --items; see --help");
    if (!files.published != !files.dataset) die(EX_USAGE, "--published and --dataset go together");
    if (files.users && !has_catalogue()) die(EX_USAGE, "--users needs --sids, --items, --interactions or --embeddings");
    if ((files.pictures || files.image_root) && !files.items.count) die(EX_USAGE, "--pictures and --image-root need --items");
}

/* Appends the documents, a line each. */
static void add_json(buf_t *out, const report_t *r)
{
    buf_add(out, r->report.data, r->report.len);
    buf_puts(out, "\n");
    if (!r->catalogue.len) return;
    buf_add(out, r->catalogue.data, r->catalogue.len);
    buf_puts(out, "\n");
}

static void add_page(buf_t *out, const report_t *r)
{
    page_write(out, r->title, &(page_data_t){r->report.data, r->catalogue.data, r->report.len, r->catalogue.len});
}

int main(int argc, char **argv)
{
    files.result_count = cli_parse(&cli, argc, argv);
    files.results = argv + 1;
    files.seed = (uint64_t)cli_common.seed;
    files.output = cli_common.output;
    check_options();
    out_check(cli_common.output, false);
    buf_t text = {0};
    report_t r = report_make(&files);
    (json ? add_json : add_page)(&text, &r);
    out_t *out = out_open(cli_common.output, false);
    out_write(out, text.data, text.len);
    out_commit(out);
    buf_free(&text);
    report_free(&r);
    return 0;
}
