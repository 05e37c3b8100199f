/* embed: items in, vectors out; and a look at which items lie near each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/ranks.h"
#include "base/progress.h"
#include "data/config.h"
#include "data/items.h"
#include "data/relpath.h"
#include "data/st.h"
#include "lm/text_llm.h"
#include "server/joint_http.h"
#include "server/model_client.h"
#include "server/text_http.h"
#include "sid/fit_weights.h"
#include "sid/neighbours.h"
#include "text/fields.h"
#include "text/lsa.h"
#include "vision/image_builtin.h"
#include "vision/image_clip.h"
#include "vision/image_reader.h"

static struct {
    const char *text, *joint, *image, *image_root, *fields, *chars, *fit, *nearest, *embeddings, *tensor, *gemm, *clip_folder;
    const char *fit_weights, *llm_folder, *instruction, *pool;
    int64_t text_tokens, dim, words, min_df, max_terms, iterations, image_dim, count, batch, max_side;
    double char_weight, max_df, exponent, image_exponent;
    bool intent, fit_only;
} opt = {
    .text = "lsa", .image = "none", .fields = "title,description:0.5,categories:0.5,caption,intents", .chars = "3-5",
    .tensor = "text", .gemm = "auto", .joint = "none", .pool = "last", .text_tokens = 512, .dim = 256, .words = 2, .min_df = 2, .max_terms = 500000, .iterations = 4,
    .image_dim = 128, .count = 10, .batch = 32, .max_side = 1024,
    .char_weight = 0.25, .max_df = 1, .exponent = 0.5, .image_exponent = 0.5,
};

static const char *const joint_engines[] = {"http", "none", NULL};
static const cli_option_t options[] = {
    CONFIG_STRING(0, "text", "ENGINE", &opt.text, "lsa, llm:DIR, http or none"),
    CONFIG_STRING('f', "fields", "LIST", &opt.fields, "what goes in, each name with :WEIGHT if not 1"),
    OPT_STRING(0, "fit-weights", "FILE", &opt.fit_weights, "fit the fields' and the image's weights to histories"),
    CONFIG_INT('d', "dim", "N", &opt.dim, 1, 65536, "width of the vectors"),
    CONFIG_INT(0, "words", "N", &opt.words, 0, 8, "longest word n-gram; 0: none"),
    CONFIG_STRING(0, "chars", "MIN-MAX", &opt.chars, "character n-grams, or none"),
    CONFIG_REAL(0, "char-weight", "W", &opt.char_weight, 0, 1000, "their weight beside the words' 1"),
    CONFIG_INT(0, "min-df", "N", &opt.min_df, 1, 2147483647, "drop terms of fewer items"),
    CONFIG_REAL(0, "max-df", "SHARE", &opt.max_df, 0, 1, "drop terms of more than this share of the items"),
    CONFIG_INT(0, "max-terms", "N", &opt.max_terms, 1, 2147483647, "keep the N commonest terms"),
    CONFIG_REAL(0, "exponent", "P", &opt.exponent, 0, 2, "weigh dimensions by singular value ^ P"),
    CONFIG_INT(0, "power-iterations", "N", &opt.iterations, 0, 100, "passes that sharpen the SVD"),
    CONFIG_INT(0, "text-tokens", "N", &opt.text_tokens, 1, 1 << 20, "llm: tokens of a text that are read"),
    CONFIG_CHOICE(0, "pool", pool_names, &opt.pool, "llm: the last token's state, or all tokens' mean"),
    CONFIG_STRING(0, "instruction", "TEXT", &opt.instruction, "llm: what stands before every text"),
    CONFIG_FLAG(0, "intent", &opt.intent, "also embed the intents alone: tensor intent"),
    CONFIG_STRING('i', "image", "ENGINE", &opt.image, "builtin, clip:DIR or none"),
    CONFIG_INT(0, "image-dim", "N", &opt.image_dim, 1, 65536, "builtin: width of the image vectors"),
    CONFIG_REAL(0, "image-exponent", "P", &opt.image_exponent, 0, 2, "builtin: weigh components by deviation ^ P"),
    OPT_CHOICE(0, "gemm", backend_names, &opt.gemm, "clip, llm: matrix backend"),
    OPT_STRING(0, "image-root", "DIR", &opt.image_root, "where image paths start (the records' folder)"),
    OPT_FLAG(0, "fit-only", &opt.fit_only, "write what is fitted to the items, no vectors"),
    OPT_STRING(0, "fit", "FILE", &opt.fit, "embed with that, whatever the items"),
    CONFIG_CHOICE(0, "joint", joint_engines, &opt.joint, "image and text as one: tensor joint"),
    CONFIG_INT(0, "max-side", "N", &opt.max_side, 16, 65536, "joint: shrink pictures to N pixels a side"),
    CONFIG_INT(0, "batch", "N", &opt.batch, 1, 2048, "http: texts a request"),
    MODEL_CLIENT_ENDPOINT,
    MODEL_CLIENT_OPTIONS,
    CLI_SEED,
    CLI_THREADS,
    CLI_OUTPUT,
    CLI_LOG,
    OPT_STRING(0, "nearest", "ID,...", &opt.nearest, "show these items' nearest ones instead"),
    OPT_INT('k', "count", "N", &opt.count, 1, 1000000, "how many of them"),
    OPT_STRING('e', "embeddings", "FILE", &opt.embeddings, "where --nearest looks"),
    OPT_STRING(0, "tensor", "NAME", &opt.tensor, "which of its tensors"),
};
static const cli_t cli = {
    "embed", "[options] [items.jsonl] > embeddings.st",
    "Turns the text and the images of items into vectors, one row an item.",
    options, CLI_COUNT(options),
};

static void parse_chars(const char *spec, ngram_options_t *o)
{
    char rest;
    o->char_min = o->char_max = 0;
    if (!strcmp(spec, "none")) return;
    if (sscanf(spec, "%d-%d%c", &o->char_min, &o->char_max, &rest) != 2 || o->char_min < 1 || o->char_max < o->char_min ||
        o->char_max > 16)
        die(EX_USAGE, "--chars %s: expected MIN-MAX, with 1 <= MIN <= MAX <= 16, or none", spec);
}

static lsa_options_t lsa_options(void)
{
    lsa_options_t o = {
        .tfidf = {.ngrams = {.words = (int)opt.words}, .char_weight = opt.char_weight,
                  .min_df = opt.min_df, .max_df = opt.max_df, .max_terms = opt.max_terms},
        .dim = opt.dim,
        .exponent = opt.exponent,
        .iterations = opt.iterations,
        .seed = (uint64_t)cli_common.seed,
    };
    parse_chars(opt.chars, &o.tfidf.ngrams);
    if (!o.tfidf.ngrams.words && (!o.tfidf.ngrams.char_max || opt.char_weight <= 0))
        die(EX_USAGE, "--words 0 without character n-grams: nothing would be counted");
    return o;
}

static bool uses_server(void) { return !strcmp(opt.text, "http") || !strcmp(opt.joint, "http"); }

/* Opens the client that the http engines share. */
static model_client_t *open_client(void)
{
    model_client_options_t o = model_client_options;
    o.max_reply = (size_t)64 << 20; /* a number of a vector takes some twenty bytes */
    return model_client_open(&o);
}

