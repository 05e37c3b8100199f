#include "nn/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/pages.h"
#include "base/rng.h"

enum { ALIGN = 16 }; /* floats: a cache line */

static size_t row_size(const param_t *p) { return (size_t)p->cols * sizeof(float); }
static int64_t rows_of(const param_t *p) { return p->rows ? p->rows : 1; }

int params_add(params_t *params, param_t p)
{
    params->blocks = xreallocarray(params->blocks, (size_t)params->count + 1, sizeof *params->blocks);
    p.count = (int64_t)size_mul((size_t)rows_of(&p), (size_t)p.cols);
    p.dtype = p.dtype ? p.dtype : ST_F32;
    if (!p.sparse && !p.mapped) {
        int64_t *end = p.frozen ? &params->fixed_size : &params->size;
        p.offset = *end;
        *end += p.count;
    }
    params->blocks[params->count] = p;
    return params->count++;
}

static int64_t aligned(int64_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

void params_align(params_t *params)
{
    params->size = aligned(params->size);
    params->fixed_size = aligned(params->fixed_size);
}

static size_t table_size(const param_t *p, size_t row) { return size_mul((size_t)rows_of(p), row); }

ranks_block_t params_held(const param_t *p) { return p->split ? ranks_block(rows_of(p)) : (ranks_block_t){0, rows_of(p)}; }

static void hold(const param_t *p, void *table, size_t row)
{
    const ranks_block_t b = params_held(p);
    pages_hold(table, table_size(p, row), (size_t)b.first * row, (size_t)b.end * row);
}

void *params_table_new(const param_t *p, size_t row)
{
    void *table = pages_new(table_size(p, row));
    if (p->split) hold(p, table, row);
    return table;
}

void params_table_free(const param_t *p, void *table, size_t row) { pages_free(table, table_size(p, row)); }

void params_split(params_t *params, int block)
{
    param_t *p = &params->blocks[block];
    p->split = true;
    if (p->table) hold(p, p->table, row_size(p));
}

void params_resize(params_t *params, int block, int64_t rows)
{
    param_t *p = &params->blocks[block];
    params_table_free(p, p->table, row_size(p));
    p->rows = rows;
    p->count = (int64_t)size_mul((size_t)rows, (size_t)p->cols);
    p->table = params_table_new(p, row_size(p));
}

void params_allocate(params_t *params)
{
    params->weights = xfloats((size_t)params->size);
    params->fixed = xfloats((size_t)params->fixed_size);
    for (int i = 0; i < params->count; i++)
        if (params->blocks[i].sparse) params->blocks[i].table = params_table_new(&params->blocks[i], row_size(&params->blocks[i]));
}

void params_free(params_t *params)
{
    for (int i = 0; i < params->count; i++) {
        free(params->blocks[i].name);
        params_table_free(&params->blocks[i], params->blocks[i].table, row_size(&params->blocks[i]));
    }
    free(params->blocks);
    free(params->weights);
    free(params->fixed);
    *params = (params_t){0};
}

float *params_values(const params_t *params, int block)
{
    const param_t *p = &params->blocks[block];
    if (p->mapped) die(EX_SOFTWARE, "%s: lies in a file", p->name);
    return p->sparse ? p->table : (p->frozen ? params->fixed : params->weights) + p->offset;
}

int64_t params_number(const params_t *params)
{
    int64_t n = 0;
    for (int i = 0; i < params->count; i++) n += params->blocks[i].count;
    return n;
}

int64_t params_trained(const params_t *params)
{
    int64_t n = 0;
    for (int i = 0; i < params->count; i++) n += params->blocks[i].frozen ? 0 : params->blocks[i].count;
    return n;
}

bool params_have_tables(const params_t *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->blocks[i].sparse) return true;
    return false;
}

/* Fills with the stream's draws from number `first` on. */
static void fill_normal(const params_t *params, int block, double deviation, uint64_t stream, int64_t first)
{
    const param_t *p = &params->blocks[block];
    const ranks_block_t rows = params_held(p);
    float *values = params_values(params, block);
    for (int64_t i = rows.first * p->cols; i < rows.end * p->cols; i++)
        values[i] = (float)(deviation * rng_normal(stream, (uint64_t)(first + i)));
}

void params_fill_normal(const params_t *params, int block, double deviation, uint64_t stream)
{
    fill_normal(params, block, deviation, stream, 0);
}

void params_fill_normal_placed(const params_t *params, int block, double deviation, uint64_t stream)
{
    fill_normal(params, block, deviation, stream, params->blocks[block].offset);
}

void params_fill(const params_t *params, int block, float value)
{
    const param_t *p = &params->blocks[block];
    const ranks_block_t rows = params_held(p);
    float *values = params_values(params, block);
    for (int64_t i = rows.first * p->cols; i < rows.end * p->cols; i++) values[i] = value;
}

