#include "vision/colour.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

/* Chosen so that shades of a family share its word, that no two lie closer than about 12 Delta E, and that the muted
 * colours of photographs have names of their own. */
static const struct { const char *name; unsigned char r, g, b; } names[] = {
    {"black", 16, 16, 18},           {"charcoal grey", 56, 57, 60},   {"dark grey", 92, 93, 95},
    {"grey", 130, 130, 130},         {"silver grey", 178, 179, 181},  {"pale grey", 217, 217, 217},
    {"white", 250, 250, 249},        {"cream", 245, 238, 216},        {"beige", 222, 205, 175},
    {"tan brown", 198, 163, 122},    {"taupe brown", 150, 134, 118},  {"brown", 128, 84, 50},
    {"dark brown", 74, 50, 36},      {"caramel brown", 176, 118, 64}, {"burgundy red", 108, 22, 44},
    {"red", 200, 34, 38},            {"brick red", 158, 62, 48},      {"dusty red", 170, 98, 92},
    {"coral pink", 240, 128, 108},   {"rose pink", 226, 134, 156},    {"pale pink", 244, 214, 216},
    {"hot pink", 236, 62, 142},      {"dusty pink", 192, 150, 154},   {"orange", 242, 142, 36},
    {"peach orange", 250, 198, 156}, {"rust orange", 190, 88, 32},    {"yellow", 246, 214, 50},
    {"pale yellow", 250, 238, 168},  {"mustard yellow", 200, 162, 48}, {"dusty yellow", 196, 182, 128},
    {"olive green", 108, 108, 48},   {"lime green", 164, 210, 52},    {"green", 58, 148, 62},
    {"dark green", 28, 66, 42},      {"mint green", 174, 226, 192},   {"sage green", 144, 166, 134},
    {"grass green", 122, 160, 72},   {"moss green", 92, 118, 84},     {"teal", 24, 124, 126},
    {"turquoise", 66, 204, 200},     {"pale turquoise", 190, 226, 226}, {"dusty teal", 112, 150, 150},
    {"sky blue", 132, 186, 232},     {"pale blue", 200, 214, 236},    {"blue", 44, 96, 192},
    {"navy blue", 24, 34, 78},       {"slate blue", 98, 114, 144},    {"steel blue", 66, 124, 172},
    {"powder blue", 156, 178, 200},  {"midnight blue", 42, 50, 66},   {"lavender purple", 196, 180, 226},
    {"purple", 120, 58, 150},        {"plum purple", 76, 38, 78},     {"mauve purple", 150, 124, 152},
    {"violet", 92, 72, 190},         {"dusty violet", 96, 84, 118},   {"dark violet", 46, 38, 62},
    {"royal blue", 36, 52, 224},     {"deep blue", 14, 20, 128},
};

enum { NAMES = sizeof names / sizeof *names };
_Static_assert(sizeof names / sizeof *names <= (size_t)COLOUR_NAMES_MAX, "raise COLOUR_NAMES_MAX");

/* Lightness varies over one thing with the light that falls on it; hue and chroma vary less. */
static const float LIGHTNESS_WEIGHT = 0.7f;

int colour_count(void) { return NAMES; }
const char *colour_name(int number) { return names[number].name; }

static float linear(unsigned char v)
{
    static float table[256];
    if (table[255] == 0)
        for (int i = 0; i < 256; i++) {
            float x = (float)i / 255;
            table[i] = x <= 0.04045f ? x / 12.92f : powf((x + 0.055f) / 1.055f, 2.4f);
        }
    return table[v];
}

static float lab_f(float t)
{
    return t > 216.0f / 24389 ? cbrtf(t) : (24389.0f / 27 * t + 16) / 116;
}

colour_lab_t colour_lab(unsigned char r, unsigned char g, unsigned char b)
{
    float lr = linear(r), lg = linear(g), lb = linear(b);
    float x = lab_f((0.4124564f * lr + 0.3575761f * lg + 0.1804375f * lb) / 0.95047f);
    float y = lab_f(0.2126729f * lr + 0.7151522f * lg + 0.0721750f * lb);
    float z = lab_f((0.0193339f * lr + 0.1191920f * lg + 0.9503041f * lb) / 1.08883f);
    return (colour_lab_t){116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

float colour_distance(colour_lab_t x, colour_lab_t y)
{
    float l = x.l - y.l, a = x.a - y.a, b = x.b - y.b;
    return sqrtf(l * l + a * a + b * b);
}

float colour_chroma(colour_lab_t c) { return sqrtf(c.a * c.a + c.b * c.b); }

/* The table in CIELAB, by channel, so that the compiler compares several names at a time. */
static struct { float l[NAMES], a[NAMES], b[NAMES]; } table;

static void make_table(void)
{
    static bool made;
    for (int i = 0; i < NAMES && !made; i++) {
        colour_lab_t c = colour_lab(names[i].r, names[i].g, names[i].b);
        table.l[i] = c.l;
        table.a[i] = c.a;
        table.b[i] = c.b;
    }
    made = true;
}

int colour_nearest(colour_lab_t c)
{
    float distance[NAMES], least = INFINITY;
    int best = 0;
    make_table();
    for (int i = 0; i < NAMES; i++) {
        float l = LIGHTNESS_WEIGHT * (c.l - table.l[i]), a = c.a - table.a[i], b = c.b - table.b[i];
        distance[i] = l * l + a * a + b * b;
    }
    for (int i = 0; i < NAMES; i++) {
        best = distance[i] < least ? i : best;
        least = distance[i] < least ? distance[i] : least;
    }
    return best;
}

colour_image_t lab_image(const pixels_t *p)
{
    size_t n = size_mul((size_t)p->width, (size_t)p->height);
    colour_image_t image = {p->width, p->height, xmalloc(size_mul(n, sizeof(colour_lab_t))), xmalloc(n)};
    for (size_t i = 0; i < n; i++) {
        image.lab[i] = colour_lab(p->rgb[3 * i], p->rgb[3 * i + 1], p->rgb[3 * i + 2]);
        image.name[i] = (unsigned char)colour_nearest(image.lab[i]);
    }
    return image;
}

void lab_image_free(colour_image_t *image)
{
    free(image->lab);
    free(image->name);
    *image = (colour_image_t){0};
}
