#include "gen/lesson.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "nn/infonce.h"
#include "nn/vec.h"

struct lesson {
    const tutor_t *tutor;
    const network_t *net;
    const space_t *space;
    int64_t most;
    infonce_t *infonce;
    int32_t *own, *label;              /* [most] */
    float *keys, *g, *v, *dv;          /* [most, hidden_size] targets, states, guesses and their gradient */
    float *q, *dq;                     /* [most, codebook's width] */
    operand_t *thoughts, *dq_packed;   /* as operands; NULL without projections */
    gated_acts_t acts;
    gated_room_t room;
};

void lesson_loss_add(lesson_loss_t *to, const lesson_loss_t *more)
{
    for (int l = 0; l < SID_MAX_LEVELS; l++) {
        to->align[l] += more->align[l];
        to->aligned[l] += more->aligned[l];
    }
    to->guide += more->guide;
    to->follow += more->follow;
    to->guided += more->guided;
}

lesson_t *lesson_new(const tutor_t *tutor, const network_t *net, const space_t *space, int64_t most)
{
    const int64_t d = net->model->config.hidden_size, width = tutor->clusters.width;
    lesson_t *s = NEW(lesson_t);
    *s = (lesson_t){.tutor = tutor, .net = net, .space = space, .most = most};
    s->infonce = infonce_new(net->backend, most, max64(most, tutor->clusters.clusters), max64(d, width));
    s->own = NEW_ARRAY(int32_t, most);
    s->label = NEW_ARRAY(int32_t, most);
    float **rows[] = {&s->keys, &s->g, &s->v, &s->dv};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) *rows[i] = xfloats(size_mul((size_t)most, (size_t)d));
    if (tutor->project) {
        s->q = xfloats(size_mul((size_t)most, (size_t)width));
        s->dq = xfloats(size_mul((size_t)most, (size_t)width));
        s->thoughts = operands_new(net->backend, most * d);
        s->dq_packed = operands_new(net->backend, most * width);
    }
    s->acts = gated_acts_new(net->backend, &tutor->decoder, most);
    s->room = gated_room_new(net->backend, 1, &tutor->decoder, most);
    return s;
}