static text_engine_t *llm_engine(void)
{
    return text_llm(&(text_llm_options_t){
        .folder = opt.llm_folder,
        .backend = backend_open(opt.gemm),
        .instruction = opt.instruction,
        .pool = strcmp(opt.pool, "mean") ? POOL_LAST : POOL_MEAN,
        .tokens = opt.text_tokens,
        .cache = model_client_options.cache,
    });
}

/* Opens an engine that the options ask for, NULL for none; `fit` (may be NULL) is where it was fitted before. */
static text_engine_t *text_engine(const st_file_t *fit, model_client_t *client)
{
    if (!strcmp(opt.text, "none")) return NULL;
    if (!strcmp(opt.text, "http")) return client ? text_http(client, model_client_options.model, opt.batch) : NULL;
    if (!strcmp(opt.text, "llm")) return llm_engine();
    if (fit) return lsa_engine(lsa_load(fit, "text"));
    lsa_options_t o = lsa_options();
    return lsa_engine(lsa_new(&o));
}

static image_engine_t *image_engine(const st_file_t *fit)
{
    if (!strcmp(opt.image, "none")) return NULL;
    if (!strcmp(opt.image, "clip")) return clip_engine(opt.clip_folder, backend_open(opt.gemm));
    return fit ? image_builtin_load(fit) : image_builtin(opt.image_dim, opt.image_exponent);
}

/* Takes the folder off "NAME:DIR": what an engine is called belongs to the result, where it lies does not. */
static void take_folder(const char *option, const char *name, const char **engine, const char **folder)
{
    const size_t n = strlen(name);
    if (strncmp(*engine, name, n) != 0 || (*engine)[n] != ':') return;
    *folder = *engine + n + 1;
    *engine = name;
    if (!**folder) die(EX_USAGE, "--%s %s: expected a folder after the colon", option, name);
}

