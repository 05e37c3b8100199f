#include "intent/caption_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "server/model_json.h"
#include "text/one_line.h"
#include "vision/pixels.h"

enum { QUALITY = 90, LEAST_SIDE = 16 };

static bool is_png(const unsigned char *p, size_t n) { return n > 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8); }
static bool is_jpeg(const unsigned char *p, size_t n) { return n > 3 && !memcmp(p, "\xff\xd8\xff", 3); }

const char *caption_picture_type(const void *bytes, size_t n)
{
    return is_png(bytes, n) ? "image/png" : "image/jpeg";
}

/* Encodes the picture, smaller and smaller until it is small enough. */
static const char *encode(const pixels_t *p, const caption_picture_t *o, buf_t *reply)
{
    int side = p->width > p->height ? p->width : p->height;
    for (side = side < o->max_side ? side : o->max_side; side >= LEAST_SIDE || !reply->len; side = side * 3 / 4) {
        pixels_t small = pixels_fit(p, side);
        buf_clear(reply);
        buf_add(reply, &(char){CAPTION_JPEG}, 1);
        pixels_jpeg(&small, QUALITY, reply);
        pixels_free(&small);
        if ((int64_t)reply->len - 1 <= o->max_bytes) return NULL;
    }
    return "the image cannot be made small enough to be sent";
}

const char *caption_picture(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const caption_picture_t *o = ctx;
    pixels_t p;
    const char *refused = pixels_decode(bytes, n, o->max_pixels, &p);
    if (refused) return refused;
    bool common = is_png(bytes, n) || is_jpeg(bytes, n);
    bool small = (int64_t)n <= o->max_bytes && p.width <= o->max_side && p.height <= o->max_side;
    if (common && small) buf_add(reply, &(char){CAPTION_AS_IS}, 1);
    else refused = encode(&p, o, reply);
    pixels_free(&p);
    return refused;
}

const char *caption_prompt(void)
{
    return "This is the main picture of a product in a catalogue. Describe it in one or two plain sentences, 60 words at "
           "most. Say only what can be seen: the product's appearance (form, colours, pattern, parts), its material or "
           "texture where they show, the setting in which it is used, and the scene around it. State facts. Leave out "
           "guesses, opinions, praise, and whatever is not in the picture. Of people in it, say no more than that they are "
           "there and how they use the product: nothing on who they are, on private traits such as age, origin, religion "
           "or health, or on what they feel. Answer with the description alone.";
}

/* Cuts behind the last full stop, question or exclamation mark; false where there is none. */
static bool cut_to_sentence(char *s)
{
    size_t n = strlen(s);
    while (n && !strchr(".!?", s[n - 1])) n--;
    s[n] = '\0';
    return n > 0;
}

char *caption_reply(const char *reply, size_t n, const char **why)
{
    bool cut = false;
    char *text = chat_content(reply, n, &cut, why);
    if (!text) return NULL;
    if (utf8_valid(text, strlen(text))) {
        one_line(text);
        if (cut && !cut_to_sentence(text)) *why = "the caption does not end within --max-tokens";
        else if (!*text) *why = "the caption is empty";
        else if (strlen(text) > CAPTION_MAX_LENGTH) *why = "the caption is too long";
        else return text;
    } else {
        *why = "the caption is not UTF-8";
    }
    free(text);
    return NULL;
}