static bool same_blocks(const params_t *a, const params_t *b)
{
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        const param_t *x = &a->blocks[i], *y = &b->blocks[i];
        if (strcmp(x->name, y->name) || x->rows != y->rows || x->cols != y->cols) return false;
    }
    return true;
}

bool params_copy(const params_t *to, const params_t *from)
{
    if (!same_blocks(to, from)) return false;
    for (int i = 0; i < to->count; i++) {
        const param_t *p = &to->blocks[i];
        if (p->mapped) continue;
        const ranks_block_t rows = params_held(p);
        const int64_t first = rows.first * p->cols;
        memcpy(params_values(to, i) + first, params_values(from, i) + first, (size_t)(rows.end * p->cols - first) * sizeof(float));
    }
    return true;
}

params_t params_clone(const params_t *params)
{
    params_t p = *params;
    p.blocks = NEW_ARRAY(param_t, p.count);
    for (int i = 0; i < p.count; i++) {
        p.blocks[i] = params->blocks[i];
        p.blocks[i].name = xstrdup(p.blocks[i].name);
    }
    params_allocate(&p);
    params_copy(&p, params);
    return p;
}

static int shape_of(const param_t *p, int64_t *shape)
{
    memcpy(shape, p->shape, sizeof p->shape);
    if (p->dims) return p->dims;
    shape[0] = p->rows ? p->rows : p->cols;
    shape[1] = p->cols;
    return p->rows ? 2 : 1;
}

/* Fills bytes of a split block's values from where they are. */
static void gather_values(const void *block, size_t at, size_t n, void *bytes)
{
    const param_t *p = block;
    ranks_gather_bytes(p->table, rows_of(p), row_size(p), at, n, bytes);
}

void params_write_blocks(st_writer_t *w, const params_t *params, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        const param_t *p = &params->blocks[i];
        int64_t shape[ST_MAX_DIMS];
        const int dims = shape_of(p, shape);
        if (p->split) st_add_source(w, p->name, p->dtype, dims, shape, gather_values, p);
        else if (p->dtype == ST_F32) st_add(w, p->name, p->dtype, dims, shape, params_values(params, i));
        else st_add_bf16(w, p->name, dims, shape, params_values(params, i));
    }
}

void params_check_blocks(const st_file_t *f, const params_t *params, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        int64_t shape[ST_MAX_DIMS];
        const int dims = shape_of(&params->blocks[i], shape);
        st_need(f, params->blocks[i].name, dims, shape);
    }
}

/* Copies rows of a tensor, some at a time, so that of the file no more is in memory. */
static void copy_rows(const st_file_t *f, const st_tensor_t *t, int64_t first, int64_t end, float *out)
{
    enum { SOME = 1 << 20 }; /* elements */
    if (!t->count) return;
    const int64_t width = t->count / t->shape[0], some = max64(SOME / width, 1);
    for (int64_t row = first; row < end; row += some) {
        const st_tensor_t rows = st_rows(t, row, min64(row + some, end));
        st_floats(&rows, out + (row - first) * width);
        st_release(f, rows.data, (size_t)rows.count * st_dtype_size(rows.dtype));
    }
}

void params_read_blocks(const st_file_t *f, const params_t *params, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        const param_t *p = &params->blocks[i];
        int64_t shape[ST_MAX_DIMS];
        const st_tensor_t *t = st_need_finite(f, p->name, shape_of(p, shape), shape);
        const ranks_block_t rows = p->split ? params_held(p) : (ranks_block_t){0, t->shape[0]};
        copy_rows(f, t, rows.first, rows.end, params_values(params, i) + rows.first * p->cols);
    }
}

void params_map(const st_file_t *f, params_t *params, int block)
{
    param_t *p = &params->blocks[block];
    int64_t shape[ST_MAX_DIMS];
    p->tensor = st_need_finite(f, p->name, shape_of(p, shape), shape);
    p->file = f;
}

void params_release(const params_t *params, int block)
{
    const param_t *p = &params->blocks[block];
    if (p->mapped) st_release(p->file, p->tensor->data, (size_t)p->count * st_dtype_size(p->tensor->dtype));
}

void params_row(const params_t *params, int block, int64_t row, float *out)
{
    const param_t *p = &params->blocks[block];
    if (p->mapped) {
        const st_tensor_t one = st_rows(p->tensor, row, row + 1);
        st_floats(&one, out);
    } else {
        memcpy(out, params_values(params, block) + row * p->cols, (size_t)p->cols * sizeof *out);
    }
}

void params_write(st_writer_t *w, const params_t *params)
{
    for (int i = 0; i < params->count; i++)
        if (!params->blocks[i].frozen) params_write_blocks(w, params, i, 1);
}

void params_check(const st_file_t *f, const params_t *params)
{
    for (int i = 0; i < params->count; i++)
        if (!params->blocks[i].frozen) params_check_blocks(f, params, i, 1);
}

void params_read(const st_file_t *f, const params_t *params)
{
    for (int i = 0; i < params->count; i++)
        if (!params->blocks[i].frozen) params_read_blocks(f, params, i, 1);
}