static bool is_one_of(const char *engine, const char *const *names)
{
    while (*names && strcmp(engine, *names)) names++;
    return *names;
}

static const char *const text_engines[] = {"lsa", "http", "none", NULL};
static const char *const image_engines[] = {"builtin", "none", NULL};

static void parse_engines(void)
{
    take_folder("text", "llm", &opt.text, &opt.llm_folder);
    take_folder("image", "clip", &opt.image, &opt.clip_folder);
    if (!opt.llm_folder && !is_one_of(opt.text, text_engines)) die(EX_USAGE, "--text %s: expected lsa, llm:DIR, http or none", opt.text);
    if (!opt.clip_folder && !is_one_of(opt.image, image_engines)) die(EX_USAGE, "--image %s: expected builtin, clip:DIR or none", opt.image);
}

/* Takes the options of a fit, and where the command line chooses otherwise, its own. */
static void take_fit(const st_file_t *fit)
{
    static const char *const chosen[] = {"text", "text-tokens", "pool", "instruction", "image", "intent", "joint", "max-side", "batch", "model", "body", NULL};
    st_check_schema(fit, "evidence-fit/1");
    config_apply(&cli, fit, chosen);
    if (!opt.image || (!is_one_of(opt.image, image_engines) && strcmp(opt.image, "clip")))
        die_at(fit->name, 0, "metadata 'config': 'image' has a value that --image does not take");
    if (!opt.text || (!is_one_of(opt.text, text_engines) && strcmp(opt.text, "llm")))
        die_at(fit->name, 0, "metadata 'config': 'text' has a value that --text does not take");
    if (!opt.fields || !opt.chars) die_at(fit->name, 0, "metadata 'config': 'fields' or 'chars' is null");
}

/* What turns a catalogue into an embeddings file, or a file of what was fitted to it. */
typedef struct {
    joint_http_t *joint;      /* NULL: no joint vectors */
    model_client_t *client;   /* NULL: no http engine, or only a fit is made */
    text_engine_t *text;      /* NULL: no text */
    image_engine_t *image;    /* NULL: no images */
    image_reader_t *pictures;
    fields_t fields;
    field_texts_t texts;      /* with --fit-weights: kept until the weights are known */
    fit_weights_t fitted;
    buf_t intents;            /* the intents' texts, each ended by NUL, until the text's engine has fixed its space */
    char *image_folder;
} run_t;

static void start(run_t *r, const char *path, const st_file_t *fit)
{
    r->fields = fields_parse(opt.fields);
    r->image = image_engine(fit);
    r->image_folder = opt.image_root ? xstrdup(opt.image_root) : relpath_folder(path);
    if (r->image) r->pictures = image_reader_open(r->image, r->image_folder);
    if (!strcmp(opt.joint, "http") && !opt.fit_only) r->joint = joint_http_open(r->image_folder, (int)opt.max_side);
    if (uses_server() && !opt.fit_only) r->client = open_client();
    if (r->joint) joint_http_connect(r->joint, r->client, model_client_options.model);
    r->text = text_engine(fit, r->client);
}

/* Hands the current item to the engines. */
static void add_item(run_t *r, const items_t *items)
{
    const text_part_t *parts;
    if (opt.fit_weights) field_texts_add(&r->texts, &r->fields, items);
    int count = !opt.fit_weights && (r->text || r->joint) ? fields_parts(&r->fields, items, &parts) : 0;
    if (r->text && !opt.fit_weights) r->text->add(r->text, parts, count);
    if (r->joint) joint_http_add(r->joint, parts, count, items_string(items, "image"));
    if (opt.intent && !opt.fit_only) {
        items_field_text(items, "intents", &r->intents);
        buf_add(&r->intents, "", 1);
    }
    if (r->pictures) image_reader_add(r->pictures, items->id, items_string(items, "image"));
}

static void read_items(run_t *r, items_t *items)
{
    progress_start("reading", "items", 0);
    while (items_next(items)) {
        add_item(r, items);
        progress_add(1);
    }
    progress_end();
    if (!items->ids.count) die_at(items->lines.name, 0, "no items, expected one JSON object a line");
}

