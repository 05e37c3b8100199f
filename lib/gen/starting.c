#include "gen/starting.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

bool codes_sampled(const train_job_t *job) { return job->options.sampled && job->options.sampled < job->space->widest; }

static model_config_t model_shape(const train_job_t *job)
{
    const train_options_t *o = &job->options;
    const space_t *space = job->space;
    const int64_t heads = o->heads ? o->heads : o->dim < 128 ? 1 : o->dim / 64;
    if (!o->head_dim && o->dim % heads)
        die(EX_USAGE, "--dim %lld does not divide into %lld heads", (long long)o->dim, (long long)heads);
    return (model_config_t){
        .hidden_size = o->dim,
        .num_hidden_layers = o->layers,
        .num_attention_heads = heads,
        .num_key_value_heads = o->kv_heads ? o->kv_heads : heads,
        .head_dim = o->head_dim ? o->head_dim : o->dim / heads,
        .intermediate_size = o->ffn,
        .vocab_size = space->vocab.size,
        .max_position_embeddings = space_positions(space),
        .rms_norm_eps = 1e-6,
        .rope_theta = 10000,
        .depth_levels = space->body == BODY_TIMELINE ? space->vocab.levels + 1 : 0,
        .depth_size = space->body == BODY_TIMELINE ? o->depth_ffn : 0,
        .think_levels = space->thinks ? space->vocab.levels : 0,
        .think_size = space->thinks && space->body == BODY_TIMELINE ? o->think_ffn : 0,
        .learned_positions = o->learned_positions ? space_positions(space) : 0,
        .item_vectors = o->item_vectors ? space->sids->items : 0,
        .node_vectors = o->node_vectors ? space->trie.nodes : 0,
        .sparse_embedding = codes_sampled(job),
    };
}

/* Tells whether two configs mean the same computation: sizes of weights do not show how heads are cut, nor rotary positions. */
static bool same_config(model_config_t a, const model_config_t *b)
{
    a.max_position_embeddings = b->max_position_embeddings;
    char *ours = model_config_json(&a, 0), *theirs = model_config_json(b, 0);
    const bool same = !strcmp(ours, theirs);
    free(ours);
    free(theirs);
    return same;
}

static void begin_with(model_t *m, model_t *start)
{
    const model_config_t *c = &start->config;
    if (same_config(m->config, c) && params_copy(&m->params, &start->params)) {
        model_free(start);
        return;
    }
    die(EX_DATAERR, "--start: that model is of another shape (%s, width %lld, %lld layers, %lld heads, MLP %lld, block a level %lld%s%s%s%s); "
        "give the same options",
        c->depth_levels ? "timeline" : "flat", (long long)c->hidden_size, (long long)c->num_hidden_layers,
        (long long)c->num_attention_heads, (long long)c->intermediate_size, (long long)c->depth_size,
        c->think_levels ? ", thinking" : "", c->item_vectors ? ", item vectors" : "", c->node_vectors ? ", node vectors" : "",
        c->learned_positions ? ", learned positions" : "");
}

/* Says what training keeps of each weight, before it takes the memory. */
static void say_memory(const train_job_t *job, const model_t *m)
{
    const train_options_t *o = &job->options;
    const int64_t gradients = 4 * o->shards, n = params_trained(&m->params);
    const int64_t kept = 4 * (3 + (o->valid_users > 0) + (o->average > 0)) + (operands_are_floats(job->backend) ? 0 : 2);
    note("%lld weights train in %.3g GiB: %lld bytes each for values and AdamW's moments%s, %lld for gradients of %lld shards", (long long)n,
         (double)n * (double)(kept + gradients) / 0x1p30, (long long)kept, o->valid_users ? ", now and at their best" : "", (long long)gradients,
         (long long)o->shards);
}

model_t *starting_model(const train_job_t *job)
{
    model_t *m = job->model ? job->model : model_new(model_shape(job));
    if (job->split_tables) model_split_tables(m);
    if (job->start) begin_with(m, job->start);
    else if (!job->model) model_init(m, job->options.seed);
    if (job->model) say_memory(job, m);
    return m;
}
