#include <math.h>

#include "synth/synth.h"
#include "synth/synth_draw.h"
#include "synth/synth_world.h"

typedef struct { picture_rgb_t a, b; } span_t; /* colours between a and b */

static const double PLAIN = 0.7;          /* share of the neutral products without a pattern */
static const float FAINT = 0.25f;         /* depth of the pattern of the others */
static const double UNPATTERNED = 0.2;    /* share of the products in a style's colours without its pattern */
static const double MAX_HAZE = 0.6;       /* grey laid over a scene */
static const float COLOUR_JITTER = 0.03f; /* standard deviation, a channel */

static const struct { picture_rgb_t body, trim; } neutrals[] = {
    {{.90f, .90f, .88f}, {.70f, .70f, .70f}}, {{.55f, .56f, .58f}, {.30f, .31f, .33f}},
    {{.24f, .25f, .27f}, {.60f, .60f, .62f}}, {{.78f, .72f, .63f}, {.55f, .48f, .40f}},
    {{.48f, .40f, .34f}, {.75f, .70f, .64f}}, {{.34f, .39f, .47f}, {.70f, .72f, .76f}},
    {{.66f, .68f, .70f}, {.88f, .88f, .88f}}, {{.84f, .82f, .80f}, {.40f, .38f, .36f}},
};

/* Arguments are evaluated in an order of the compiler's choice: at most one draw in a call. */
static float unit(synth_draw_t *d) { return (float)draw_unit(d); }
static float between(synth_draw_t *d, double low, double high) { return (float)draw_range(d, low, high); }

static picture_rgb_t colour_in(synth_draw_t *d, span_t span)
{
    picture_rgb_t c = rgb_mix(span.a, span.b, unit(d));
    c.r += COLOUR_JITTER * (float)draw_normal(d);
    c.g += COLOUR_JITTER * (float)draw_normal(d);
    c.b += COLOUR_JITTER * (float)draw_normal(d);
    return c;
}

static void paint_box(picture_t *p, float x, float y, float w, float h, picture_rgb_t colour, float alpha)
{
    picture_shape(p, &(picture_part_t){PART_BOX, x, y, w, h, 0, 0, PAINT_BODY}, colour, alpha, 0);
}

static void paint_ellipse(picture_t *p, float x, float y, float w, float h, picture_rgb_t colour, float alpha, float soft)
{
    picture_shape(p, &(picture_part_t){PART_ELLIPSE, x, y, w, h, 0, 0, PAINT_BODY}, colour, alpha, soft);
}

static void paint_studio(picture_t *p, synth_draw_t *d)
{
    static const span_t tops[] = {
        {{.97f, .97f, .97f}, {.92f, .92f, .92f}}, {{.88f, .88f, .89f}, {.78f, .79f, .80f}},
        {{.94f, .91f, .87f}, {.87f, .84f, .80f}}, {{.86f, .89f, .92f}, {.80f, .83f, .87f}},
    };
    picture_rgb_t top = colour_in(d, tops[draw_below(d, 4)]);
    picture_gradient(p, top, rgb_scale(top, between(d, 0.82, 1.0)));
}

/* Paints sky over hills over a meadow, from lush to dry. */
static void paint_open_air(picture_t *p, synth_draw_t *d)
{
    float horizon = between(d, 0.42, 0.66), tilt = between(d, -0.12, 0.12);
    picture_rgb_t sky = colour_in(d, (span_t){{.45f, .68f, .92f}, {.62f, .78f, .90f}});
    picture_rgb_t hill = colour_in(d, (span_t){{.24f, .45f, .28f}, {.38f, .50f, .36f}});
    picture_rgb_t grass = colour_in(d, (span_t){{.40f, .64f, .26f}, {.66f, .66f, .32f}});
    picture_gradient(p, sky, rgb_mix(sky, (picture_rgb_t){1, 1, 1}, 0.6f));
    if (draw_chance(d, 0.5)) {
        float x = between(d, 0.1, 0.9), y = between(d, 0.08, 0.25);
        paint_ellipse(p, x, y, 0.14f, 0.14f, (picture_rgb_t){1, .95f, .70f}, 0.9f, 0.03f);
    }
    for (int k = 0; k < 3; k++) {
        float x = unit(d), width = between(d, 0.4, 0.9), height = between(d, 0.3, 0.55), light = between(d, 0.85, 1.15);
        paint_ellipse(p, x, horizon + 0.08f, width, height, rgb_scale(hill, light), 1, 0);
    }
    picture_part_t meadow = {PART_BOX, 0.5f, horizon + 0.5f, 1.8f, 0.9f, 0, tilt, PAINT_BODY};
    picture_shape(p, &meadow, grass, 1, 0);
}

