/* embed: items in, vectors out; and a look at which items lie near each other. */
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "data/items.h"
#include "data/st.h"
#include "evidence/lsa.h"
#include "nn/nearest.h"

enum { MAX_FIELDS = 16 };

static const char *text = "lsa";
static const char *fields = "title,description:0.5,categories:0.5,caption,intents";
static int64_t dim = 256, words = 2, min_df = 2, max_terms = 500000, iterations = 4;
static const char *chars = "3-5";
static double char_weight = 0.25, max_df = 1, exponent = 0.5;
static const char *nearest, *embeddings, *tensor = "text";
static int64_t nearest_count = 10;

static const char *const engines[] = {"lsa", NULL};
static const cli_option_t options[] = {
    {0, "text", NULL, CLI_CHOICE, &text, "text engine", true, 0, 0, engines},
    {'f', "fields", "LIST", CLI_STRING, &fields, "what goes in, each name with :WEIGHT if not 1", true, 0, 0, NULL},
    {'d', "dim", "N", CLI_INT, &dim, "width of the vectors", true, 1, 65536, NULL},
    {0, "words", "N", CLI_INT, &words, "longest word n-gram; 0: none", true, 0, 8, NULL},
    {0, "chars", "MIN-MAX", CLI_STRING, &chars, "character n-grams, or none", true, 0, 0, NULL},
    {0, "char-weight", "W", CLI_REAL, &char_weight, "their weight beside the words' 1", true, 0, 1000, NULL},
    {0, "min-df", "N", CLI_INT, &min_df, "drop terms of fewer items", true, 1, 2147483647, NULL},
    {0, "max-df", "SHARE", CLI_REAL, &max_df, "drop terms of more than this share of the items", true, 0, 1, NULL},
    {0, "max-terms", "N", CLI_INT, &max_terms, "keep the N commonest terms", true, 1, 2147483647, NULL},
    {0, "exponent", "P", CLI_REAL, &exponent, "weigh dimensions by singular value ^ P", true, 0, 2, NULL},
    {0, "power-iterations", "N", CLI_INT, &iterations, "passes that sharpen the SVD", true, 0, 100, NULL},
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
    CLI_LOG,
    {0, "nearest", "ID,...", CLI_STRING, &nearest, "show these items' nearest ones instead", false, 0, 0, NULL},
    {'k', "count", "N", CLI_INT, &nearest_count, "how many of them", false, 1, 1000000, NULL},
    {'e', "embeddings", "FILE", CLI_STRING, &embeddings, "where --nearest looks", false, 0, 0, NULL},
    {0, "tensor", "NAME", CLI_STRING, &tensor, "which of its tensors", false, 0, 0, NULL},
};
static const cli_t cli = {
    "embed", "[options] [items.jsonl] > embeddings.st",
    "Turns the text of items into vectors, one row an item.",
    options, CLI_COUNT(options),
};

/* The fields asked for. */
typedef struct {
    char *name[MAX_FIELDS];
    double weight[MAX_FIELDS];
    int count;
} field_list_t;

static void check_field(const field_list_t *list, const char *name)
{
    static const char *const known[] = {"title",   "description", "categories", "brand",
                                        "caption", "intents",     "image_labels"};
    for (int i = 0; i < list->count; i++)
        if (!strcmp(list->name[i], name)) die(EX_USAGE, "--fields: '%s' is there twice", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], name)) return;
    die(EX_USAGE, "--fields: unknown field '%s', expected title, description, categories, brand, caption, intents or "
        "image_labels", name);
}

static field_list_t parse_fields(const char *spec)
{
    field_list_t list = {0};
    char *copy = xstrdup(spec), *rest = copy, *name;
    while ((name = strsep(&rest, ","))) {
        char *colon = strchr(name, ':'), *end = NULL;
        double weight = 1;
        if (colon) {
            *colon = 0;
            weight = strtod(colon + 1, &end);
            if (end == colon + 1 || *end || !(weight > 0 && weight <= 1000))
                die(EX_USAGE, "--fields: weight '%s' of %s, expected a number above 0 and up to 1000", colon + 1, name);
        }
        check_field(&list, name);
        list.name[list.count] = xstrdup(name);
        list.weight[list.count++] = weight;
    }
    free(copy);
    return list;
}

static void free_fields(field_list_t *list)
{
    for (int i = 0; i < list->count; i++) free(list->name[i]);
}

static void parse_chars(const char *spec, ngram_options_t *o)
{
    char rest;
    o->char_min = o->char_max = 0;
    if (!strcmp(spec, "none")) return;
    if (sscanf(spec, "%d-%d%c", &o->char_min, &o->char_max, &rest) != 2 || o->char_min < 1 || o->char_max < o->char_min ||
        o->char_max > 16)
        die(EX_USAGE, "--chars %s: expected MIN-MAX, with 1 <= MIN <= MAX <= 16, or none", spec);
}

static text_engine_t *start_engine(void)
{
    lsa_options_t o = {
        .tfidf = {.ngrams = {.words = (int)words}, .char_weight = char_weight,
                  .min_df = min_df, .max_df = max_df, .max_terms = max_terms},
        .dim = dim,
        .exponent = exponent,
        .iterations = iterations,
        .seed = (uint64_t)cli_common.seed,
    };
    parse_chars(chars, &o.tfidf.ngrams);
    if (!o.tfidf.ngrams.words && (!o.tfidf.ngrams.char_max || char_weight <= 0))
        die(EX_USAGE, "--words 0 without character n-grams: nothing would be counted");
    return lsa_engine(lsa_new(&o));
}

