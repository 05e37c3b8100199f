#include "hub/hub_weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/embedding.h"

/* What becomes of a block. */
typedef enum { WRITTEN, LEFT_OUT, EMBEDDING, OUTPUT } role_t;

typedef struct {
    const hub_t *h;
    st_writer_t *out;
    role_t *role;                  /* [blocks] */
    const linear_pair_t **pair;    /* [blocks] that is part of it; NULL: none */
    spool_t *spools;               /* [blocks] */
    float *row;
} weights_writer_t;

/* Tells which matrices a layer's pairs are beside: each stands on the columns of one. */
static void find_pairs(weights_writer_t *w, const linear_t *l)
{
    const params_t *params = &w->h->g->model->params;
    for (int i = 0; i < l->pairs; i++) {
        const linear_pair_t *p = &l->pair[i];
        int block = l->weight;
        for (int64_t at = 0; at < p->first; block++) at += params->blocks[block].rows;
        w->pair[block] = p;
        w->role[p->down] = w->role[p->up] = LEFT_OUT;
    }
}

static void find_roles(weights_writer_t *w)
{
    const model_t *m = w->h->g->model;
    const bool based = m->base_embed >= 0;
    if (based) w->role[m->embed] = w->role[m->output] = LEFT_OUT;
    w->role[based ? m->base_output : m->output] = OUTPUT;
    w->role[based ? m->base_embed : m->embed] = EMBEDDING; /* tied, it is both */
    for (int64_t i = 0; i < m->config.num_hidden_layers; i++) {
        const model_layer_t *l = &m->layers[i];
        const linear_t *all[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) find_pairs(w, all[j]);
    }
}

/* Adds what a pair says to a row of its matrix: s B[row] A. */
static void add_pair(const params_t *params, const linear_pair_t *p, int64_t row, int64_t cols, float *x)
{
    const float *up = params_values(params, p->up) + row * p->rank, *down = params_values(params, p->down);
    for (int64_t r = 0; r < p->rank; r++) {
        const float c = p->scale * up[r];
        for (int64_t j = 0; j < cols; j++) x[j] += c * down[r * cols + j];
    }
}

/* Finds the row of an id, of the embedding or the output matrix. */
static void token_row(const hub_t *h, bool output, int64_t id, float *x)
{
    const model_t *m = h->g->model;
    const int64_t own = id - h->texts;
    const bool text = own < 0;
    if (text && !h->has_texts) memset(x, 0, (size_t)m->config.hidden_size * sizeof *x);
    else if (text || own < h->own) (output ? output_row : embedding_row)(m, (int32_t)(text ? h->g->space.vocab.first_text + id : own), x);
    else params_row(&m->params, output ? m->base_output : m->base_embed, id, x);
}

static void make_row(const weights_writer_t *w, int block, int64_t row)
{
    const params_t *params = &w->h->g->model->params;
    if (w->role[block] == EMBEDDING || w->role[block] == OUTPUT) {
        token_row(w->h, w->role[block] == OUTPUT, row, w->row);
        return;
    }
    params_row(params, block, row, w->row);
    if (w->pair[block]) add_pair(params, w->pair[block], row, params->blocks[block].cols, w->row);
}

static void keep_row(const weights_writer_t *w, spool_t *s, int64_t cols)
{
    if (w->h->dtype != ST_BF16) {
        for (int64_t j = 0; j < cols; j++) SPOOL_ADD(s, float, w->row[j]);
        return;
    }
    for (int64_t j = 0; j < cols; j++) {
        uint16_t half;
        st_bf16_of(1, &w->row[j], &half);
        SPOOL_ADD(s, uint16_t, half);
    }
}

/* Writes a block under a name. */
static void add_block(weights_writer_t *w, int block, const char *name)
{
    const param_t *p = &w->h->g->model->params.blocks[block];
    const bool tokens = w->role[block] == EMBEDDING || w->role[block] == OUTPUT;
    spool_t *s = &w->spools[block];
    *s = spool_open(st_dtype_size(w->h->dtype));
    for (int64_t r = 0, rows = tokens ? w->h->rows : p->rows ? p->rows : 1; r < rows; r++) {
        make_row(w, block, r);
        keep_row(w, s, p->cols);
    }
    spool_done(s);
    if (p->rows) st_add_spool2(w->out, name, w->h->dtype, p->cols, s);
    else st_add_spool(w->out, name, w->h->dtype, s);
}

static weights_writer_t open_writer(const hub_t *h, const char *file)
{
    const params_t *params = &h->g->model->params;
    char *path = hub_path(h, file);
    weights_writer_t w = {h, st_create(path, NULL), NEW_ARRAY(role_t, params->count), NEW_ARRAY(const linear_pair_t *, params->count),
                          NEW_ARRAY(spool_t, params->count), NULL};
    int64_t widest = 0;
    for (int i = 0; i < params->count; i++)
        if (params->blocks[i].cols > widest) widest = params->blocks[i].cols;
    w.row = xfloats((size_t)widest);
    st_set_meta(w.out, "format", "pt");
    find_roles(&w);
    free(path);
    return w;
}

static void close_writer(weights_writer_t *w)
{
    st_commit(w->out);
    for (int i = 0; i < w->h->g->model->params.count; i++)
        if (w->spools[i].size) spool_close(&w->spools[i]);
    free(w->role);
    free(w->pair);
    free(w->spools);
    free(w->row);
}

/* Names a block as a whole model does: a base that was saved without a head leaves its beginning out. */
static char *whole_name(const char *name)
{
    const bool whole = !strncmp(name, "model.", strlen("model.")) || !strncmp(name, "lm_head.", strlen("lm_head."));
    return xasprintf("%s%s", whole ? "" : "model.", name);
}

void hub_write_weights(const hub_t *h)
{
    weights_writer_t w = open_writer(h, "model.safetensors");
    for (int i = 0; i < h->g->model->params.count; i++) {
        char *name = whole_name(h->g->model->params.blocks[i].name);
        if (w.role[i] != LEFT_OUT) add_block(&w, i, name);
        free(name);
    }
    close_writer(&w);
}

void hub_write_adapter_weights(const hub_t *h)
{
    const model_t *m = h->g->model;
    weights_writer_t w = open_writer(h, "adapter_model.safetensors");
    for (int i = 0; i < m->params.count; i++) {
        const char *own = m->params.blocks[i].name;
        const bool pair = w.role[i] == LEFT_OUT && strstr(own, ".lora_");
        char *name = whole_name(own), *as_theirs = xasprintf("base_model.model.%s", name);
        if (pair || w.role[i] == EMBEDDING || w.role[i] == OUTPUT) add_block(&w, i, as_theirs);
        free(as_theirs);
        free(name);
    }
    close_writer(&w);
}
