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
    OPT_STRING('s', "sids", "FILE", &sids_path, "sids/1"),
    OPT_STRING('i', "items", "FILE", &items_path, "items.jsonl (stdin)"),
    OPT_INT('n', "count", "N", &count, 0, 1000000, "items, or codes, shown of a group"),
    OPT_FLAG('j', "json", &json, "one JSON object for each operand"),
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
