#include "lm/whole.h"

#include "nn/embedding.h"

static void copy_block(const model_t *from, const model_t *to, int block)
{
    const param_t *p = &to->params.blocks[block];
    float *values = params_values(&to->params, block);
    for (int64_t r = 0, rows = p->rows ? p->rows : 1; r < rows; r++) params_row(&from->params, block, r, values + r * p->cols);
}

model_t *whole_model(const model_t *on, bool sparse)
{
    model_config_t config = on->config;
    config.sparse_embedding = sparse;
    model_t *m = model_new(config);
    for (int i = 0; i <= m->norm; i++)
        if (i != m->embed) copy_block(on, m, i); /* a decoder's blocks have the same numbers in both */
    for (int32_t t = 0; t < config.vocab_size; t++) {
        embedding_row(on, t, model_embedding(m, t));
        if (m->output != m->embed) output_row(on, t, model_output(m, t));
    }
    return m;
}
