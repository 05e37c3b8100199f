/* ingest: item records and events in, the catalogue that stays and its users' histories out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/date.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/relpath.h"
#include "data/st.h"
#include "formats/inputs.h"
#include "ingest/ingest.h"
#include "ingest/pictures.h"
#include "ingest/records.h"

static const char *items_out_path, *report_path;
static const char *since, *until;
static ingest_filter_t filter = {.kcore = 5, .min_rating = NAN, .since = INT64_MIN, .until = INT64_MAX};

static const cli_option_t options[] = {
    INPUT_OPTIONS,
    CLI_GROUP("outputs"),
    OPT_STRING(0, "items-out", "FILE", &items_out_path, "the records that stay; - for standard output"),
    CLI_OUTPUT,
    OPT_STRING(0, "report", "FILE", &report_path, "what was dropped and why, as JSON"),
    CLI_GROUP("filters"),
    CONFIG_STRING(0, "since", "TIME", &since, "drop interactions before a date, ISO time or second"),
    CONFIG_STRING(0, "until", "TIME", &until, "drop interactions from then on"),
    CONFIG_REAL(0, "min-rating", "X", &filter.min_rating, -INFINITY, INFINITY, "drop interactions rated below X"),
    CONFIG_FLAG(0, "require-image", &filter.require_image, "drop items without a picture"),
    CONFIG_INT(0, "max-items-per-user", "N", &filter.max_items, 0, 1e9, "keep a user's latest N interactions; 0: all"),
    CONFIG_INT('k', "kcore", "N", &filter.kcore, 0, 1e9, "least interactions of a user, of an item; 0: no filter"),
    CLI_GROUP("pictures"),
    PICTURES_OPTIONS,
    CLI_GROUP("others"),
    CLI_THREADS,
};

static const cli_t cli = {
    "ingest", "--items ITEMS --interactions EVENTS --items-out ITEMS -o FILE [options]",
    "Reduces a catalogue and its users' events to what recommenders learn from: chronological histories\n"
    "(interactions/1, binary) over an iterative k-core, and the records of the items in it.",
    options, CLI_COUNT(options),
};

typedef struct {
    const char *option, *path;
    bool output;
} role_t;

static bool is_stream(const char *path) { return !path || !strcmp(path, "-"); }

/* Tells whether two options name one file. Standard input and standard output, both "-", are two. */
static bool same_file(const role_t *a, const role_t *b)
{
    if (is_url(a->path) || is_url(b->path)) return a->path && b->path && !strcmp(a->path, b->path);
    return relpath_same(a->path, b->path) && (!is_stream(a->path) || a->output == b->output);
}

static void check_folder(const char *option, const char *path)
{
    if (path && !*path) die(EX_USAGE, "%s is empty, expected a folder", option);
}

static void check_paths(void)
{
    check_folder("--cache", download_options.cache);
    check_folder("--images", pictures_options.folder);
    if (!items_out_path) die(EX_USAGE, "--items-out is missing, expected where the records that stay are written");
    const role_t roles[] = {{"--items", inputs.items, false}, {"--interactions", inputs.interactions, false},
                            {"--items-out", items_out_path, true}, {"--output", cli_common.output, true},
                            {"--report", report_path, true}};
    const int count = report_path ? 5 : 4;
    for (int a = 0; a < count; a++)
        for (int b = a + 1 + (a == 0 && inputs_share_package()); b < count; b++)
            if (same_file(&roles[a], &roles[b])) die(EX_USAGE, "%s and %s are the same file", roles[a].option, roles[b].option);
}

/* Finds now what could not be written at the end: outputs are opened only there, so that what is killed before leaves nothing. */
static void check_outputs(void)
{
    out_check(cli_common.output, true);
    out_check(items_out_path, false);
    if (report_path) out_check(report_path, false);
}

/* Reads a moment as seconds, and makes the option's text canonical for the configuration. */
static void read_moment(const char *option, const char **text, int64_t *seconds)
{
    if (!*text) return;
    if (!date_parse(*text, seconds))
        die(EX_USAGE, "--%s %s: expected a date as 2014-07-23, a time as 2014-07-23T18:30:00Z, or seconds since 1970", option, *text);
    *text = xasprintf("%lld", (long long)*seconds);
}

static void check_times(void)
{
    read_moment("since", &since, &filter.since);
    read_moment("until", &until, &filter.until);
    if (filter.since >= filter.until) die(EX_USAGE, "--since is not before --until: no time lies between them");
}

/* Reads the records, their pictures' paths rewritten as seen from where --items-out will stand. */
static records_t read_records(tally_t *tally)
{
    char *old = relpath_folder(inputs.items);
    if (!old) die_errno(EX_NOINPUT, "%s", inputs.items);
    char *new = relpath_folder(items_out_path);
    if (!new) die_errno(EX_CANTCREAT, "%s", items_out_path);
    record_source_t *source = inputs_records();
    records_t r = records_read(source, old, new);
    *tally = source->tally;
    source->close(source);
    free(old);
    free(new);
    return r;
}

