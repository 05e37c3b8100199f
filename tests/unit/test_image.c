#include "vision/image_features.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "matrix/pca.h"
#include "vision/image_builtin.h"

#include "unit.h"

enum {
    EDGES = 2 * IMAGE_COLOURS, TEXTURE = EDGES + IMAGE_CELLS * IMAGE_CELLS * IMAGE_ANGLES,
    LAYOUT = TEXTURE + 2 * IMAGE_SCALES * IMAGE_ANGLES,
};

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += (double)a[j] * (double)b[j];
    return sum;
}

static unsigned char *canvas(int width, int height, int r, int g, int b)
{
    unsigned char *rgb = xmalloc((size_t)(3 * width * height));
    for (int i = 0; i < width * height; i++) {
        rgb[3 * i] = (unsigned char)r;
        rgb[3 * i + 1] = (unsigned char)g;
        rgb[3 * i + 2] = (unsigned char)b;
    }
    return rgb;
}

/* L of mid grey is 53.585: a seventh of the way from the third of five levels to the fourth; a and b are 0. */
TEST(a_grey_picture)
{
    float f[IMAGE_FEATURES];
    unsigned char *rgb = canvas(40, 30, 128, 128, 128);
    image_features(rgb, 40, 30, f);
    free(rgb);
    int third = (2 * IMAGE_CHROMA + 2) * IMAGE_CHROMA + 2, fourth = (3 * IMAGE_CHROMA + 2) * IMAGE_CHROMA + 2;
    double up = 53.585 / 25 - 2;
    for (int r = 0; r < 2; r++) {
        CHECK_NEAR((double)f[r * IMAGE_COLOURS + third], sqrt((1 - up) / 2), 2e-3);
        CHECK_NEAR((double)f[r * IMAGE_COLOURS + fourth], sqrt(up / 2), 2e-3);
    }
    CHECK_NEAR(dot(f, f, EDGES), 1, 1e-3);
    CHECK(dot(f + EDGES, f + EDGES, LAYOUT - EDGES) == 0); /* no edges, no texture */
    for (int i = 1; i < IMAGE_LAYOUT * IMAGE_LAYOUT; i++) CHECK_NEAR((double)f[LAYOUT + i], (double)f[LAYOUT], 1e-6);
}

/* Upright stripes have a gradient across: orientation 0. Lying ones: a quarter turn. */
TEST(stripes_have_an_orientation)
{
    for (int lying = 0; lying < 2; lying++) {
        float f[IMAGE_FEATURES];
        unsigned char *rgb = canvas(96, 96, 255, 255, 255);
        for (int y = 0; y < 96; y++)
            for (int x = 0; x < 96; x++)
                if ((lying ? y : x) / 6 % 2) memset(rgb + 3 * (96 * y + x), 0, 3);
        image_features(rgb, 96, 96, f);
        free(rgb);
        int expected = lying ? IMAGE_ANGLES / 2 : 0;
        for (int c = 0; c < IMAGE_CELLS * IMAGE_CELLS; c++)
            for (int k = 0; k < IMAGE_ANGLES; k++)
                CHECK(k == expected ? f[EDGES + c * IMAGE_ANGLES + k] > 0.1f : f[EDGES + c * IMAGE_ANGLES + k] == 0);
    }
}

/* A disc on a plain ground, `side` pixels square. */
static void disc(int side, float *f)
{
    unsigned char *rgb = canvas(side, side, 30, 60, 200);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            if (hypot((x + 0.5) / side - 0.3, (y + 0.5) / side - 0.6) < 0.2) rgb[3 * (side * y + x)] = 240;
    image_features(rgb, side, side, f);
    free(rgb);
}

/* A picture is described by what it shows, not by how many pixels it has. */
TEST(size_hardly_matters)
{
    float small[IMAGE_FEATURES], large[IMAGE_FEATURES];
    disc(300, small);
    disc(1000, large);
    const int at[] = {0, EDGES, TEXTURE, LAYOUT, IMAGE_FEATURES};
    for (int i = 0; i < 4; i++) {
        int n = at[i + 1] - at[i];
        const float *a = small + at[i], *b = large + at[i];
        CHECK(dot(a, b, n) > 0.99 * sqrt(dot(a, a, n) * dot(b, b, n)));
    }
}