void lesson_free(lesson_t *s)
{
    if (!s) return;
    infonce_free(s->infonce);
    gated_acts_free(&s->acts);
    gated_room_free(&s->room);
    void *all[] = {s->own, s->label, s->keys, s->g, s->v, s->dv, s->q, s->dq, s->thoughts, s->dq_packed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(s);
}

/* Takes q of the prefixes at hand through the loss; what dq [n, width] holds is added to. */
static double align(lesson_t *s, int level, int64_t n, const float *q, double weight, float *dq)
{
    const clusters_t *c = &s->tutor->clusters;
    const infonce_pass_t p = {.n = n, .count = c->clusters, .width = c->width, .x = q, .own = s->own,
                              .keys = c->centroids + (int64_t)level * c->clusters * c->width,
                              .temperature = s->tutor->o.temperature};
    return infonce_backward(s->infonce, &p, weight, dq);
}

/* The same for thoughts of another width than the centroids', through the level's map. */
static double align_projected(lesson_t *s, int level, int64_t n, const float *t, double weight, float *dt, grads_t *grads)
{
    const backend_t *b = s->net->backend;
    const linear_t *project = &s->tutor->project[level];
    const int64_t rows = round_rows(b, n), width = project->out, d = project->in;
    const operand_t *thoughts = operands_of(b, t, rows * d, s->thoughts);
    linear_forward(project, &s->tutor->weights, rows, thoughts, s->q, NULL);
    memset(s->dq, 0, (size_t)(rows * width) * sizeof *s->dq);
    const double loss = align(s, level, n, s->q, weight, s->dq);
    linear_backward(project, &s->tutor->weights, rows, thoughts, operands_of(b, s->dq, rows * width, s->dq_packed), NULL, s->g,
                    grads, NULL);
    vec_add(n * d, s->g, dt);
    return loss;
}

static void align_level(lesson_t *s, pass_t *pass, int level, int64_t n, const depth_prefix_t *prefixes, double weight,
                        grads_t *grads, lesson_loss_t *loss)
{
    const clusters_t *c = &s->tutor->clusters;
    const int32_t first = s->space->vocab.first_code + level * c->codes;
    const float *t = pass_thoughts(pass, level);
    float *dt = pass_thoughts_gradient(pass, level);
    for (int64_t i = 0; i < n; i++) s->own[i] = c->of[(int64_t)level * c->codes + prefixes[i].tokens[level] - first];
    loss->align[level] += s->tutor->project ? align_projected(s, level, n, t, weight, dt, grads)
                                            : align(s, level, n, t, weight, dt);
    loss->aligned[level] += n;
}

/* Gathers what the first prefixes follow, and what they lead to: each target's direction, the mean of its codes' embeddings. */
static void gather(lesson_t *s, int64_t n, const depth_prefix_t *prefixes, const float *hidden)
{
    const model_t *m = s->net->model;
    const int64_t d = m->config.hidden_size, rows = round_rows(s->net->backend, n);
    memset(s->keys, 0, (size_t)(n * d) * sizeof *s->keys);
    memset(s->g + n * d, 0, (size_t)((rows - n) * d) * sizeof *s->g);
    for (int64_t i = 0; i < n; i++) {
        memcpy(s->g + i * d, hidden + prefixes[i].row * d, (size_t)d * sizeof *s->g);
        for (int l = 0; l < s->space->vocab.levels; l++) vec_add(d, model_embedding(m, prefixes[i].tokens[l]), s->keys + i * d);
        vec_to_length_one(d, s->keys + i * d);
        s->own[i] = (int32_t)i;
        s->label[i] = (int32_t)((prefixes[i].tokens - s->space->sid) / (s->space->vocab.levels + 1));
    }
}

/* Adds weight times the gradient of 1 - cos(t, v) by t to dt; returns it. */
static double follow(int64_t d, const float *t, const float *v, double weight, float *dt)
{
    const float tt = vec_dot(d, t, t), vv = vec_dot(d, v, v), tv = vec_dot(d, t, v);
    if (tt < 1e-10f || vv < 1e-10f) return 1;
    const float norm = sqrtf(tt) * sqrtf(vv);
    vec_add_scaled(d, -(float)weight / norm, v, dt);
    vec_add_scaled(d, (float)weight * tv / (norm * tt), t, dt);
    return 1 - tv / norm;
}

static void guide(lesson_t *s, pass_t *pass, int64_t n, const depth_prefix_t *prefixes, double weight, grads_t *grads,
                  lesson_loss_t *loss)
{
    const tutor_t *t = s->tutor;
    const int64_t d = s->net->model->config.hidden_size, rows = round_rows(s->net->backend, n);
    const dropout_t none = dropout_site(0, 0, 0);
    gather(s, n, prefixes, pass_hidden(pass));
    gated_forward(&t->decoder, &t->weights, rows, s->g, none, &s->acts, &s->room, s->v);
    memset(s->dv, 0, (size_t)(rows * d) * sizeof *s->dv);
    const infonce_pass_t p = {.n = n, .count = n, .width = d, .x = s->v, .keys = s->keys, .own = s->own, .label = s->label,
                              .temperature = t->o.temperature};
    loss->guide += infonce_backward(s->infonce, &p, weight * t->o.guide, s->dv);
    loss->guided += n;
    const float *thoughts = pass_thoughts(pass, 0);
    float *dthoughts = pass_thoughts_gradient(pass, 0);
    for (int64_t i = 0; i < n; i++)
        loss->follow += follow(d, thoughts + i * d, s->v + i * d, weight * t->o.follow, dthoughts + i * d);
    gated_backward(&t->decoder, &t->weights, n, s->g, none, &s->acts, &s->room, s->dv, grads);
    for (int64_t i = 0; i < n; i++) vec_add(d, s->dv + i * d, pass_hidden_gradient(pass) + prefixes[i].row * d);
}

void lesson_backward(lesson_t *s, pass_t *pass, const depth_prefixes_t *p, double weight, grads_t *grads, lesson_loss_t *loss)
{
    const tutor_options_t *o = &s->tutor->o;
    for (int l = 0; o->align > 0 && l < s->space->vocab.levels; l++)
        if (p->count[l])
            align_level(s, pass, l, p->count[l], p->prefixes + l * p->most, weight * o->align, grads, loss);
    if (o->guide > 0 && p->count[0]) guide(s, pass, p->count[0], p->prefixes, weight, grads, loss);
}