/* Paints a grey sky, house fronts, wet asphalt and slanting rain. */
static void paint_street(picture_t *p, synth_draw_t *d)
{
    float kerb = between(d, 0.62, 0.80), slant = between(d, 0.2, 0.5);
    picture_rgb_t sky = colour_in(d, (span_t){{.62f, .68f, .74f}, {.50f, .56f, .64f}});
    picture_rgb_t house = colour_in(d, (span_t){{.40f, .45f, .53f}, {.32f, .36f, .44f}});
    picture_rgb_t road = colour_in(d, (span_t){{.27f, .30f, .35f}, {.36f, .38f, .42f}});
    picture_gradient(p, rgb_scale(sky, 0.9f), sky);
    for (float x = -0.05f; x < 1;) {
        float width = between(d, 0.14, 0.26), top = between(d, 0.12, 0.45);
        paint_box(p, x + width / 2, (top + kerb) / 2, width, kerb - top, rgb_scale(house, between(d, 0.8, 1.2)), 1);
        for (float y = top + 0.06f; y < kerb - 0.05f; y += 0.12f)
            paint_box(p, x + width / 2, y, width * 0.5f, 0.045f, (picture_rgb_t){.80f, .80f, .70f}, 0.5f);
        x += width;
    }
    paint_box(p, 0.5f, (kerb + 1) / 2, 1.2f, 1 - kerb, road, 1);
    for (int k = 0; k < 26; k++) {
        float x = unit(d), y = unit(d), length = between(d, 0.06, 0.14);
        picture_part_t drop = {PART_BOX, x, y, 0.012f, length, 0, slant, PAINT_BODY};
        picture_shape(p, &drop, (picture_rgb_t){.85f, .90f, .95f}, 0.5f, 0);
    }
}

/* Paints a cream wall with a window, over floor boards. */
static void paint_daylight(picture_t *p, synth_draw_t *d)
{
    float floor_line = between(d, 0.60, 0.80), window = between(d, 0.12, 0.26);
    if (draw_chance(d, 0.5)) window = 1 - window;
    picture_rgb_t wall = colour_in(d, (span_t){{.97f, .92f, .80f}, {.94f, .87f, .76f}});
    picture_rgb_t boards = colour_in(d, (span_t){{.76f, .56f, .36f}, {.62f, .44f, .28f}});
    picture_gradient(p, wall, rgb_scale(wall, 0.95f));
    paint_box(p, window, 0.24f, 0.30f, 0.40f, (picture_rgb_t){1, 1, .98f}, 1);
    paint_box(p, window, 0.24f, 0.26f, 0.36f, colour_in(d, (span_t){{.78f, .90f, .97f}, {.90f, .95f, .98f}}), 1);
    paint_box(p, window, 0.24f, 0.02f, 0.36f, (picture_rgb_t){1, 1, .98f}, 1);
    paint_box(p, 0.5f, (floor_line + 1) / 2, 1.2f, 1 - floor_line, boards, 1);
    for (float y = floor_line; y < 1; y += 0.075f) paint_box(p, 0.5f, y, 1.2f, 0.012f, rgb_scale(boards, 0.7f), 1);
}

/* Paints dusk with lamps out of focus. */
static void paint_evening(picture_t *p, synth_draw_t *d)
{
    picture_rgb_t top = colour_in(d, (span_t){{.08f, .09f, .22f}, {.16f, .08f, .24f}});
    picture_rgb_t bottom = colour_in(d, (span_t){{.26f, .16f, .34f}, {.36f, .18f, .26f}});
    picture_gradient(p, top, bottom);
    int lamps = 5 + draw_below(d, 5);
    for (int k = 0; k < lamps; k++) {
        float x = unit(d), y = between(d, 0, 0.75), size = between(d, 0.08, 0.20), alpha = between(d, 0.35, 0.8);
        picture_rgb_t light = colour_in(d, (span_t){{1, .80f, .40f}, {1, .62f, .30f}});
        paint_ellipse(p, x, y, size, size, light, alpha, 0.04f);
    }
}

