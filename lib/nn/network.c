#include "nn/network.h"

#include <stdlib.h>

#include "base/mem.h"

network_t *network_new(const model_t *m, const backend_t *b, int64_t positions)
{
    const model_config_t *c = &m->config;
    network_t *net = NEW(network_t);
    net->model = m;
    net->backend = b;
    net->weights = weights_new(&m->params, b);
    net->rope = m->positions < 0 ? rope_make(positions, c->head_dim, c->rope_theta, c->rope_scaling) : (rope_t){.positions = positions};
    net->attention = (attention_shape_t){(int)c->num_attention_heads, (int)c->num_key_value_heads, c->head_dim};
    return net;
}

void network_sync(network_t *net) { weights_sync(&net->weights); }

void network_free(network_t *net)
{
    if (!net) return;
    rope_free(&net->rope);
    weights_free(&net->weights);
    free(net);
}

head_norm_t network_head_norm(const network_t *net, const model_layer_t *w)
{
    return (head_norm_t){net->attention, (float)net->model->config.rms_norm_eps, network_gain(net, w->q_norm), network_gain(net, w->k_norm)};
}

void network_normalise_heads(const network_t *net, const model_layer_t *w, int64_t rows, float *qkv, float *before, float *inv_rms)
{
    if (w->q_norm < 0) return;
    const head_norm_t n = network_head_norm(net, w);
    head_norm_forward(&n, rows, qkv, before, inv_rms);
}
