#include "intent/caption_sentence.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "vision/colour.h"
#include "vision/layout.h"
#include "vision/texture.h"

enum { SIDE = 96 /* pixels that the longer side is shrunk to */, MOST_COLOURS = 3 };

static const float LEAST_COLOUR = 0.08f;    /* share from which a colour is mentioned */
static const float LEAST_HIGHLIGHT = 0.015f, MOST_HIGHLIGHT = 0.13f;
static const float LEAST_ACCENT = 0.02f, ACCENT_CHROMA = 35;

/* Everything there is to say about. */
typedef struct {
    colour_image_t image;
    layout_t layout;
    int width, height;      /* of the picture as it came */
} view_t;

typedef struct {
    int pixels;
    int histogram[COLOUR_NAMES_MAX];
    double colourful[COLOUR_NAMES_MAX];  /* chroma summed over the pixels of a name */
    float lightness, contrast;  /* mean and standard deviation of L* */
    float chroma, warmth;       /* means of chroma and of b* + a*/
} tones_t;

enum { ANYWHERE = 2 };

/* Of rows [from, to), the pixels where the mask is `value`. */
static tones_t measure_tones(const view_t *v, unsigned char value, int from, int to)
{
    tones_t t = {0};
    double l = 0, ll = 0, chroma = 0, warmth = 0;
    for (int i = from * v->image.width; i < to * v->image.width; i++) {
        if (value != ANYWHERE && v->layout.mask[i] != value) continue;
        colour_lab_t c = v->image.lab[i];
        t.pixels++;
        t.histogram[v->image.name[i]]++;
        t.colourful[v->image.name[i]] += (double)colour_chroma(c);
        l += (double)c.l;
        ll += (double)c.l * (double)c.l;
        chroma += (double)colour_chroma(c);
        warmth += (double)(c.a + c.b);
    }
    if (!t.pixels) return t;
    double n = t.pixels, variance = ll / n - l / n * (l / n);
    t.lightness = (float)(l / n);
    t.contrast = (float)sqrt(variance > 0 ? variance : 0);
    t.chroma = (float)(chroma / n);
    t.warmth = (float)(warmth / n);
    return t;
}

/* Names by falling share, ties by number; up to `most` of at least LEAST_COLOUR, the first in any case. */
static int main_colours(const tones_t *t, int *out, int most)
{
    tones_t rest = *t;
    int count = 0;
    while (count < most) {
        int best = 0;
        for (int i = 1; i < colour_count(); i++)
            if (rest.histogram[i] > rest.histogram[best]) best = i;
        float share = (float)rest.histogram[best] / (float)(t->pixels ? t->pixels : 1);
        if (rest.histogram[best] == 0 || (count && share < LEAST_COLOUR)) break;
        out[count++] = best;
        rest.histogram[best] = 0;
    }
    return count;
}

static const char *main_colour(const tones_t *t)
{
    int first = 0;
    (void)main_colours(t, &first, 1);
    return colour_name(first);
}

static void say_colours(buf_t *out, const tones_t *t)
{
    int colours[MOST_COLOURS], n = main_colours(t, colours, MOST_COLOURS);
    for (int i = 0; i < n; i++) {
        if (i) buf_puts(out, i == n - 1 ? " and " : ", ");
        buf_puts(out, colour_name(colours[i]));
    }
}

/* The most colourful of the colours that are too small to be main ones. */
static void say_accent(buf_t *out, const tones_t *t)
{
    int colours[MOST_COLOURS], n = main_colours(t, colours, MOST_COLOURS), best = -1;
    for (int i = 0; i < colour_count(); i++) {
        bool listed = false;
        for (int k = 0; k < n; k++) listed = listed || colours[k] == i;
        if (listed || (float)t->histogram[i] < LEAST_ACCENT * (float)t->pixels) continue;
        if (t->colourful[i] < (double)ACCENT_CHROMA * t->histogram[i]) continue;
        if (best < 0 || t->colourful[i] > t->colourful[best]) best = i;
    }
    if (best >= 0) buf_printf(out, " with %s accents", colour_name(best));
}

static const char *lightness_word(float l)
{
    return l < 25 ? "very dark" : l < 42 ? "dark" : l < 60 ? "mid-toned" : l < 78 ? "light" : "very light";
}

static const char *contrast_word(float c)
{
    return c < 10 ? "low contrast" : c < 20 ? "moderate contrast" : "high contrast";
}

static const char *chroma_word(float c)
{
    return c < 4 ? "colourless" : c < 12 ? "muted" : c < 28 ? "moderately saturated" : "vivid";
}

static const char *warmth_word(float w) { return w > 9 ? "warm-toned" : w < -5 ? "cool-toned" : "neutral-toned"; }

static const char *fill_word(const view_t *v)
{
    const layout_t *l = &v->layout;
    float across = (float)(l->right - l->left + 1) / (float)v->image.width;
    float down = (float)(l->bottom - l->top + 1) / (float)v->image.height, area = across * down;
    if (area < 0.12f) return "small in the frame";
    if (area < 0.35f) return "with much space around it";
    return area < 0.65f ? "filling half of the frame" : "filling the frame";
}

static const char *shape_word(const layout_t *l)
{
    float ratio = (float)(l->right - l->left + 1) / (float)(l->bottom - l->top + 1);
    return ratio < 0.45f ? "slender" : ratio < 0.8f ? "tall" : ratio <= 1.25f ? "compact" : ratio <= 2.2f ? "wide" : "long";
}

