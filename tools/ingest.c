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
#include "ingest/ingest_cold.h"
#include "ingest/pictures.h"
#include "ingest/records.h"

static const char *items_out_path, *report_path;
static const char *since, *until;
static const char *ties = "file", *split_name = "last", *split_at;
static const char *cold_items_path, *cold_path;
static double cold;
static ingest_split_t split = {.share = {0.8, 0.9}};
static ingest_filter_t filter = {.kcore = 5, .min_rating = NAN, .since = INT64_MIN, .until = INT64_MAX};

static const cli_option_t options[] = {
    INPUT_OPTIONS,
    CLI_GROUP("outputs, filters, order, split"),
    OPT_STRING(0, "items-out", "FILE", &items_out_path, "the records that stay; - for standard output"),
    CLI_OUTPUT,
    OPT_STRING(0, "report", "FILE", &report_path, "what was dropped and why, as JSON"),
    CONFIG_STRING(0, "since", "TIME", &since, "drop interactions before a date, ISO time or second"),
    CONFIG_STRING(0, "until", "TIME", &until, "drop interactions from then on"),
    CONFIG_REAL(0, "min-rating", "X", &filter.min_rating, -INFINITY, INFINITY, "drop interactions rated below X"),
    CONFIG_FLAG(0, "require-image", &filter.require_image, "drop items without a picture"),
    CONFIG_INT(0, "max-items-per-user", "N", &filter.max_items, 0, 1e9, "keep a user's latest N interactions; 0: all"),
    CONFIG_INT('k', "kcore", "N", &filter.kcore, 0, 1e9, "least interactions of a user, of an item; 0: no filter"),
    CONFIG_CHOICE(0, "ties", ties_names, &ties, "the order of a user's events of one time"),
    CONFIG_CHOICE(0, "split", ingest_split_names, &split_name, "what is held out: last items, times, users"),
    CONFIG_STRING(0, "split-at", "A,B", &split_at, "where validation and test begin: shares, or times (0.8,0.9)"),
    CONFIG_REAL(0, "cold", "X", &cold, 0, 0.9, "share of the test's items that training never sees"),
    OPT_STRING(0, "cold-items", "FILE", &cold_items_path, "with --cold: their records"),
    OPT_STRING(0, "cold-out", "FILE", &cold_path, "with --cold: the histories with them"),
    CLI_GROUP("pictures"),
    PICTURES_OPTIONS,
    CLI_GROUP("others"),
    CLI_SEED,
    CLI_THREADS,
};

static const cli_t cli = {
    "ingest", "--items ITEMS --interactions EVENTS --items-out ITEMS -o FILE [options]",
    "Reduces a catalogue and its users' events to chronological histories (interactions/2) over an iterative k-core.",
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
                            {"--report", report_path, true}, {"--cold-items", cold_items_path, true},
                            {"--cold-out", cold_path, true}};
    const int count = sizeof roles / sizeof *roles;
    for (int a = 0; a < count; a++) {
        for (int b = a + 1 + (a == 0 && inputs_share_package()); b < count; b++) {
            if ((a > 3 && !roles[a].path) || (b > 3 && !roles[b].path)) continue;
            if (same_file(&roles[a], &roles[b])) die(EX_USAGE, "%s and %s are the same file", roles[a].option, roles[b].option);
        }
    }
}

