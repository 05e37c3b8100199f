#include "score/diversity.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/catalogue.h"

static const char *tensor_of(const st_file_t *f)
{
    static const char *const names[] = {"text", "joint", "image"};
    for (int i = 0; i < 3; i++)
        if (st_find(f, names[i])) return names[i];
    die_at(f->name, 0, "expected embeddings: a tensor 'text', 'joint' or 'image'");
}

void diversity_read(diversity_t *d, const st_file_t *f, const char *other, const strtab_t *item_ids)
{
    st_check_schema(f, "embeddings/1");
    strtab_t ids = st_need_ids(f, "item_ids", -1);
    catalogue_check_items(f->name, &ids, other, item_ids);
    strtab_free(&ids);
    int64_t shape[2] = {item_ids->count, -1};
    d->tensor = tensor_of(f);
    d->vector = st_need_f32(f, d->tensor, 2, shape);
    d->items = shape[0];
    d->width = shape[1];
    d->inverse = NEW_ARRAY(double, d->items + 1);
    for (int64_t i = 0; i < d->items; i++) {
        const float *x = d->vector + i * d->width;
        double squares = 0;
        for (int64_t c = 0; c < d->width; c++) squares += (double)x[c] * (double)x[c];
        d->inverse[i] = squares > 0 ? 1 / sqrt(squares) : 0;
    }
}

void diversity_free(diversity_t *d)
{
    free(d->vector);
    free(d->inverse);
    *d = (diversity_t){0};
}

bool diversity_has(const diversity_t *d, diversity_kind kind)
{
    return kind == DIVERSITY_SIDS ? d->sids != NULL : d->tensor != NULL;
}

static bool has_vector(const diversity_t *d, int32_t item) { return item >= 0 && item < d->items && d->inverse[item] > 0; }

/* The sum over pairs of their cosines is half of what the squared length of the sum of m unit vectors has over m. */
static double of_vectors(const diversity_t *d, const int32_t *list, int64_t n)
{
    double squares = 0, m = 0;
    for (int64_t i = 0; i < n; i++) m += has_vector(d, list[i]);
    if (m < 2) return NAN;
    for (int64_t c = 0; c < d->width; c++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            if (has_vector(d, list[i])) sum += d->inverse[list[i]] * (double)d->vector[list[i] * d->width + c];
        squares += sum * sum;
    }
    return 1 - (squares - m) / (m * (m - 1));
}

static int shared_codes(const sids_t *s, int32_t a, int32_t b)
{
    const int32_t *x = s->code + (int64_t)a * s->levels, *y = s->code + (int64_t)b * s->levels;
    int shared = 0;
    while (shared < s->levels && x[shared] == y[shared]) shared++;
    return shared;
}

static double of_sids(const sids_t *s, const int32_t *list, int64_t n)
{
    int64_t pairs = 0, shared = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) {
            if (list[i] < 0 || list[j] < 0 || list[i] >= s->items || list[j] >= s->items) continue;
            shared += shared_codes(s, list[i], list[j]);
            pairs++;
        }
    }
    return pairs ? 1 - (double)shared / (double)(pairs * s->levels) : NAN;
}

double diversity_of(const diversity_t *d, diversity_kind kind, const int32_t *list, int64_t n)
{
    return kind == DIVERSITY_SIDS ? of_sids(d->sids, list, n) : of_vectors(d, list, n);
}
