/* caption: items in, the same items with a sentence on what their picture shows out. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/filter.h"
#include "data/relpath.h"
#include "intent/caption_builtin.h"
#include "intent/caption_http.h"
#include "intent/labels.h"
#include "intent/prompts.h"
#include "server/model_client.h"
#include "vision/image_file.h"
#include "vision/pixels.h"

static const char *engine = "builtin", *image_root, *shard, *prompt;
static bool overwrite, no_temperature;
static int64_t max_file = PIXELS_MAX_FILE, max_pixels = PIXELS_MAX_COUNT;
static int64_t max_tokens = 200, max_side = 1024, max_send = 4 << 20;
static double image_seconds = 20, temperature = 0;

static const char *const engines[] = {"builtin", "http", NULL};
static const cli_option_t options[] = {
    CONFIG_CHOICE(0, "engine", engines, &engine, "what looks at the pictures"),
    OPT_STRING(0, "image-root", "DIR", &image_root, "folder that image paths count from (the items')"),
    CONFIG_FLAG(0, "overwrite", &overwrite, "caption items that have a caption anew"),
    OPT_STRING(0, "shard", "K/N", &shard, "only part K of N; cat joins the parts"),
    CONFIG_INT(0, "max-file", "BYTES", &max_file, 1, 2147483647, "refuse larger image files"),
    CONFIG_INT(0, "max-pixels", "N", &max_pixels, 1, 1000000000, "refuse larger images"),
    CONFIG_REAL(0, "image-seconds", "S", &image_seconds, 1, 86400, "processor time that an image may take"),
    CLI_THREADS,
    CLI_OUTPUT,
    MODEL_CLIENT_ENDPOINT,
    CONFIG_STRING(0, "prompt", "FILE", &prompt, "http: what to ask, in place of the built-in words"),
    CONFIG_INT(0, "max-tokens", "N", &max_tokens, 1, 1000000, "http: of a reply"),
    CONFIG_REAL(0, "temperature", "T", &temperature, 0, 2, "http: of the model"),
    CONFIG_FLAG(0, "no-temperature", &no_temperature, "http: leave it to the server"),
    CONFIG_INT(0, "max-side", "N", &max_side, 16, 65536, "http: shrink pictures to N pixels a side"),
    CONFIG_INT(0, "max-send", "BYTES", &max_send, 1000, 1000000000, "http: encode larger image files anew"),
    MODEL_CLIENT_OPTIONS,
};
static const cli_t cli = {
    "caption", "[options] [items.jsonl] > captioned.jsonl",
    "Says what the pictures of items show, in a sentence under the key caption.",
    options, CLI_COUNT(options),
};

typedef struct {
    caption_engine_t *engine;
    char *folder;   /* that image paths count from */
    char *question; /* NULL: the engine's own */
} run_t;

static void add_error(filter_job_t *job, const char *why)
{
    filter_error(job, "%.400s: %s", items_string(filter_item(job), "image"), why);
}

static void captioned(void *ctx, const char *text, const char *error)
{
    filter_job_t *job = ctx;
    if (error) add_error(job, error);
    if (text) {
        buf_t json = {0};
        buf_json_string(&json, text, strlen(text));
        filter_set(job, "caption", json.data);
        buf_free(&json);
    }
    filter_done(job);
}

/* Reads the item's picture; false where there is none, or it cannot be read. */
static bool read_picture(const run_t *r, filter_job_t *job, buf_t *bytes)
{
    const char *path = items_string(filter_item(job), "image");
    const char *unread = path ? image_file_read(r->folder, path, (size_t)max_file, bytes) : NULL;
    if (unread) add_error(job, unread);
    return path && !unread;
}

static void start(void *ctx, filter_job_t *job)
{
    const run_t *r = ctx;
    if (!overwrite && items_string(filter_item(job), "caption")) {
        filter_keep(job);
        filter_done(job);
        return;
    }
    buf_t bytes = {0}, labels = {0};
    const bool picture = read_picture(r, job, &bytes);
    const bool labelled = labels_text(cJSON_GetObjectItemCaseSensitive(filter_item(job)->json, "image_labels"), &labels);
    r->engine->caption(r->engine, picture ? &bytes : NULL, labelled ? labels.data : NULL, captioned, job);
    buf_free(&bytes);
    buf_free(&labels);
}

static bool has_room(void *ctx)
{
    const run_t *r = ctx;
    return r->engine->has_room(r->engine);
}

static void wait_for_some(void *ctx)
{
    const run_t *r = ctx;
    r->engine->wait(r->engine);
}

static void no_more(void *ctx)
{
    const run_t *r = ctx;
    if (r->engine->last) r->engine->last(r->engine);
}

/* Returns the folder that relative image paths count from. */
static char *find_folder(const char *path)
{
    struct stat st;
    if (!image_root) return relpath_folder(path);
    if (stat(image_root, &st)) die_errno(EX_NOINPUT, "--image-root %s", image_root);
    if (!S_ISDIR(st.st_mode)) die(EX_NOINPUT, "--image-root %s: is not a folder", image_root);
    return xstrdup(image_root);
}

static void open_engine(run_t *r)
{
    const caption_limits_t limits = {max_file, max_pixels, image_seconds};
    if (prompt) r->question = prompt_read(prompt);
    const caption_http_options_t o = {r->question, max_tokens, no_temperature ? -1 : temperature, (int)max_side, max_send};
    r->engine = strcmp(engine, "http") ? caption_builtin(&limits) : caption_http(&limits, &o, &model_client_options);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (operands > 1) die(EX_USAGE, "'%s': expected one file of items at most", argv[2]);
    const char *path = operands ? argv[1] : NULL;
    if (strcmp(engine, "http") && (model_client_options.urls.count || model_client_options.model || prompt))
        die(EX_USAGE, "--url, --model and --prompt go with --engine http");


    run_t r = {.folder = find_folder(path)};
    open_engine(&r);
    filter_t f = {.tool = "caption", .doing = "captioning", .shard = shard,
                  .start = start, .has_room = has_room, .wait = wait_for_some, .last = no_more, .ctx = &r};
    filter_summary_t s = filter_run(&f, path, cli_common.output);
    filter_print(&s, "a caption");
    r.engine->free(r.engine);
    free(r.question);
    free(r.folder);
    return 0;
}
