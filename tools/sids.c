/* sids: Semantic IDs from elsewhere as sids/1, and sids/1 in the forms that others read. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/out.h"
#include "data/interactions.h"
#include "data/items.h"
#include "data/provenance.h"
#include "sid/foreign_sids.h"
#include "sid/sid_import.h"

static const char *const last_levels[] = {"code", "suffix", NULL}, *const collision_choices[] = {"refuse", "suffix", NULL};
static const char *from, *to, *interactions, *items, *map, *map_keys = "auto", *last_level = "code", *collisions = "refuse";
static int64_t codes, max_suffix;

static const cli_option_t options[] = {
    CONFIG_CHOICE('f', "from", foreign_forms, &from, "reads this form, writes sids/1"),
    OPT_CHOICE('t', "to", foreign_forms, &to, "reads sids/1, writes this form"),
    CLI_OUTPUT,
    CLI_GROUP("with --from"),
    OPT_STRING('i', "interactions", "FILE", &interactions, "interactions/2: its items, in its order (the file's own)"),
    OPT_STRING(0, "items", "FILE", &items, "items.jsonl, whose items the rows of an array are"),
    OPT_STRING('m', "item-map", "FILE", &map, "pairs of the file's key and the item's id, a tab between"),
    CONFIG_CHOICE(0, "item-map-keys", item_map_sides, &map_keys, "the map's column of keys"),
    CONFIG_CHOICE(0, "last-level", last_levels, &last_level, "what an item's last code is"),
    CONFIG_CHOICE(0, "collisions", collision_choices, &collisions, "items with one SID"),
    CONFIG_INT(0, "codes", "K", &codes, 0, SID_MAX_CODES, "codes of a level; 0: as the largest asks"),
    CONFIG_INT(0, "max-suffix", "N", &max_suffix, 0, SID_MAX_CODES, "suffixes reserved; 0: as the largest asks"),
};

static const cli_t cli = {"sids",
                          "--from FORM [options] [FILE] > sids.st\n"
                          "       sids --to FORM [sids.st] > FILE",
                          "Brings Semantic IDs of other systems into sids/1, and sids/1 into their forms.", options,
                          CLI_COUNT(options)};

/* The files beside the foreign one, and what they are for. */
typedef struct {
    st_file_t *interactions_file;
    interactions_t x;
    strtab_t rows;          /* ids of --items */
    char *rows_digest;
    item_map_t map;
    sid_import_t how;
} beside_t;

static void read_items(beside_t *b)
{
    items_t in = items_open(items);
    in_digest(&in.lines);
    while (items_next(&in)) strtab_add(&b->rows, in.id, strlen(in.id));
    b->rows_digest = in_digest_hex(&in.lines);
    items_close(&in);
}

/* Names the rows of an array: by --items, or in the order of --interactions. */
static void name_rows(beside_t *b)
{
    if (items) {
        read_items(b);
        b->how.rows = &b->rows;
        b->how.rows_name = items;
    } else {
        b->how.rows = b->how.items;
        b->how.rows_name = interactions;
    }
}

static void open_beside(beside_t *b, const foreign_sids_t *f)
{
    if (interactions) {
        b->interactions_file = st_open(interactions);
        b->x = interactions_read(b->interactions_file);
        b->how.items = &b->x.item_ids;
        b->how.items_name = interactions;
    }
    if (map) b->map = item_map_read(map, map_keys, &f->keys);
    if (map) b->how.map = &b->map;
    else if (f->numbered) name_rows(b);
}

static void close_beside(beside_t *b)
{
    interactions_free(&b->x);
    st_close(b->interactions_file);
    strtab_free(&b->rows);
    free(b->rows_digest);
    item_map_free(&b->map);
}

/* Takes a size that was asked for in the place of the one found, and leaves the one that holds in the configuration. */
static void set_size(const char *name, const char *option, int64_t *asked, int *found)
{
    if (*asked && *asked < *found)
        die_at(name, 0, "holds %s %d, expected less than --%s %lld", strcmp(option, "codes") ? "suffix" : "code", *found - 1, option,
               (long long)*asked);
    if (*asked) *found = (int)*asked;
    *asked = *found;
}

