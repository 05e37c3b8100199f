#include "nn/wave.h"

#include "base/err.h"

/* The waves' rows that a row stands behind, oldest first. */
typedef struct {
    int n;
    int64_t row[ATTENTION_EXTRA];
} chain_t;

int64_t wave_position(const wave_t *w, int64_t row)
{
    int64_t n = w->row[row].prefix_rows;
    for (int64_t r = w->row[row].above; r >= 0; r = w->row[r].above) n++;
    return n;
}

static chain_t chain_of(const wave_t *w, int64_t row)
{
    chain_t c = {.n = (int)(wave_position(w, row) - w->row[row].prefix_rows)};
    if (c.n > ATTENTION_EXTRA) die(EX_SOFTWARE, "wave: more than %d rows in a chain", ATTENTION_EXTRA);
    int at = c.n;
    for (int64_t r = w->row[row].above; r >= 0; r = w->row[r].above) c.row[--at] = r;
    return c;
}

void wave_attention_forward(attention_shape_t s, const wave_t *w, const float *qkv, float *out, float *log_sum, float *scores)
{
    const int64_t width = qkv_width(s);
    for (int64_t i = 0; i < w->rows; i++) {
        const int64_t row = w->first + i;
        const wave_row_t *at = &w->row[row];
        const chain_t c = chain_of(w, row);
        const float *above[ATTENTION_EXTRA];
        for (int j = 0; j < c.n; j++) above[j] = qkv + c.row[j] * width;
        attention_extend(s, qkv + row * width, at->prefix_rows, qkv + at->prefix * width, c.n, above, out + i * s.heads * s.head_dim,
                         log_sum + row * s.heads, scores);
    }
}

void wave_attention_backward(attention_shape_t s, const wave_t *w, const float *qkv, const float *log_sum, const float *dout, float *dqkv,
                             float *scores)
{
    const int64_t width = qkv_width(s);
    for (int64_t i = 0; i < w->rows; i++) {
        const int64_t row = w->first + i;
        const wave_row_t *at = &w->row[row];
        const chain_t c = chain_of(w, row);
        const float *above[ATTENTION_EXTRA];
        float *dabove[ATTENTION_EXTRA];
        for (int j = 0; j < c.n; j++) {
            above[j] = qkv + c.row[j] * width;
            dabove[j] = dqkv + c.row[j] * width;
        }
        attention_extend_backward(s, qkv + row * width, at->prefix_rows, qkv + at->prefix * width, c.n, above, log_sum + row * s.heads,
                                  dout + i * s.heads * s.head_dim, dqkv + row * width, dqkv + at->prefix * width, dabove, scores);
    }
}