/* Embeds the intents alone, in the space that the whole texts have fixed: [items, *dim]. */
static float *embed_intents(run_t *r, int64_t items, int64_t *dim)
{
    int64_t without = 0;
    const char *s = r->intents.data;
    for (int64_t i = 0; i < items; i++, s += strlen(s) + 1) {
        const text_part_t part = {s, strlen(s), 1};
        r->text->add(r->text, &part, part.length > 0);
        without += !part.length;
    }
    buf_free(&r->intents);
    if (without) note("%lld of %lld items have no intents: their rows of tensor intent are zero", (long long)without, (long long)items);
    return r->text->finish(r->text, dim);
}

typedef struct {
    float *text, *intent, *image, *joint;
    int64_t image_dim;
    uint8_t *mask;
} tensors_t;

static void finish_image(run_t *r, tensors_t *t)
{
    if (r->image && !t->image) t->image = r->image->finish(r->image, &t->image_dim);
}

/* Fits the weights, and hands the texts that have waited for them to the engine. */
static void weigh_fields(run_t *r, tensors_t *t, const items_t *items)
{
    finish_image(r, t);
    const described_items_t known = {&items->ids, items->lines.name, &r->texts, t->image_dim, t->image, t->mask};
    const lsa_options_t o = lsa_options();
    r->fitted = fit_weights(&known, opt.fit_weights, &o, &r->fields);
    const weighing_t *w = &r->fitted.ranks;
    note("weights: %s; what comes next in a history stands at %.1f among %lld, with the weights given at %.1f (geometric means)",
         r->fitted.said, w->fitted, (long long)w->among, w->given);
    jsonlog("{\"weights\":\"%s\",\"place\":%.6g,\"place_given\":%.6g,\"among\":%lld}", r->fitted.said, w->fitted, w->given,
            (long long)w->among);
    opt.fields = fields_spec(&r->fields);
    text_part_t parts[MAX_FIELDS];
    for (int64_t i = 0; i < r->texts.items; i++)
        r->text->add(r->text, parts, field_texts_parts(&r->texts, i, r->fields.weight, parts));
    field_texts_free(&r->texts);
}

/* Records the weights, which --fit takes over. */
static void add_weights(const run_t *r, st_writer_t *out, const st_file_t *fit)
{
    if (fit && st_meta(fit, "weights")) st_set_meta(out, "weights", st_meta(fit, "weights"));
    if (fit && st_meta(fit, "image_weight")) st_set_meta(out, "image_weight", st_meta(fit, "image_weight"));
    if (!opt.fit_weights) return;
    st_set_meta(out, "weights", r->fitted.said);
    st_set_meta(out, "input.interactions", r->fitted.digest);
    if (!r->image) return;
    buf_t weight = {0};
    buf_json_number(&weight, r->fitted.image);
    st_set_meta(out, "image_weight", weight.data);
    buf_free(&weight);
}

static void add_tensors(run_t *r, st_writer_t *out, int64_t items, tensors_t *t)
{
    int64_t dim;
    if (r->text) {
        t->text = r->text->finish(r->text, &dim);
        st_add2(out, "text", ST_F32, items, dim, t->text);
    }
    if (opt.intent) {
        t->intent = embed_intents(r, items, &dim);
        st_add2(out, "intent", ST_F32, items, dim, t->intent);
    }
    if (r->image) {
        finish_image(r, t);
        st_add2(out, "image", ST_F32, items, t->image_dim, t->image);
        st_add1(out, "image_mask", ST_U8, items, t->mask);
    }
    if (r->joint) {
        char *pictures;
        t->joint = joint_http_finish(r->joint, &dim, &pictures);
        st_add2(out, "joint", ST_F32, items, dim, t->joint);
        st_set_meta(out, "input.images", pictures);
        free(pictures);
    }
}

static void add_fit(run_t *r, st_writer_t *out, const tensors_t *t)
{
    if (r->text && r->text->fit) {
        r->text->fit(r->text);
        r->text->save(r->text, out);
    }
    if (r->image && r->image->fit) {
        if (!t->image) r->image->fit(r->image);
        r->image->save(r->image, out);
    }
}

/* Records the digests of what went in, and of the items that the spaces were fitted to, which may be others. */
static void add_digests(const run_t *r, st_writer_t *out, const items_t *items, const char *images, const st_file_t *fit)
{
    char *digest = in_digest_hex(&items->lines);
    const char *fitted = fit ? st_meta(fit, "input.items") : digest;
    bool fits = (r->text && r->text->fit) || (r->image && r->image->fit);
    st_set_meta(out, "input.items", digest);
    if (images && !r->joint) st_set_meta(out, "input.images", images);
    if (opt.llm_folder && r->text) st_set_meta(out, "input.llm", text_llm_digest(r->text));
    if (opt.clip_folder) st_set_meta(out, "input.clip", clip_digest(clip_engine_tower(r->image)));
    if (opt.llm_folder || opt.clip_folder) st_set_meta(out, "gemm", backend_open(opt.gemm)->name);
    if (fits && fitted && !opt.fit_only) st_set_meta(out, "fitted.items", fitted);
    free(digest);
}