/* Gives suffixes to items that share all codes, or makes sure that none do. */
static void settle_collisions(sids_t *s, const char *name)
{
    if (!strcmp(collisions, "suffix")) {
        if (s->max_suffix) die_at(name, 0, "has suffixes of its own, expected none with --collisions suffix");
        s->max_suffix = SID_MAX_CODES;
        sids_assign_suffixes(s, SUFFIX_COLLIDE);
        sid_import_sizes(s);
    }
    set_size(name, "codes", &codes, &s->codes);
    set_size(name, "max-suffix", &max_suffix, &s->max_suffix);
    sids_check_unique(name, s);
}

static void write_sids(const sids_t *s, const foreign_sids_t *f, const beside_t *b)
{
    provenance_t made_from = {0};
    provenance_add_digest(&made_from, "foreign", f->digest);
    if (interactions) provenance_add(&made_from, "interactions", b->interactions_file);
    if (items) provenance_add_digest(&made_from, "items", b->rows_digest);
    if (map) provenance_add_digest(&made_from, "item-map", b->map.digest);
    char *config = cli_config(&cli);
    st_writer_t *w = st_create(cli_common.output, "sids/1");
    st_set_meta(w, "config", config);
    provenance_write(&made_from, w);
    st_add2(w, "codes", ST_I32, s->items, s->levels, s->code);
    st_add1(w, "suffix", ST_I32, s->items, s->suffix);
    st_add_strings(w, "item_ids", &s->item_ids);
    st_commit(w);
    free(config);
    provenance_free(&made_from);
}

static void report(const sids_t *s, int64_t left_out)
{
    note("%lld items, %d level%s of %d codes, %lld items with a suffix", (long long)s->items, s->levels, s->levels == 1 ? "" : "s",
         s->codes, (long long)sids_suffixed(s));
    if (left_out) note("%lld items of the file left out: %s lacks them", (long long)left_out, interactions ? interactions : map);
}

static void bring_in(const char *path)
{
    foreign_sids_t f = foreign_sids_read(from, path, !strcmp(last_level, "suffix"));
    beside_t b = {0};
    int64_t left_out;
    open_beside(&b, &f);
    sids_t s = sid_import(&f, &b.how, &left_out);
    settle_collisions(&s, f.name);
    report(&s, left_out);
    write_sids(&s, &f, &b);
    sids_free(&s);
    foreign_sids_free(&f);
    close_beside(&b);
}

static void bring_out(const char *path)
{
    st_file_t *f = st_open(path);
    sids_t s = sids_read(f);
    out_t *o = out_open(cli_common.output, !strcmp(to, "npy"));
    foreign_sids_write(to, &s, o);
    out_commit(o);
    sids_free(&s);
    st_close(f);
}

static void check_options(int operands, char **argv)
{
    static const char *const only_from[] = {"interactions", "items", "item-map", "item-map-keys", "last-level", "collisions", "codes",
                                            "max-suffix"};
    if (operands > 1) die(EX_USAGE, "unexpected '%s': expected one file", argv[2]);
    if (!from == !to) die(EX_USAGE, "expected --from FORM or --to FORM; 'sids --help' lists the forms");
    for (size_t i = 0; to && i < sizeof only_from / sizeof *only_from; i++)
        if (cli_given(only_from[i])) die(EX_USAGE, "--%s goes with --from", only_from[i]);
    if (to) return;
    const bool array = !strcmp(from, "npy");
    if (items && (map || !array)) die(EX_USAGE, "--items names the rows of an array (--from npy) that has no --item-map");
    if (cli_given("item-map-keys") && !map) die(EX_USAGE, "--item-map-keys goes with --item-map");
    if (array && !items && !map && !interactions)
        die(EX_USAGE, "an array does not say of which items it is: expected --items, --interactions or --item-map");
}

int main(int argc, char **argv)
{
    const int operands = cli_parse(&cli, argc, argv);
    const char *path = operands ? argv[1] : NULL;
    check_options(operands, argv);
    out_check(cli_common.output, !to || !strcmp(to, "npy"));
    if (from) bring_in(path);
    else bring_out(path);
    return 0;
}
