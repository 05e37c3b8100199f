#include "vision/image_reader.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "vision/decode.h"
#include "vision/image_file.h"
#include "vision/pixels.h"
#include "vision/sandbox.h"

enum {
    WINDOW = 64,    /* items whose descriptors may wait for that of an earlier one */
    SHOWN = 3,      /* failures that are named */
};

typedef struct {
    char *id;
    bool answered;
    char *error;      /* why there is no descriptor, NULL: no reason but that no picture is named */
    buf_t descriptor; /* empty: no picture */
} slot_t;

struct image_reader {
    image_engine_t *engine;
    const char *folder;
    sandbox_t *sandbox;
    slot_t slots[WINDOW];    /* item i waits in slot i % WINDOW */
    int64_t first, items;    /* of those that wait, and one past the last */
    uint8_t *mask;
    int64_t mask_cap;
    int64_t without, failed; /* items that name no picture; pictures that could not be used */
    XXH3_state_t *digest;
    buf_t file;
};

/* In a worker. */
static const char *describe(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const image_engine_t *e = ctx;
    pixels_t p;
    const char *why = pixels_decode(bytes, n, PIXELS_MAX_COUNT, &p);
    if (why) return why;
    e->describe(e, p.rgb, p.width, p.height, reply);
    pixels_free(&p);
    return NULL;
}

image_reader_t *image_reader_open(image_engine_t *e, const char *folder)
{
    image_reader_t *r = NEW(image_reader_t);
    r->engine = e;
    r->folder = folder;
    const sandbox_options_t o = {.memory = size_add(pixels_memory(PIXELS_MAX_COUNT), (size_t)64 << 20),
                                 .max_reply = e->descriptor_size};
    r->sandbox = sandbox_open(&o, describe, e);
    r->digest = XXH3_createState();
    if (!r->digest || XXH3_128bits_reset(r->digest) == XXH_ERROR) die(EX_OSERR, "out of memory");
    return r;
}

static void fail(slot_t *s, const char *why)
{
    s->answered = true;
    s->error = xstrdup(why);
}

/* Failures are named in the items' order, whichever worker is first. */
static void count_failure(image_reader_t *r, slot_t *s)
{
    if (r->failed++ < SHOWN) {
        for (char *c = s->id; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127) *c = ' ';
        warn("item '%s': no image vector: %s", s->id, s->error);
    }
    free(s->error);
    s->error = NULL;
}

/* Hands on what has its turn. */
static void drain(image_reader_t *r)
{
    for (; r->first < r->items && r->slots[r->first % WINDOW].answered; r->first++) {
        slot_t *s = &r->slots[r->first % WINDOW];
        bool there = s->descriptor.len > 0;
        GROW(r->mask, r->first, r->mask_cap);
        r->mask[r->first] = there;
        r->engine->add(r->engine, there ? s->descriptor.data : NULL);
        if (s->error) count_failure(r, s);
        buf_clear(&s->descriptor);
        free(s->id);
        s->id = NULL;
    }
}

/* A picture's answer: what it needs to find its slot. */
typedef struct {
    image_reader_t *reader;
    slot_t *slot;
} ticket_t;

static void answered(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    ticket_t t = *(ticket_t *)ctx;
    free(ctx);
    if (!error && n != t.reader->engine->descriptor_size) error = "a worker answered nonsense";
    if (error) {
        fail(t.slot, error);
        return;
    }
    buf_add(&t.slot->descriptor, reply, n);
    t.slot->answered = true;
}

void image_reader_add(image_reader_t *r, const char *id, const char *path)
{
    while (r->items - r->first == WINDOW) {
        sandbox_wait(r->sandbox);
        drain(r);
    }
    slot_t *s = &r->slots[r->items++ % WINDOW];
    *s = (slot_t){.id = xstrdup(id), .descriptor = s->descriptor};
    if (!path) {
        s->answered = true;
        r->without++;
    } else {
        buf_clear(&r->file);
        const char *why = image_file_read(r->folder, path, PIXELS_MAX_FILE, &r->file);
        if (why) {
            fail(s, why);
        } else {
            XXH3_128bits_update(r->digest, r->file.data, r->file.len);
            ticket_t *t = NEW(ticket_t);
            *t = (ticket_t){r, s};
            sandbox_send(r->sandbox, r->file.data, r->file.len, answered, t);
        }
    }
    drain(r);
}

uint8_t *image_reader_finish(image_reader_t *r, char **digest)
{
    while (r->first < r->items) {
        sandbox_wait(r->sandbox);
        drain(r);
    }
    if (r->failed) warn("%lld of %lld images could not be used: their items get a row of zeros, masked", (long long)r->failed,
                        (long long)(r->items - r->without));
    if (r->without) note("%lld of %lld items name no image", (long long)r->without, (long long)r->items);
    *digest = digest_hex(XXH3_128bits_digest(r->digest));
    uint8_t *mask = r->mask ? r->mask : NEW_ARRAY(uint8_t, 1);
    sandbox_close(r->sandbox);
    for (int i = 0; i < WINDOW; i++) buf_free(&r->slots[i].descriptor);
    XXH3_freeState(r->digest);
    buf_free(&r->file);
    free(r);
    return mask;
}
