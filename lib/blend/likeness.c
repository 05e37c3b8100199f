#include "blend/likeness.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "matrix/nearest.h"

typedef struct {
    int64_t items, count;
    int64_t *found; /* [items] */
    int32_t *index; /* [items, count], best first, then ascending */
    float *value;   /* [items, count] cosines, then weights */
} search_t;

typedef struct {
    int32_t item;
    float value;
} entry_t;

static int by_item(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

/* Turns the cosines of a row of n entries, best first, into weights, ascending by item. */
static void weigh_row(int64_t n, int32_t *index, float *value, double temperature, entry_t *entries)
{
    const double top = n ? (double)value[0] : 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) entries[i] = (entry_t){index[i], value[i]};
    qsort(entries, (size_t)n, sizeof *entries, by_item);
    for (int64_t i = 0; i < n; i++) sum += exp(((double)entries[i].value - top) / temperature);
    for (int64_t i = 0; i < n; i++) {
        index[i] = entries[i].item;
        value[i] = (float)(exp(((double)entries[i].value - top) / temperature) / sum);
    }
}

static csr_t join_rows(const search_t *s)
{
    csr_t t = {.rows = s->items, .cols = s->items, .offsets = NEW_ARRAY(int64_t, s->items + 1)};
    for (int64_t i = 0; i < s->items; i++) t.offsets[i + 1] = t.offsets[i] + s->found[i];
    t.index = NEW_ARRAY(int32_t, t.offsets[s->items] + 1);
    t.value = NEW_ARRAY(float, t.offsets[s->items] + 1);
    for (int64_t i = 0; i < s->items; i++)
        for (int64_t j = 0; j < s->found[i]; j++) {
            t.index[t.offsets[i] + j] = s->index[i * s->count + j];
            t.value[t.offsets[i] + j] = s->value[i * s->count + j];
        }
    return t;
}

csr_t likeness_rows(const float *x, int64_t items, int64_t dim, const likeness_options_t *options)
{
    const int64_t count = max64(1, min64(options->count, items - 1));
    const size_t cells = size_mul((size_t)items, (size_t)count);
    search_t s = {items, count, NEW_ARRAY(int64_t, items + 1), NEW_ARRAY(int32_t, cells), NEW_ARRAY(float, cells)};
    entry_t *entries = NEW_ARRAY(entry_t, count);
    progress_start("neighbours", "items", items);
    nearest_each(items, dim, x, count, s.index, s.value, s.found);
    progress_end();
    for (int64_t i = 0; i < items; i++)
        weigh_row(s.found[i], s.index + i * count, s.value + i * count, options->temperature, entries);
    csr_t rows = join_rows(&s);
    free(entries);
    free(s.found);
    free(s.index);
    free(s.value);
    return rows;
}