static void paint_background(picture_t *p, synth_draw_t *d, int scene)
{
    static void (*const scenes[SYNTH_SCENES])(picture_t *, synth_draw_t *) = {
        paint_open_air, paint_street, paint_daylight, paint_evening,
    };
    float haze = between(d, 0, MAX_HAZE);
    picture_rgb_t air = rgb_scale((picture_rgb_t){1, 1, 1}, between(d, 0.5, 0.9));
    if (scene < 0) {
        paint_studio(p, d);
        return;
    }
    scenes[scene](p, d);
    paint_box(p, 0.5f, 0.5f, 2, 2, air, haze);
}

static picture_figure_t draw_figure(synth_draw_t *d, int palette)
{
    picture_figure_t f = {.x = between(d, 0.42, 0.58)};
    f.y = between(d, 0.50, 0.60);
    f.scale = between(d, 0.50, 0.90);
    f.angle = between(d, -0.18, 0.18);
    f.mirrored = draw_chance(d, 0.5);
    f.paints[PAINT_DARK] = colour_in(d, (span_t){{.14f, .14f, .16f}, {.24f, .23f, .22f}});
    f.paints[PAINT_METAL] = colour_in(d, (span_t){{.72f, .73f, .75f}, {.60f, .61f, .63f}});
    f.paints[PAINT_PALE] = colour_in(d, (span_t){{.97f, .96f, .93f}, {.92f, .91f, .87f}});
    f.pattern_period = between(d, 0.16, 0.24);
    f.pattern_phase = unit(d);
    int pick = draw_below(d, (int)(sizeof neutrals / sizeof *neutrals));
    int plain = draw_chance(d, PLAIN), bare = draw_chance(d, UNPATTERNED);
    picture_pattern_t faint = (picture_pattern_t)(1 + draw_below(d, PATTERN_CHEVRONS));
    if (palette < 0) {
        f.paints[PAINT_BODY] = colour_in(d, (span_t){neutrals[pick].body, neutrals[pick].body});
        f.paints[PAINT_TRIM] = colour_in(d, (span_t){neutrals[pick].trim, neutrals[pick].trim});
        f.pattern = plain ? PATTERN_NONE : faint;
        f.pattern_depth = FAINT;
    } else {
        const synth_style_t *style = &synth_styles[palette];
        f.paints[PAINT_BODY] = colour_in(d, (span_t){style->body[0], style->body[1]});
        f.paints[PAINT_TRIM] = colour_in(d, (span_t){style->trim[0], style->trim[1]});
        f.pattern = bare ? PATTERN_NONE : style->pattern;
        f.pattern_depth = between(d, 0.6, 1.0);
    }
    return f;
}

static int part_count(const synth_type_t *type)
{
    int n = 0;
    while (n < TYPE_PARTS && type->parts[n].w > 0) n++;
    return n;
}

/* Adds what a camera does: exposure, white balance, light from one side, and sensor noise. */
static void expose(picture_t *p, synth_draw_t *d)
{
    float exposure = between(d, 0.85, 1.10), side = between(d, -0.15, 0.15), noise = between(d, 0.005, 0.02);
    float red = between(d, 0.9, 1.1), green = between(d, 0.95, 1.05), blue = between(d, 0.9, 1.1);
    uint64_t key = rng_key(d->key, 1);
    for (int y = 0; y < p->size; y++)
        for (int x = 0; x < p->size; x++) {
            int k = y * p->size + x;
            float light = exposure * (1 + side * (((float)x + 0.5f) / (float)p->size - 0.5f));
            float grain = noise * (float)rng_normal(key, (uint64_t)k);
            picture_rgb_t c = rgb_scale(p->pixels[k], light);
            p->pixels[k] = (picture_rgb_t){c.r * red + grain, c.g * green + grain, c.b * blue + grain};
        }
}

void synth_picture(const synth_t *s, int64_t i, picture_t *p)
{
    const synth_item_t *item = &s->items[i];
    const synth_type_t *type = &synth_types[item->type];
    synth_draw_t d = draw_from(s->config.seed, "synth picture", i);
    paint_background(p, &d, item->scene);
    picture_figure_t figure = draw_figure(&d, item->palette);
    float size = figure.scale;
    paint_ellipse(p, figure.x, figure.y + 0.46f * size, 0.9f * size, 0.16f * size, (picture_rgb_t){0, 0, 0}, 0.3f, 0.08f);
    picture_figure(p, &figure, type->parts, part_count(type));
    expose(p, &d);
}