/* Hands the current item's fields to the engine. */
static void add_item(const items_t *items, const field_list_t *list, text_engine_t *engine, buf_t *text_buf)
{
    text_part_t parts[MAX_FIELDS];
    size_t start[MAX_FIELDS];
    int count = 0;
    buf_clear(text_buf);
    for (int i = 0; i < list->count; i++) {
        start[count] = text_buf->len;
        if (!items_field_text(items, list->name[i], text_buf)) continue;
        parts[count] = (text_part_t){NULL, text_buf->len - start[count], list->weight[i]};
        count++;
    }
    for (int i = 0; i < count; i++) parts[i].text = text_buf->data + start[i]; /* the buffer has come to rest */
    engine->add(engine, parts, count);
}

/* Feeds every item to the engine; returns the digest of the file. */
static char *read_items(items_t *items, const field_list_t *list, text_engine_t *engine)
{
    buf_t text_buf = {0};
    progress_start("reading", "items", 0);
    while (items_next(items)) {
        add_item(items, list, engine, &text_buf);
        progress_add(1);
    }
    progress_end();
    if (!items->ids.count) die_at(items->lines.name, 0, "no items, expected one JSON object a line");
    buf_free(&text_buf);
    return in_digest_hex(&items->lines);
}

static void embed(const char *path)
{
    field_list_t list = parse_fields(fields);
    text_engine_t *engine = start_engine();
    jsonlog_open(cli_common.log, NULL);
    st_writer_t *out = st_create(cli_common.output, "embeddings/1");
    items_t items = items_open(path);
    in_digest(&items.lines);
    char *digest = read_items(&items, &list, engine), *config = cli_config(&cli);
    int64_t width;
    float *x = engine->finish(engine, &width);
    st_set_meta(out, "config", config);
    st_set_meta(out, "input.items", digest);
    st_add2(out, "text", ST_F32, items.ids.count, width, x);
    st_add_strings(out, "item_ids", &items.ids);
    st_commit(out);
    jsonlog_close();
    engine->free(engine);
    items_close(&items);
    free_fields(&list);
    free(config);
    free(digest);
    free(x);
}

/* Titles of the items that have a row, by row; NULL where there is none. */
static char **read_titles(const char *path, const strtab_t *ids)
{
    char **title = NEW_ARRAY(char *, ids->count);
    items_t items = items_open(path);
    while (items_next(&items)) {
        int64_t row = strtab_find(ids, items.id, strlen(items.id));
        const char *s = items_string(&items, "title");
        if (row >= 0 && s) title[row] = xstrdup(s);
    }
    items_close(&items);
    for (int64_t i = 0; i < ids->count; i++)
        for (char *c = title[i]; c && *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127) *c = ' ';
    return title;
}

typedef struct {
    strtab_t ids;
    int64_t dim;
    float *x;
    char **title;
} space_t;

static void print_row(FILE *f, const space_t *s, const char *query, int64_t rank, float cosine, int64_t row)
{
    size_t n;
    const char *id = strtab_get(&s->ids, row, &n), *title = s->title[row] ? s->title[row] : "";
    fprintf(f, "%s\t%lld\t%.4f\t%.*s\t%s\n", query, (long long)rank, (double)cosine, (int)n, id, title);
}

static void print_nearest(FILE *f, const space_t *s, const char *query, int64_t row)
{
    int64_t *index = NEW_ARRAY(int64_t, nearest_count);
    float *cosine = NEW_ARRAY(float, nearest_count);
    int64_t found = nearest_rows(s->ids.count, s->dim, s->x, row, nearest_count, index, cosine);
    if (!found) warn("%s: its row is zero, or there is no other: nothing is near", query);
    print_row(f, s, query, 0, 1, row);
    for (int64_t i = 0; i < found; i++) print_row(f, s, query, i + 1, cosine[i], index[i]);
    free(index);
    free(cosine);
}

static void show_nearest(const char *path)
{
    if (!embeddings) die(EX_USAGE, "--nearest needs --embeddings FILE");
    st_file_t *file = st_open(embeddings);
    st_check_schema(file, "embeddings/1");
    int64_t shape[2] = {-1, -1};
    space_t s = {.x = st_need_f32(file, tensor, 2, shape)};
    s.dim = shape[1];
    s.ids = st_need_ids(file, "item_ids", shape[0]);

    char *copy = xstrdup(nearest), *rest = copy, *id;
    while ((id = strsep(&rest, ",")))
        if (strtab_find(&s.ids, id, strlen(id)) < 0) die_at(embeddings, 0, "no item '%s', which --nearest names", id);
    s.title = read_titles(path, &s.ids);
    out_t *out = out_open(cli_common.output, false);
    strcpy(copy, nearest);
    rest = copy;
    while ((id = strsep(&rest, ","))) print_nearest(out_file(out), &s, id, strtab_find(&s.ids, id, strlen(id)));
    out_commit(out);

    for (int64_t i = 0; i < s.ids.count; i++) free(s.title[i]);
    free(s.title);
    free(s.x);
    free(copy);
    strtab_free(&s.ids);
    st_close(file);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (operands > 1) die(EX_USAGE, "'%s': expected one file of items at most", argv[2]);
    if (embeddings && !nearest) die(EX_USAGE, "--embeddings goes with --nearest");
    const char *path = operands ? argv[1] : NULL;
    if (nearest) show_nearest(path);
    else embed(path);
    return 0;
}