static void finish(run_t *r)
{
    if (r->text) r->text->free(r->text);
    if (r->image) r->image->free(r->image);
    joint_http_free(r->joint);
    model_client_close(r->client);
    fields_free(&r->fields);
    free(r->fitted.said);
    free(r->fitted.digest);
    buf_free(&r->intents);
    free(r->image_folder);
}

static void check_choice(void)
{
    bool text = strcmp(opt.text, "none") != 0, image = strcmp(opt.image, "none") != 0, joint = strcmp(opt.joint, "none") != 0;
    bool lsa = !strcmp(opt.text, "lsa"), builtin = !strcmp(opt.image, "builtin");
    if (opt.fit_only && !lsa && !builtin)
        die(EX_USAGE, "--fit-only: of --text %s and --image %s nothing is fitted", opt.text, opt.image);
    if (!text && !image && !joint) die(EX_USAGE, "--text none without --image or --joint: nothing would be embedded");
    if (!strcmp(opt.text, "llm") && !opt.llm_folder) die(EX_USAGE, "%s goes with --text llm:DIR", opt.fit);
    if (!strcmp(opt.image, "clip") && !opt.clip_folder) die(EX_USAGE, "%s goes with --image clip:DIR", opt.fit);
    if (opt.fit_weights && (!lsa || joint)) die(EX_USAGE, "--fit-weights goes with --text lsa and without --joint");
    if (!text && opt.intent) die(EX_USAGE, "--intent needs a text engine, and --text is none");
}

static void embed(const char *path)
{
    st_file_t *fit = opt.fit ? st_open(opt.fit) : NULL;
    if (fit) take_fit(fit);
    check_choice();
    run_t r = {0};
    tensors_t t = {0};
    start(&r, path, fit);
    jsonlog_open(cli_common.log, NULL);
    st_writer_t *out = st_create(cli_common.output, opt.fit_only ? "evidence-fit/1" : "embeddings/1");
    items_t items = items_open(path);
    in_digest(&items.lines);
    read_items(&r, &items);
    char *images = NULL;
    if (r.pictures) t.mask = image_reader_finish(r.pictures, &images);
    if (opt.fit_weights) weigh_fields(&r, &t, &items);
    char *config = cli_config(&cli);
    if (opt.fit_only) {
        add_fit(&r, out, &t);
    } else {
        add_tensors(&r, out, items.ids.count, &t);
        st_add_strings(out, "item_ids", &items.ids);
    }
    st_set_meta(out, "config", config);
    add_weights(&r, out, fit);
    add_digests(&r, out, &items, images, fit);
    st_commit(out);
    jsonlog_close();
    finish(&r);
    if (fit) st_close(fit);
    items_close(&items);
    free(t.text);
    free(t.intent);
    free(t.image);
    free(t.joint);
    free(t.mask);
    free(images);
    free(config);
}

static void show_nearest(const char *path)
{
    if (!opt.embeddings) die(EX_USAGE, "--nearest needs --embeddings FILE");
    neighbours_t n = neighbours_read(opt.embeddings, opt.tensor, path, opt.nearest);
    out_t *out = out_open(cli_common.output, false);
    neighbours_print(out_file(out), &n, opt.nearest, opt.count);
    out_commit(out);
    neighbours_free(&n);
}

int main(int argc, char **argv)
{
    ranks_start();
    int operands = cli_parse(&cli, argc, argv);
    if (operands > 1) die(EX_USAGE, "'%s': expected one file of items at most", argv[2]);
    if (opt.embeddings && !opt.nearest) die(EX_USAGE, "--embeddings goes with --nearest");
    parse_engines();
    if (ranks_size() > 1 && (strcmp(opt.image, "none") || uses_server()))
        die(EX_USAGE, "pictures and servers are one process's: with ranks, expected --image none, and engines of this machine");
    if (opt.fit && opt.fit_only) die(EX_USAGE, "--fit-only makes what --fit uses: expected one of them");
    if (opt.fit && opt.fit_weights) die(EX_USAGE, "--fit-weights fits what --fit has: expected one of them");
    const char *path = operands ? argv[1] : NULL;
    if (opt.nearest) show_nearest(path);
    else embed(path);
    return 0;
}