/* Finds now what could not be written at the end: outputs are opened only there, so that what is killed before leaves nothing. */
static void check_outputs(void)
{
    out_check(cli_common.output, true);
    out_check(items_out_path, false);
    if (report_path) out_check(report_path, false);
    if (cold_items_path) out_check(cold_items_path, false);
    if (cold_path) out_check(cold_path, true);
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

static int choice(const char *const *names, const char *name)
{
    int i = 0;
    while (strcmp(names[i], name)) i++;
    return i;
}

static void check_split(void)
{
    filter.ties = (ties_t){(ties_order_t)choice(ties_names, ties), (uint64_t)cli_common.seed};
    split.kind = (ingest_split_kind_t)choice(ingest_split_names, split_name);
    split.seed = (uint64_t)cli_common.seed;
    if (split_at && split.kind == INGEST_SPLIT_LAST) die(EX_USAGE, "--split-at goes with --split time and --split user");
    if (split_at && !ingest_split_parse(split_at, &split))
        die(EX_USAGE, "--split-at %s: expected two shares as 0.8,0.9 or two times, the smaller first", split_at);
    if (split.by_time && split.kind == INGEST_SPLIT_USER)
        die(EX_USAGE, "--split-at %s: expected two shares of the users, as 0.8,0.9", split_at);
    if ((cold > 0) != (cold_items_path != NULL) || (cold > 0) != (cold_path != NULL))
        die(EX_USAGE, "--cold, --cold-items and --cold-out go together");
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

/* Warns of numbers that are no seconds: days as 20200131, minutes, and seconds read as thousandths, lie so. Smaller ones are counters. */
static void check_unit(const ingest_report_t *r)
{
    const int64_t counters = 1000000, year_1980 = 315532800;
    if (r->earliest < counters || r->latest >= year_1980 || !inputs_take_times() || inputs.time_format) return;
    const char *year = r->latest < 31536000 ? "in 1970" : "before 1980";
    warn("all times lie %s: --time-unit and --time-format (as %%Y%%m%%d for 20200131) read others than seconds", year);
}

/* Reads the interactions; returns the digest of what was read. */
static char *read_events(ingest_t *g, tally_t *tally)
{
    event_source_t *source = inputs_events(!isnan(filter.min_rating));
    ingest_read(g, source);
    if (!source->order_only) check_unit(ingest_report(g));
    char *digest = source->digest(source);
    *tally = source->tally;
    source->close(source);
    return digest;
}

#define LETTERS_APART "no item's id beyond ASCII is in both inputs: is one in another encoding? --encoding and --item-encoding name them"

/* Tells whether ids may fail to meet for their encoding. */
static bool letters_apart(const ingest_report_t *r) { return r->letters_apart && inputs_take_encoding(); }

static void check_left(const ingest_account_t *a)
{
    const ingest_report_t *r = a->report;
    if (r->steps[r->count - 1].users > (split.kind == INGEST_SPLIT_LAST ? r->short_users : 0)) return;
    ingest_account_notes(a);
    if (r->steps[0].interactions && !r->steps[1].interactions)
        die(EX_DATAERR, "nothing left: none of the items in %s has a record in %s; do the files belong together?%s",
            inputs.interactions, inputs.items, letters_apart(r) ? " " LETTERS_APART : "");
    die(EX_DATAERR, "nothing left to split: no user has 3 interactions or more after --kcore %lld; "
        "try a smaller one, or more data%s", (long long)filter.kcore, letters_apart(r) ? "; " LETTERS_APART : "");
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

/* Histories, and the records that belong to them. */
typedef struct {
    const char *histories, *items; /* where they go */
    const ingest_result_t *x;
    bool *keep;                    /* [records] */
    st_writer_t *writer;
    out_t *out;
} product_t;

/* The histories carry the digest of the records. */
static void prepare(product_t *p, const records_t *records, pictures_t *pictures, const char *events_digest)
{
    p->writer = st_create(p->histories, "interactions/2");
    p->out = out_open(p->items, false);
    char *config = cli_config(&cli);
    char *items_digest = records_write(records, p->keep, pictures ? edit_record : NULL, pictures, p->out);
    out_prepare(p->out);
    st_set_meta(p->writer, "config", config);
    st_set_meta(p->writer, "input.items", records->digest);
    st_set_meta(p->writer, "input.interactions", events_digest);
    st_set_meta(p->writer, "items", items_digest);
    ingest_result_add(p->writer, p->x);
    st_prepare(p->writer);
    free(config);
    free(items_digest);
}

static void commit(product_t *p)
{
    out_commit(p->out);
    st_commit(p->writer);
    free(p->keep);
}

/* Which records are of the items from row `first` on: [records]. */
static bool *records_of(const records_t *records, const ingest_result_t *x, int64_t first)
{
    bool *keep = NEW_ARRAY(bool, records->ids.count);
    for (int64_t i = first; i < x->items; i++) {
        size_t n;
        const char *id = strtab_get(&x->item_ids, i, &n);
        keep[strtab_find(&records->ids, id, n)] = true;
    }
    return keep;
}

/* Writes all outputs to the disk before the first of them gets its name. `with_cold` is NULL where there are no cold items. */
static void write_all(const ingest_result_t *x, const ingest_result_t *with_cold, const records_t *records, pictures_t *pictures,
                      const char *events_digest, const ingest_account_t *a)
{
    product_t products[2] = {{cli_common.output, items_out_path, x, records_of(records, x, 0), NULL, NULL}};
    const int count = with_cold ? 2 : 1;
    if (with_cold)
        products[1] = (product_t){cold_path, cold_items_path, with_cold, records_of(records, with_cold, x->items), NULL, NULL};
    for (int i = 0; i < count; i++) prepare(&products[i], records, pictures, events_digest);
    out_t *report = report_path ? out_open(report_path, false) : NULL;
    if (report) write_report(report, a);
    for (int i = 0; i < count; i++) commit(&products[i]);
    if (report) out_commit(report);
}

/* Divides the result into phases, and takes cold items out of it: *with_cold receives the result that still has them. Returns
 * whether there are any. */
static bool divide(ingest_result_t *x, ingest_result_t *with_cold, ingest_account_t *a, ingest_phases_t *phases)
{
    ingest_split(x, &split);
    if (cold > 0) {
        bool *drawn = ingest_cold_draw(x, cold, (uint64_t)cli_common.seed);
        *with_cold = ingest_without(x, drawn, true);
        ingest_result_t warm = ingest_without(x, drawn, false);
        ingest_result_free(x);
        *x = warm;
        free(drawn);
    }
    *phases = ingest_phases(x);
    a->split = &split;
    a->phases = phases;
    a->order_only = x->order_only;
    a->ties = filter.ties.order;
    return cold > 0;
}

int main(int argc, char **argv)
{
    if (cli_parse(&cli, argc, argv)) die(EX_USAGE, "unexpected operand '%s'; 'ingest --help' lists the options", argv[1]);
    inputs_check();
    check_paths();
    check_times();
    check_split();
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
    if (letters_apart(account.report)) warn(LETTERS_APART);
    pictures_t *pictures = fetch_pictures(&records, g);
    if (pictures) {
        account.pictures = pictures_tally(pictures);
        account.records_kept = count_kept(&records, keep);
        check_left(&account);
    }
    ingest_result_t x = ingest_result(g), with_cold = {0};
    ingest_phases_t phases;
    const bool colder = divide(&x, &with_cold, &account, &phases);
    write_all(&x, colder ? &with_cold : NULL, &records, pictures, events_digest, &account);
    ingest_account_notes(&account);
    if (colder) note("%lld cold items, of which training sees nothing: %s", (long long)(with_cold.items - x.items), cold_path);

    pictures_close(pictures);
    if (colder) ingest_result_free(&with_cold);
    ingest_result_free(&x);
    ingest_close(g);
    records_free(&records);
    free(events_digest);
    return 0;
}
