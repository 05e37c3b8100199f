#include "matrix/pca.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/simd.h"
#include "matrix/gram.h"
#include "nn/gemm.h"

/* Directions whose variance is below this share of the largest are rounding error. */
static const double floor_share = 1e-9;

static float *mean_row(int64_t rows, int64_t width, const float *x)
{
    double *sum = NEW_ARRAY(double, width);
    float *mean = xfloats((size_t)width);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < width; j++) sum[j] += (double)x[r * width + j];
    for (int64_t j = 0; j < width && rows; j++) mean[j] = (float)(sum[j] / (double)rows);
    free(sum);
    return mean;
}

/* Copies eigenvector `from` to component `to`, its largest element, the first of equals, positive. */
static void take_component(pca_t *p, const double *vectors, int64_t from, int64_t to)
{
    double best = 0;
    for (int64_t i = 0; i < p->width; i++)
        if (fabs(vectors[i * p->width + from]) > fabs(best)) best = vectors[i * p->width + from];
    for (int64_t i = 0; i < p->width; i++)
        p->components[i * p->dim + to] = (float)(best < 0 ? -vectors[i * p->width + from] : vectors[i * p->width + from]);
}

pca_t pca_fit(int64_t rows, int64_t width, const float *x, int64_t dim, double exponent)
{
    gemm_init();
    pca_t p = {.width = width, .dim = dim, .exponent = exponent, .mean = mean_row(rows, width, x)};
    p.deviation = NEW_ARRAY(double, dim);
    p.components = xfloats(size_mul((size_t)width, (size_t)dim));
    float *centred = xfloats(size_mul((size_t)rows, (size_t)width));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < width; j++) centred[r * width + j] = x[r * width + j] - p.mean[j];
    double *vectors = gram_matrix(rows, width, centred), *values, all = 0, held = 0;
    free(centred);
    for (int64_t j = 0; j < width; j++) all += vectors[j * width + j];
    values = gram_eigen(width, vectors); /* ascending */
    for (int64_t j = 0; j < dim && j < width; j++) {
        double v = values[width - 1 - j];
        if (!(v > floor_share * values[width - 1]) || v < 1e-12) break;
        held += v;
        p.deviation[p.rank++] = sqrt(v / (double)rows);
        take_component(&p, vectors, width - 1 - j, j);
    }
    p.share = all > 0 ? held / all : 0;
    free(values);
    free(vectors);
    return p;
}

SIMD_CLONES
static void add_scaled(int64_t n, float a, const float *restrict x, float *restrict y)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++) y[j] += a * x[j];
}

void pca_row(const pca_t *p, const float *x, float *out)
{
    memset(out, 0, (size_t)p->dim * sizeof *out);
    for (int64_t i = 0; i < p->width; i++) add_scaled(p->dim, x[i] - p->mean[i], p->components + i * p->dim, out);
    double before = 0, after = 0;
    for (int64_t j = 0; j < p->rank; j++) {
        before += (double)out[j] * (double)out[j];
        out[j] *= (float)pow(p->deviation[j] / p->deviation[0], p->exponent - 1);
        after += (double)out[j] * (double)out[j];
    }
    /* What is left of a row that is the mean is rounding error, not direction. */
    float to_one = before > 1e-10 ? (float)(1 / sqrt(after)) : 0;
    for (int64_t j = 0; j < p->dim; j++) out[j] *= to_one;
}

static char *part(const char *prefix, const char *name) { return xasprintf("%s.%s", prefix, name); }

void pca_save(const pca_t *p, st_writer_t *w, const char *prefix)
{
    char *mean = part(prefix, "mean"), *deviation = part(prefix, "deviation"), *components = part(prefix, "components");
    st_add1(w, mean, ST_F32, p->width, p->mean);
    st_add1(w, deviation, ST_F64, p->dim, p->deviation);
    st_add2(w, components, ST_F32, p->width, p->dim, p->components);
    free(mean);
    free(deviation);
    free(components);
    buf_t meta = {0};
    buf_puts(&meta, "{\"exponent\":");
    buf_json_number(&meta, p->exponent);
    buf_puts(&meta, "}");
    st_set_meta(w, prefix, meta.data);
    buf_free(&meta);
}

static double read_exponent(const st_file_t *f, const char *prefix)
{
    const char *text = st_meta(f, prefix);
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, "exponent");
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= 2))
        die_at(f->name, 0, "metadata '%s': expected a JSON object with an exponent from 0 to 2", prefix);
    double exponent = v->valuedouble;
    cJSON_Delete(json);
    return exponent;
}

static void read_deviation(const st_file_t *f, const char *name, pca_t *p)
{
    p->dim = -1;
    const st_tensor_t *t = st_need(f, name, 1, &p->dim);
    if (!st_dtype_is_float(t->dtype)) st_bad(f, name, "found %s, expected F64", st_dtype_name(t->dtype));
    if (p->dim < 1) st_bad(f, name, "is empty, expected a component at least");
    p->deviation = NEW_ARRAY(double, p->dim);
    for (int64_t j = 0; j < p->dim; j++) {
        double v = p->deviation[j] = st_value(t, j);
        bool falls = isfinite(v) && v >= 0 && (j ? v <= p->deviation[j - 1] : v < 1e30);
        if (!falls || (v > 0 && v < 1e-6 * p->deviation[0]))
            st_bad(f, name, "row %lld holds %g, expected standard deviations: descending, none below 1e-6 of the first but 0",
                   (long long)j, v);
        p->rank += v > 0;
    }
}

/* Refuses values with which products would not stay finite; a component's elements are at most 1. */
static void check_range(const st_file_t *f, const char *name, int64_t rows, int64_t cols, const float *x, float max)
{
    for (int64_t i = 0; i < rows * cols; i++)
        if (fabsf(x[i]) > max)
            st_bad(f, name, "row %lld holds %g, expected -%g to %g", (long long)(i / cols), (double)x[i], (double)max,
                   (double)max);
}

pca_t pca_load(const st_file_t *f, const char *prefix, int64_t width)
{
    char *mean = part(prefix, "mean"), *deviation = part(prefix, "deviation"), *components = part(prefix, "components");
    pca_t p = {.width = width, .exponent = read_exponent(f, prefix), .share = (double)NAN};
    p.mean = st_need_f32(f, mean, 1, &width);
    check_range(f, mean, width, 1, p.mean, 1e6f);
    read_deviation(f, deviation, &p);
    int64_t shape[2] = {width, p.dim};
    p.components = st_need_f32(f, components, 2, shape);
    check_range(f, components, shape[0], shape[1], p.components, 1.001f);
    free(mean);
    free(deviation);
    free(components);
    return p;
}

void pca_free(pca_t *p)
{
    free(p->mean);
    free(p->deviation);
    free(p->components);
    *p = (pca_t){0};
}
