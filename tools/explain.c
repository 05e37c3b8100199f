/* explain: what Semantic IDs mean, read off the items that share them. */
#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "text/explain_json.h"
#include "text/explain_text.h"

static const char *sids_path, *items_path;
static int64_t count = 10;
static bool json;

static const cli_option_t options[] = {
    {'s', "sids", "FILE", CLI_STRING, &sids_path, "sids/1", false, 0, 0, NULL},
    {'i', "items", "FILE", CLI_STRING, &items_path, "items.jsonl (stdin)", false, 0, 0, NULL},
    {'n', "count", "N", CLI_INT, &count, "items, or codes, shown of a group", false, 0, 1000000, NULL},
    {'j', "json", NULL, CLI_FLAG, &json, "one JSON object for each operand", false, 0, 0, NULL},
    CLI_OUTPUT,
};

static const cli_t cli = {"explain", "-s sids.st -i items.jsonl [ID | CODE,... ]...",
                          "Shows the items that share an item's first codes, or a prefix of codes, and what they have in common.",
                          options, CLI_COUNT(options)};

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (!sids_path) die(EX_USAGE, "no --sids, expected a file of Semantic IDs");
    explain_t x = explain_open(sids_path, count);
    if (!operands) explain_ask(&x, "");
    for (int i = 0; i < operands; i++) explain_ask(&x, argv[1 + i]);
    explain_read(&x, items_path);

    out_t *out = out_open(cli_common.output, false);
    buf_t text = {0};
    for (int i = 0; i < x.query_count; i++) {
        buf_clear(&text);
        if (json) explain_json(&x, &x.queries[i], &text);
        else explain_text(&x, &x.queries[i], &text);
        if (i && !json) out_write(out, "\n\n", 2);
        out_write(out, text.data, text.len);
    }
    out_commit(out);
    buf_free(&text);
    explain_free(&x);
    return 0;
}
