/* caption: items in, the same items with a sentence on what their picture shows out. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cli.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/relpath.h"
#include "evidence/caption_builtin.h"
#include "evidence/filter.h"
#include "evidence/image_file.h"
#include "evidence/labels.h"
#include "evidence/pixels.h"
#include "evidence/sandbox.h"

enum { MAX_SENTENCE = 2000 /* bytes of a worker's answer */ };

static const char *engine = "builtin", *image_root, *shard;
static bool overwrite;
static int64_t max_file = PIXELS_MAX_FILE, max_pixels = PIXELS_MAX_COUNT;
static double image_seconds = 20;

static const char *const engines[] = {"builtin", NULL};
static const cli_option_t options[] = {
    {0, "engine", NULL, CLI_CHOICE, &engine, "what looks at the pictures", true, 0, 0, engines},
    {0, "image-root", "DIR", CLI_STRING, &image_root, "folder that image paths count from (the items')", false, 0, 0, NULL},
    {0, "overwrite", NULL, CLI_FLAG, &overwrite, "caption items that have a caption anew", true, 0, 0, NULL},
    {0, "shard", "K/N", CLI_STRING, &shard, "only part K of N; cat joins the parts", false, 0, 0, NULL},
    {0, "max-file", "BYTES", CLI_INT, &max_file, "refuse larger image files", true, 1, 2147483647, NULL},
    {0, "max-pixels", "N", CLI_INT, &max_pixels, "refuse larger images", true, 1, 1000000000, NULL},
    {0, "image-seconds", "S", CLI_REAL, &image_seconds, "processor time that an image may take", true, 1, 86400, NULL},
    CLI_THREADS,
    CLI_OUTPUT,
};
static const cli_t cli = {
    "caption", "[options] [items.jsonl] > captioned.jsonl",
    "Says what the pictures of items show, in a sentence under the key caption.",
    options, CLI_COUNT(options),
};

typedef struct {
    sandbox_t *sandbox;
    char *folder;   /* that image paths count from */
    buf_t bytes;    /* of the picture being started */
} run_t;

/* In a worker. */
static const char *describe(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const int64_t *most = ctx;
    pixels_t p;
    const char *refused = pixels_decode(bytes, n, *most, &p);
    if (!refused) caption_builtin(&p, reply);
    pixels_free(&p);
    return refused;
}

static void set_caption(filter_job_t *job, const char *text, size_t n)
{
    buf_t json = {0};
    buf_json_string(&json, text, n);
    filter_set(job, "caption", json.data);
    buf_free(&json);
}

/* Labels first: they say what the thing is. `sentence` may be empty; where both are, the item has nothing to go by. */
static void finish(filter_job_t *job, const char *sentence, size_t n)
{
    buf_t text = {0};
    if (labels_text(cJSON_GetObjectItemCaseSensitive(filter_item(job)->json, "image_labels"), &text)) {
        buf_t labels = text;
        text = (buf_t){0};
        buf_printf(&text, "In the picture: %s.", labels.data);
        buf_free(&labels);
    }
    if (n && text.len) buf_puts(&text, " ");
    buf_add(&text, sentence, n);
    if (text.len) set_caption(job, text.data, text.len);
    buf_free(&text);
    filter_done(job);
}

static void fail(filter_job_t *job, const char *why)
{
    filter_error(job, "%.400s: %s", items_string(filter_item(job), "image"), why);
    finish(job, "", 0);
}

static bool is_sentence(const unsigned char *reply, size_t n)
{
    bool ok = n > 0 && n <= MAX_SENTENCE;
    for (size_t i = 0; ok && i < n; i++) ok = reply[i] >= ' ' && reply[i] < 127;
    return ok;
}

static void described(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    filter_job_t *job = ctx;
    if (error) fail(job, error);
    else if (!is_sentence(reply, n)) fail(job, "a worker answered nonsense");
    else finish(job, (const char *)reply, n);
}

static void start(void *ctx, filter_job_t *job)
{
    run_t *r = ctx;
    const char *path = items_string(filter_item(job), "image");
    if (!overwrite && items_string(filter_item(job), "caption")) {
        filter_keep(job);
        filter_done(job);
        return;
    }
    if (!path) {
        finish(job, "", 0);
        return;
    }
    buf_clear(&r->bytes);
    const char *unread = image_file_read(r->folder, path, (size_t)max_file, &r->bytes);
    if (unread) fail(job, unread);
    else sandbox_send(r->sandbox, r->bytes.data, r->bytes.len, described, job);
}

static bool has_room(void *ctx) { return sandbox_has_room(((run_t *)ctx)->sandbox); }
static void wait_for_some(void *ctx) { sandbox_wait(((run_t *)ctx)->sandbox); }

/* The folder that relative image paths count from. */
static char *find_folder(const char *path)
{
    struct stat st;
    if (!image_root) return relpath_folder(path);
    if (stat(image_root, &st)) die_errno(EX_NOINPUT, "--image-root %s", image_root);
    if (!S_ISDIR(st.st_mode)) die(EX_NOINPUT, "--image-root %s: is not a folder", image_root);
    return xstrdup(image_root);
}

int main(int argc, char **argv)
{
    int operands = cli_parse(&cli, argc, argv);
    if (operands > 1) die(EX_USAGE, "'%s': expected one file of items at most", argv[2]);
    const char *path = operands ? argv[1] : NULL;
    run_t r = {.folder = find_folder(path)};
    sandbox_options_t limits = {.cpu_seconds = image_seconds, .seconds = 3 * image_seconds + 10,
                                .memory = size_add(pixels_memory(max_pixels), 4 * (size_t)max_file)};
    r.sandbox = sandbox_open(&limits, describe, &max_pixels);
    filter_t f = {.tool = "caption", .doing = "captioning", .shard = shard,
                  .start = start, .has_room = has_room, .wait = wait_for_some, .ctx = &r};
    filter_summary_t s = filter_run(&f, path, cli_common.output);
    filter_print(&s, "a caption");
    sandbox_close(r.sandbox);
    buf_free(&r.bytes);
    free(r.folder);
    return 0;
}
