/* The text engine over an LSA space: rounds of texts, and what is said about them. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "text/lsa.h"

typedef struct {
    text_engine_t engine;
    lsa_t *lsa;
    bool told; /* the first round is over */
} lsa_engine_t;

static void add(text_engine_t *e, const text_part_t *parts, int count) { lsa_add(((lsa_engine_t *)e)->lsa, parts, count); }

static int64_t zero_rows(int64_t rows, int64_t dim, const float *x)
{
    int64_t count = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t j = 0;
        while (j < dim && x[r * dim + j] == 0) j++;
        count += j == dim;
    }
    return count;
}

static void note_space(const lsa_info_t *i)
{
    if (!isnan(i->share))
        note("%lld items, %lld terms; %lld dimensions hold %.1f%% of the matrix", (long long)i->texts, (long long)i->terms,
             (long long)i->rank, 100 * i->share);
    else
        note("%lld items; %lld terms and %lld dimensions", (long long)i->texts, (long long)i->terms, (long long)i->rank);
    if (i->rank < i->dim)
        note("the texts span %lld dimensions only: columns %lld to %lld are zero", (long long)i->rank, (long long)i->rank,
             (long long)i->dim - 1);
}

/* `zero` -1: not known, as no rows were asked for. */
static void log_space(const lsa_info_t *i, int64_t zero)
{
    buf_t line = {0};
    buf_printf(&line, "{\"items\":%lld,\"terms\":%lld,\"elements\":%lld,\"rank\":%lld", (long long)i->texts, (long long)i->terms,
               (long long)i->elements, (long long)i->rank);
    if (!isnan(i->share)) buf_printf(&line, ",\"share\":%.6g", i->share);
    buf_printf(&line, ",\"empty\":%lld", (long long)i->empty);
    if (zero >= 0) buf_printf(&line, ",\"zero\":%lld", (long long)zero);
    jsonlog("%s}", line.data);
    buf_free(&line);
}

static float *finish(text_engine_t *e, int64_t *dim)
{
    lsa_engine_t *l = (lsa_engine_t *)e;
    int64_t count;
    float *rows = lsa_rows(l->lsa, &count);
    lsa_info_t info = lsa_info(l->lsa);
    *dim = info.dim;
    if (l->told) return rows;
    l->told = true;
    int64_t zero = zero_rows(count, info.dim, rows);
    note_space(&info);
    log_space(&info, zero);
    if (zero)
        warn("zero rows: items without text %lld, with text but no term that was kept (see --min-df) %lld",
             (long long)info.empty, (long long)(zero - info.empty));
    return rows;
}

static void fit(text_engine_t *e)
{
    lsa_engine_t *l = (lsa_engine_t *)e;
    lsa_fit(l->lsa);
    lsa_info_t info = lsa_info(l->lsa);
    l->told = true;
    note_space(&info);
    log_space(&info, -1);
}

static void save(text_engine_t *e, st_writer_t *w) { lsa_save(((lsa_engine_t *)e)->lsa, w, "text"); }

static void free_engine(text_engine_t *e)
{
    lsa_free(((lsa_engine_t *)e)->lsa);
    free(e);
}

text_engine_t *lsa_engine(lsa_t *l)
{
    lsa_engine_t *e = NEW(lsa_engine_t);
    e->engine = (text_engine_t){add, finish, fit, save, free_engine};
    e->lsa = l;
    return &e->engine;
}
