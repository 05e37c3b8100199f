#include "server/joint_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/embedding_reply.h"
#include "vision/image_file.h"
#include "vision/pixels.h"
#include "vision/sandbox.h"
#include "vision/sendable.h"

enum { MAX_SEND = 4 << 20 /* bytes of a picture */ };

struct joint_http {
    sendable_limits_t limits;
    sandbox_t *sandbox;
    const char *folder;
    model_client_t *client;
    const char *model;
    embedding_rows_t rows;
    int64_t pictures, unusable; /* named by items; of them, those that could not be sent */
    char *why;                  /* of the first unusable one */
    int64_t why_row;
    XXH3_state_t *digest;
};

/* An item on its way. */
typedef struct {
    joint_http_t *joint;
    int64_t row;
    char *text;  /* NULL: none */
    buf_t file;  /* until it is sent */
} item_t;

joint_http_t *joint_http_open(const char *folder, int max_side)
{
    joint_http_t *j = NEW(joint_http_t);
    j->limits = (sendable_limits_t){.max_pixels = PIXELS_MAX_COUNT, .max_side = max_side, .max_bytes = MAX_SEND};
    j->folder = folder;
    const sandbox_options_t worker = {.memory = size_add(pixels_memory(PIXELS_MAX_COUNT), (size_t)4 * PIXELS_MAX_FILE),
                                      .max_reply = MAX_SEND + 1};
    j->sandbox = sandbox_open(&worker, sendable_check, &j->limits);
    j->digest = XXH3_createState();
    if (!j->digest || XXH3_128bits_reset(j->digest) == XXH_ERROR) die(EX_OSERR, "out of memory");
    return j;
}

void joint_http_connect(joint_http_t *j, model_client_t *client, const char *model)
{
    j->client = client;
    j->model = model;
}

static void free_item(item_t *i)
{
    free(i->text);
    buf_free(&i->file);
    free(i);
}

static const char *accept_vector(void *ctx, const char *reply, size_t n)
{
    (void)ctx;
    const char *why;
    int64_t dim;
    free(embedding_read(reply, n, 1, &dim, &why));
    return why;
}

static void vector_done(void *ctx, const char *reply, size_t n, const char *error)
{
    item_t *i = ctx;
    model_client_item(i->joint->client, error);
    if (error) {
        embedding_rows_fail(&i->joint->rows, i->row, error);
    } else {
        const char *why;
        int64_t dim;
        float *x = embedding_read(reply, n, 1, &dim, &why);
        embedding_rows_set(&i->joint->rows, i->row, x, dim);
        free(x);
    }
    free_item(i);
}

/* An empty image: the text alone. */
static void send_item(item_t *i, sendable_t image)
{
    joint_http_t *j = i->joint;
    buf_t body = {0};
    embedding_joint_body(&body, j->model, i->text, image.bytes, image.n, image.type);
    buf_free(&i->file);
    model_client_send(j->client, MODEL_EMBEDDINGS, &body, accept_vector, vector_done, i);
}

/* Sends the text alone, if there is one: the picture cannot be used. */
static void go_without(item_t *i, const char *why)
{
    joint_http_t *j = i->joint;
    if (!j->unusable++ || i->row < j->why_row) {
        free(j->why);
        j->why = xstrdup(why);
        j->why_row = i->row;
    }
    if (i->text) {
        send_item(i, (sendable_t){0});
    } else {
        embedding_rows_fail(&j->rows, i->row, why);
        free_item(i);
    }
}

/* Takes a worker's word on the picture. */
static void looked_at(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    item_t *i = ctx;
    sendable_t image;
    if (!error && sendable_read(reply, n, &i->file, &image)) send_item(i, image);
    else go_without(i, error ? error : "a worker answered nonsense");
}

void joint_http_add(joint_http_t *j, const text_part_t *parts, int count, const char *path)
{
    int64_t row = j->rows.count++;
    if (!count && !path) {
        j->rows.empty++;
        return;
    }
    while (!model_client_has_room(j->client)) model_client_wait(j->client);
    item_t *i = NEW(item_t);
    *i = (item_t){.joint = j, .row = row};
    if (count) {
        buf_t text = {0};
        embedding_text(parts, count, &text);
        i->text = text.data;
    }
    if (!path) {
        send_item(i, (sendable_t){0});
        return;
    }
    j->pictures++;
    const char *why = image_file_read(j->folder, path, PIXELS_MAX_FILE, &i->file);
    if (why) {
        go_without(i, why);
        return;
    }
    XXH3_128bits_update(j->digest, i->file.data, i->file.len);
    sandbox_send(j->sandbox, i->file.data, i->file.len, looked_at, i);
}

float *joint_http_finish(joint_http_t *j, int64_t *dim, char **digest)
{
    while (sandbox_busy(j->sandbox)) sandbox_wait(j->sandbox);
    model_client_drain(j->client);
    if (j->unusable)
        warn("joint: %lld of %lld images could not be used; the first, item %lld's: %s", (long long)j->unusable,
             (long long)j->pictures, (long long)j->why_row + 1, j->why);
    *digest = digest_hex(XXH3_128bits_digest(j->digest));
    return embedding_rows_take(&j->rows, dim, "joint");
}

void joint_http_free(joint_http_t *j)
{
    if (!j) return;
    sandbox_close(j->sandbox);
    XXH3_freeState(j->digest);
    free(j->rows.x);
    free(j->rows.error);
    free(j->why);
    free(j);
}