static const char *frame_word(const view_t *v)
{
    float ratio = (float)v->width / (float)v->height;
    return ratio < 0.85f ? "portrait" : ratio <= 1.18f ? "square" : "landscape";
}

static const char *detail_word(const texture_t *t)
{
    if (t->density < 0.08f) return "smooth";
    if (t->density < 0.25f) return "with little detail";
    return t->density < 0.5f ? "with much detail" : "crowded";
}

/* Which way a background's edges run, where they agree. */
static const char *lines_word(const texture_t *t)
{
    const float *d = t->direction;
    if (t->density < 0.08f) return NULL;
    if (d[2] > 0.5f) return "level lines";
    if (d[0] > 0.5f) return "upright lines";
    return d[0] + d[2] > 0.66f ? "upright and level lines" : NULL;
}

/* A colour that covers little of the background but is much lighter than the rest of it: lamps, windows, the sun. */
static void say_highlights(const view_t *v, const tones_t *t, buf_t *out)
{
    int histogram[COLOUR_NAMES_MAX] = {0}, best = 0;
    for (int i = 0; i < v->image.width * v->image.height; i++)
        if (!v->layout.mask[i] && v->image.lab[i].l > t->lightness + 22) histogram[v->image.name[i]]++;
    for (int i = 1; i < colour_count(); i++)
        if (histogram[i] > histogram[best]) best = i;
    float share = (float)histogram[best] / (float)(t->pixels ? t->pixels : 1);
    if (share >= LEAST_HIGHLIGHT && share < MOST_HIGHLIGHT) buf_printf(out, " with %s highlights", colour_name(best));
}

/* What is up, what is down, and what is in it. */
static void say_scene(const view_t *v, const tones_t *all, buf_t *out)
{
    const char *kind = v->layout.background == BACKGROUND_SHADED ? "softly shaded" : "varied";
    int h = v->image.height;
    tones_t top = measure_tones(v, 0, 0, (h + 2) / 3), bottom = measure_tones(v, 0, h - (h + 2) / 3, h);
    texture_t t = texture_measure(&v->image, v->layout.mask, 0);
    const char *lines = lines_word(&t);
    const char *above = main_colour(&top), *below = main_colour(&bottom);
    buf_printf(out, "a %s, %s, %s background, ", kind, lightness_word(all->lightness), warmth_word(all->warmth));
    if (above == below) buf_printf(out, "%s throughout", above);
    else buf_printf(out, "%s above and %s below", above, below);
    say_highlights(v, all, out);
    buf_printf(out, ", %s", detail_word(&t));
    if (lines) buf_printf(out, " and %s", lines);
}

static void say_background(const view_t *v, buf_t *out)
{
    tones_t t = measure_tones(v, 0, 0, v->image.height);
    if (v->layout.background == BACKGROUND_PLAIN) buf_printf(out, "a plain %s background", main_colour(&t));
    else say_scene(v, &t, out);
}

static void say_object(const view_t *v, const tones_t *all, buf_t *out)
{
    tones_t t = measure_tones(v, 1, 0, v->image.height);
    texture_t texture = texture_measure(&v->image, v->layout.mask, 1);
    buf_printf(out, "A %s, %s, %s object in ", shape_word(&v->layout), lightness_word(t.lightness), warmth_word(t.warmth));
    say_colours(out, &t);
    say_accent(out, &t);
    buf_printf(out, ", %s, with %s, %s, against ", chroma_word(t.chroma), texture_pattern(&texture), fill_word(v));
    say_background(v, out);
    buf_printf(out, "; a %s picture of %s", frame_word(v), contrast_word(all->contrast));
}

/* No object stands out. */
static void say_whole(const view_t *v, const tones_t *t, buf_t *out)
{
    int h = v->image.height;
    texture_t texture = texture_measure(&v->image, v->layout.mask, 0);
    tones_t top = measure_tones(v, 0, 0, (h + 2) / 3), bottom = measure_tones(v, 0, h - (h + 2) / 3, h);
    const char *above = main_colour(&top), *below = main_colour(&bottom);
    buf_printf(out, "A %s, %s scene that fills the frame in ", lightness_word(t->lightness), warmth_word(t->warmth));
    say_colours(out, t);
    say_accent(out, t);
    if (above == below) buf_printf(out, ", mostly %s throughout", above);
    else buf_printf(out, ", mostly %s above and %s below", above, below);
    buf_printf(out, ", %s, %s; a %s picture of %s", chroma_word(t->chroma), detail_word(&texture), frame_word(v),
               contrast_word(t->contrast));
}

void caption_sentence(const pixels_t *p, buf_t *out)
{
    pixels_t small = pixels_fit(p, SIDE);
    view_t v = {.image = lab_image(&small), .width = p->width, .height = p->height};
    v.layout = layout_find(&v.image);
    tones_t all = measure_tones(&v, ANYWHERE, 0, v.image.height);
    if (v.layout.share > 0) {
        say_object(&v, &all, out);
    } else if (v.layout.background == BACKGROUND_PLAIN || v.layout.background == BACKGROUND_SHADED) {
        buf_puts(out, "Nothing but ");
        say_background(&v, out);
    } else {
        say_whole(&v, &all, out);
    }
    buf_puts(out, ".");
    layout_free(&v.layout);
    lab_image_free(&v.image);
    pixels_free(&small);
}