/* Reads the interactions; returns the digest of what was read. */
static char *read_events(ingest_t *g, tally_t *tally)
{
    event_source_t *source = inputs_events(!isnan(filter.min_rating));
    ingest_read(g, source);
    char *digest = source->digest(source);
    *tally = source->tally;
    source->close(source);
    return digest;
}

static void check_left(const ingest_account_t *a)
{
    const ingest_report_t *r = a->report;
    if (r->steps[r->count - 1].users > r->short_users) return;
    ingest_account_notes(a);
    if (r->steps[0].interactions && !r->steps[1].interactions)
        die(EX_DATAERR, "nothing left: none of the items in %s has a record in %s; do the files belong together?",
            inputs.interactions, inputs.items);
    die(EX_DATAERR, "nothing left to split: no user has 3 interactions or more after --kcore %lld; "
        "try a smaller one, or more data", (long long)filter.kcore);
}

/* Drops the items whose picture did not arrive, for --require-image. */
static void drop_without_picture(ingest_t *g, const pictures_t *p, int64_t items)
{
    const bool *keep = ingest_items(g);
    bool *gone = NEW_ARRAY(bool, items);
    int64_t count = 0;
    for (int64_t i = 0; i < items; i++) count += gone[i] = keep[i] && !pictures_has(p, i);
    if (count) ingest_drop_items(g, "no_picture", gone);
    free(gone);
}

/* Downloads the pictures of the records that stay. NULL where that was not asked for. */
static pictures_t *fetch_pictures(const records_t *records, ingest_t *g)
{
    if (!pictures_options.folder) return NULL;
    char *folder = relpath_folder(items_out_path);
    pictures_t *p = pictures_open(&pictures_options, folder);
    records_walk_t walk = {0};
    while (records_next(records, &walk))
        if (ingest_items(g)[walk.next - 1]) pictures_want(p, walk.next - 1, walk.line, walk.n);
    records_walk_free(&walk);
    free(folder);
    pictures_fetch(p);
    if (filter.require_image) drop_without_picture(g, p, records->ids.count);
    return p;
}

static void edit_record(void *pictures, int64_t i, buf_t *line) { pictures_edit(pictures, i, line); }

static int64_t count_kept(const records_t *records, const bool *keep)
{
    int64_t n = 0;
    for (int64_t i = 0; i < records->ids.count; i++) n += keep[i];
    return n;
}

static void write_report(out_t *out, const ingest_account_t *a)
{
    buf_t json = {0};
    ingest_account_json(a, &json);
    out_write(out, json.data, json.len);
    out_prepare(out);
    buf_free(&json);
}

/* Writes all outputs to the disk before the first of them gets its name. The histories carry the digest of
 * the records that belong to them. */
static void write_all(const ingest_result_t *x, const records_t *records, const bool *keep, pictures_t *pictures,
                      const char *events_digest, const ingest_account_t *a)
{
    st_writer_t *w = st_create(cli_common.output, "interactions/1");
    out_t *items_out = out_open(items_out_path, false), *report = report_path ? out_open(report_path, false) : NULL;
    char *config = cli_config(&cli);
    char *items_digest = records_write(records, keep, pictures ? edit_record : NULL, pictures, items_out);
    out_prepare(items_out);
    st_set_meta(w, "config", config);
    st_set_meta(w, "input.items", records->digest);
    st_set_meta(w, "input.interactions", events_digest);
    st_set_meta(w, "items", items_digest);
    st_add1(w, "user_offsets", ST_I64, x->users + 1, x->user_offsets);
    st_add_spool(w, "item_index", ST_I32, &x->item_index);
    st_add_spool(w, "timestamp", ST_I64, &x->timestamp);
    st_add_strings(w, "user_ids", &x->user_ids);
    st_add_strings(w, "item_ids", &x->item_ids);
    st_prepare(w);
    if (report) write_report(report, a);
    out_commit(items_out);
    st_commit(w);
    if (report) out_commit(report);
    free(config);
    free(items_digest);
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'; 'ingest --help' lists the options", argv[1]);
    inputs_check();
    check_paths();
    check_times();
    check_outputs();
    inputs_download();

    tally_t mended_records, mended_events;
    records_t records = read_records(&mended_records);
    ingest_t *g = ingest_open(&filter, &records.ids, records.evidence);
    char *events_digest = read_events(g, &mended_events);
    ingest_core(g);

    ingest_account_t account = {.report = ingest_report(g), .records = &mended_records, .interactions = &mended_events,
                                .records_read = records.ids.count};
    const bool *keep = ingest_items(g);
    account.records_kept = count_kept(&records, keep);
    check_left(&account);
    pictures_t *pictures = fetch_pictures(&records, g);
    if (pictures) {
        account.pictures = pictures_tally(pictures);
        account.records_kept = count_kept(&records, keep);
        check_left(&account);
    }
    ingest_result_t x = ingest_result(g);
    write_all(&x, &records, keep, pictures, events_digest, &account);
    ingest_account_notes(&account);

    pictures_close(pictures);
    ingest_result_free(&x);
    ingest_close(g);
    records_free(&records);
    free(events_digest);
    return 0;
}