TEST(features_are_bounded_whatever_the_picture)
{
    const int sizes[][2] = {{1, 1}, {1, 500}, {500, 1}, {2, 3}, {96, 97}, {7, 300}};
    for (int s = 0; s < 6; s++) {
        int n = 3 * sizes[s][0] * sizes[s][1];
        unsigned char *rgb = xmalloc((size_t)n);
        float f[IMAGE_FEATURES];
        for (int i = 0; i < n; i++) rgb[i] = (unsigned char)rng_u64((uint64_t)s, (uint64_t)i);
        image_features(rgb, sizes[s][0], sizes[s][1], f);
        for (int i = 0; i < IMAGE_FEATURES; i++) CHECK(fabsf(f[i]) <= 1);
        const int at[] = {0, EDGES, TEXTURE, LAYOUT, IMAGE_FEATURES};
        for (int i = 0; i < 4; i++) CHECK(dot(f + at[i], f + at[i], at[i + 1] - at[i]) < 1.0001);
        free(rgb);
    }
}

/* Points on a line in three dimensions, and a little off it. */
TEST(principal_components_by_hand)
{
    const float x[] = {1, 1, 0, 2, 2, 0, 3, 3, 0, 2, 2, 0.5f, 2, 2, -0.5f};
    pca_t p = pca_fit(5, 3, x, 3, 1);
    CHECK(p.rank == 2);
    CHECK_NEAR(p.deviation[0], sqrt(4.0 / 5), 1e-6);
    CHECK_NEAR(p.deviation[1], sqrt(0.5 / 5), 1e-6);
    CHECK_NEAR((double)p.components[0], sqrt(0.5), 1e-6);
    CHECK_NEAR((double)p.components[3], sqrt(0.5), 1e-6);
    CHECK_NEAR((double)p.components[7], 1, 1e-6);
    CHECK_NEAR(p.share, 1, 1e-6);
    float row[3];
    pca_row(&p, (const float[]){4, 4, 2}, row);
    double length = sqrt(8 + 4);
    CHECK_NEAR((double)row[0], sqrt(8) / length, 1e-6);
    CHECK_NEAR((double)row[1], 2 / length, 1e-6);
    CHECK(row[2] == 0);
    pca_row(&p, p.mean, row);
    CHECK(row[0] == 0 && row[1] == 0);
    pca_free(&p);
    p = pca_fit(5, 3, x, 3, 0); /* whitened: both directions count by their own deviation */
    pca_row(&p, (const float[]){2 + (float)sqrt(0.4), 2 + (float)sqrt(0.4), (float)sqrt(0.1)}, row);
    CHECK_NEAR((double)row[0], sqrt(0.5), 1e-5);
    CHECK_NEAR((double)row[1], sqrt(0.5), 1e-5);
    pca_free(&p);
}

/* A worker that was taken over may send any floats. */
TEST(the_engine_survives_any_descriptor)
{
    image_engine_t *e = image_builtin(4, 0.5);
    int64_t dim;
    float f[IMAGE_FEATURES];
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < IMAGE_FEATURES; j++) {
            uint32_t bits = (uint32_t)rng_u64((uint64_t)i, (uint64_t)j);
            memcpy(&f[j], &bits, sizeof bits);
        }
        e->add(e, f);
        e->add(e, NULL);
    }
    float *x = e->finish(e, &dim);
    CHECK(dim == 4);
    for (int i = 0; i < 16; i++) CHECK_NEAR(dot(x + 4 * i, x + 4 * i, 4), i % 2 ? 0 : 1, 1e-5);
    free(x);
    e->free(e);
}

int main(void)
{
    err_quiet(true);
    static const unit_test_t tests[] = {
        UNIT(a_grey_picture), UNIT(stripes_have_an_orientation), UNIT(size_hardly_matters),
        UNIT(features_are_bounded_whatever_the_picture), UNIT(principal_components_by_hand),
        UNIT(the_engine_survives_any_descriptor),
    };
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
