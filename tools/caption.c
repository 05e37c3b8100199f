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
#include "server/model_client.h"
#include "server/model_json.h"
#include "server/prompts.h"
#include "vision/image_file.h"
#include "vision/pixels.h"
#include "vision/sandbox.h"

static const char *engine = "builtin", *image_root, *shard, *prompt;
static bool overwrite;
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
    sandbox_t *sandbox;
    char *folder;           /* that image paths count from */
    buf_t bytes;            /* of the picture being started */
    model_client_t *client; /* NULL: builtin */
    char *question;
} run_t;

/* One picture on its way to a model; filter_data() of its job. */
typedef struct {
    run_t *run;
    filter_job_t *job;
    buf_t file;             /* until it is sent */
} picture_t;

static void set_caption(filter_job_t *job, const char *text, size_t n)
{
    buf_t json = {0};
    buf_json_string(&json, text, n);
    filter_set(job, "caption", json.data);
    buf_free(&json);
}

static void add_error(filter_job_t *job, const char *why)
{
    filter_error(job, "%.400s: %s", items_string(filter_item(job), "image"), why);
}

/* builtin: in a worker. */
static const char *describe(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const int64_t *most = ctx;
    pixels_t p;
    const char *refused = pixels_decode(bytes, n, *most, &p);
    if (!refused) caption_builtin(&p, reply);
    pixels_free(&p);
    return refused;
}

/* builtin: labels first, they say what the thing is. `sentence` may be empty; where both are, the item has nothing to go
 * by. */
static void finish_builtin(filter_job_t *job, const char *sentence, size_t n)
{
    buf_t text = {0}, labels = {0};
    if (labels_text(cJSON_GetObjectItemCaseSensitive(filter_item(job)->json, "image_labels"), &labels))
        buf_printf(&text, "In the picture: %s.%s", labels.data, n ? " " : "");
    buf_add(&text, sentence, n);
    if (text.len) set_caption(job, text.data, text.len);
    buf_free(&labels);
    buf_free(&text);
    filter_done(job);
}

static bool is_sentence(const unsigned char *reply, size_t n)
{
    bool ok = n > 0 && n <= CAPTION_MAX_LENGTH;
    for (size_t i = 0; ok && i < n; i++) ok = reply[i] >= ' ' && reply[i] < 127;
    return ok;
}

static void described(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    filter_job_t *job = ctx;
    if (!error && !is_sentence(reply, n)) error = "a worker answered nonsense";
    if (error) add_error(job, error);
    finish_builtin(job, (const char *)reply, error ? 0 : n);
}

/* http: the model's answer, or none. */
static void answered(void *ctx, const char *reply, size_t n, const char *error)
{
    picture_t *p = ctx;
    char *text = error ? NULL : caption_reply(reply, n, &error);
    if (text) set_caption(p->job, text, strlen(text));
    else add_error(p->job, error);
    free(text);
    filter_done(p->job);
    free(p);
}

static const char *accept_reply(void *ctx, const char *reply, size_t n)
{
    const char *why = NULL;
    (void)ctx;
    free(caption_reply(reply, n, &why));
    return why;
}

static void ask_model(picture_t *p, const void *image, size_t n, const char *type)
{
    run_t *r = p->run;
    buf_t body = {0};
    chat_body(&body, &(chat_t){.model = model_client_options.model, .user = r->question, .image = image, .image_size = n,
                               .image_type = type, .max_tokens = max_tokens, .temperature = temperature});
    buf_free(&p->file);
    model_client_send(r->client, MODEL_CHAT, &body, accept_reply, answered, p);
    buf_free(&body);
}

/* http: the picture was decoded, or not. */
static void checked(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    picture_t *p = ctx;
    if (!error && n == 1 && reply[0] == CAPTION_AS_IS) {
        buf_t file = p->file;
        p->file = (buf_t){0};
        ask_model(p, file.data, file.len, caption_picture_type(file.data, file.len));
        buf_free(&file);
    } else if (!error && n > 1 && reply[0] == CAPTION_JPEG) {
        ask_model(p, reply + 1, n - 1, "image/jpeg");
    } else {
        add_error(p->job, error ? error : "a worker answered nonsense");
        filter_done(p->job);
        buf_free(&p->file);
        free(p);
    }
}

static void start_picture(run_t *r, filter_job_t *job)
{
    if (!r->client) {
        sandbox_send(r->sandbox, r->bytes.data, r->bytes.len, described, job);
        return;
    }
    picture_t *p = NEW(picture_t);
    *p = (picture_t){r, job, r->bytes};
    r->bytes = (buf_t){0};
    sandbox_send(r->sandbox, p->file.data, p->file.len, checked, p);
}

static void finish_without(const run_t *r, filter_job_t *job)
{
    if (r->client) filter_done(job);
    else finish_builtin(job, "", 0);
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
    buf_clear(&r->bytes);
    const char *unread = path ? image_file_read(r->folder, path, (size_t)max_file, &r->bytes) : NULL;
    if (unread) add_error(job, unread);
    if (path && !unread) start_picture(r, job);
    else finish_without(r, job);
}

static bool has_room(void *ctx)
{
    const run_t *r = ctx;
    return sandbox_has_room(r->sandbox) && (!r->client || model_client_has_room(r->client));
}

static void wait_for_some(void *ctx)
{
    run_t *r = ctx;
    bool asking = r->client && model_client_busy(r->client);
    if (asking && sandbox_busy(r->sandbox)) {
        model_client_poll(r->client, 0);
        sandbox_poll(r->sandbox, 0.002);
    } else if (asking) {
        model_client_wait(r->client);
    } else {
        sandbox_wait(r->sandbox);
    }
}

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
    bool http = !strcmp(engine, "http");
    if (!http && (model_client_options.url || model_client_options.model || prompt))
        die(EX_USAGE, "--url, --model and --prompt go with --engine http");

    run_t r = {.folder = find_folder(path)};
    if (http) r.question = prompt ? prompt_read(prompt) : xstrdup(caption_prompt());
    const caption_picture_t picture = {.max_pixels = max_pixels, .max_side = (int)max_side, .max_bytes = max_send};
    const sandbox_options_t limits = {.cpu_seconds = image_seconds, .seconds = 3 * image_seconds + 10,
                                      .memory = size_add(pixels_memory(max_pixels), 4 * (size_t)max_file)};
    if (http) r.sandbox = sandbox_open(&limits, caption_picture, &picture);
    else r.sandbox = sandbox_open(&limits, describe, &max_pixels);
    if (http) r.client = model_client_open(&model_client_options);

    filter_t f = {.tool = "caption", .doing = "captioning", .shard = shard,
                  .start = start, .has_room = has_room, .wait = wait_for_some, .ctx = &r};
    filter_summary_t s = filter_run(&f, path, cli_common.output);
    filter_print(&s, "a caption");
    if (http) model_client_close(r.client);
    sandbox_close(r.sandbox);
    buf_free(&r.bytes);
    free(r.question);
    free(r.folder);
    return 0;
}
