#include "nn/layer.h"

#include "nn/attend.h"

void layer_again(const network_t *net, activations_t *a, const span_t *p, int64_t i)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const model_layer_t *w = &net->model->layers[i];
    const int64_t rows = p->rows, d = c->hidden_size, f = c->intermediate_size, out = c->num_attention_heads * c->head_dim;
    layer_acts_t at = activations_layer(net, a, i, p->first), *l = &at;
    const float eps = (float)c->rms_norm_eps;

    rmsnorm_forward(b, rows, d, eps, l->x_in, network_gain(net, w->norm1), l->inv_rms1, l->norm1, NULL);
    linear_forward(&w->qkv, &net->weights, rows, l->norm1, l->qkv, a->inner);
    attend_forward(net, a, p, l, i);
    b->pack(a->narrow, rows * out, l->attended);
    linear_forward(&w->out, &net->weights, rows, l->attended, a->narrow, a->inner);
    residual_dropout_forward(rows * d, l->x_in, a->narrow, span_dropout(p, i, SITE_ATTENTION_OUT), l->x_mid);

    rmsnorm_forward(b, rows, d, eps, l->x_mid, network_gain(net, w->norm2), l->inv_rms2, l->norm2, NULL);
    linear_forward(&w->gate_up, &net->weights, rows, l->norm2, l->gate_up, a->inner);
    swiglu_forward(b, rows, f, l->gate_up, l->act);
}

/* Where one layer at a time is held, so are weights that lie in a file: their pages stay with the system, and come back as they are needed. */
static void let_go(const network_t *net, const activations_t *a, const model_layer_t *w)
{
    const linear_t *all[] = {&w->qkv, &w->out, &w->gate_up, &w->down};
    for (size_t i = 0; a->pass == PASS_TRAIN_LAYERS && i < sizeof all / sizeof *all; i++) linear_release(all[i], &net->model->params);
}

void layer_forward(const network_t *net, activations_t *a, const span_t *p, int64_t i, float *x_out)
{
    const model_layer_t *w = &net->model->layers[i];
    layer_again(net, a, p, i);
    const layer_acts_t l = activations_layer(net, a, i, p->first);
    linear_forward(&w->down, &net->weights, p->rows, l.act, a->narrow, a->inner);
    residual_dropout_forward(p->rows * net->model->config.hidden_size, l.x_mid, a->narrow, span_dropout(p, i, SITE_MLP_OUT), x_out);
    let_go(net, a, w);
}

void layer_backward(const network_t *net, activations_t *a, const span_t *p, int64_t i, grads_t *grads)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const model_layer_t *w = &net->model->layers[i];
    const int64_t rows = p->rows, d = c->hidden_size, f = c->intermediate_size;
    const layer_acts_t at = activations_layer(net, a, i, p->first), *l = &at;
    float *dx = a->dx + p->first * d;

    dropout_backward_pack(b, rows, d, dx, span_dropout(p, i, SITE_MLP_OUT), a->packed);
    linear_backward(&w->down, &net->weights, rows, l->act, a->packed, NULL, a->narrow, grads, a->inner);
    swiglu_backward(b, rows, f, l->gate_up, a->narrow, a->packed);
    linear_backward(&w->gate_up, &net->weights, rows, l->norm2, a->packed, NULL, a->narrow, grads, a->inner);
    rmsnorm_backward(rows, d, l->x_mid, network_gain(net, w->norm2), l->inv_rms2, a->narrow, dx, grads_block(grads, w->norm2));

    dropout_backward_pack(b, rows, d, dx, span_dropout(p, i, SITE_ATTENTION_OUT), a->packed);
    linear_backward(&w->out, &net->weights, rows, l->attended, a->packed, NULL, a->narrow, grads, a->inner);
    attend_backward(net, a, p, l, i, grads);
    b->pack(a->wide, rows * qkv_width(net->attention), a->packed);
    linear_backward(&w->qkv, &net->weights, rows, l->norm1, a->packed, a->wide, a->narrow, grads, a->inner);
    rmsnorm_backward(rows, d, l->x_in, network_gain(net, w->norm1), l->inv_rms1, a->narrow, dx, grads_block(grads, w->norm1));
    let_go(net, a, w);
}
