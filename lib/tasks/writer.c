#include "tasks/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "gen/beam.h"
#include "gen/output.h"
#include "gen/stepper.h"
#include "nn/vec.h"

enum { BATCH = 16 }; /* prompts written behind together */

/* A row of the stepper's: the token that it is, and the row before it. */
typedef struct {
    int32_t token, before;
} link_t;

/* One worker's space. */
typedef struct {
    stepper_t *stepper;
    beam_t beams[BATCH];
    float *states;       /* [rows, hidden_size] of live hypotheses */
    operand_t *packed;   /* the same, where operands are no floats */
    float *logits;       /* [rows, 1 + text] */
    output_t *output;
    link_t *links;       /* [rows of all steps] */
} workspace_t;

struct writer {
    const network_t *net;
    const space_t *space; /* literal */
    int most, beam;
    int64_t step_rows;   /* of a batch */
    workspace_t *work;
    int workers;
    /* the call at hand */
    int64_t n;
    const history_t *prompts; /* [n] */
    stepper_room_t room;
    written_t *written;  /* [n] */
    int32_t *tokens;     /* [n, most] */
};

writer_t *writer_new(const network_t *net, const space_t *space, int most, int beam)
{
    writer_t *w = NEW(writer_t);
    *w = (writer_t){.net = net, .space = space, .most = most, .beam = beam, .step_rows = round_rows(net->backend, (int64_t)BATCH * beam)};
    return w;
}

static void drop_work(writer_t *w)
{
    for (int i = 0; i < w->workers; i++) {
        workspace_t *s = &w->work[i];
        stepper_free(s->stepper);
        for (int j = 0; j < BATCH; j++) beam_free(&s->beams[j]);
        free(s->states);
        free(s->packed);
        free(s->logits);
        free(s->links);
        output_free(s->output);
    }
    free(w->work);
}

void writer_free(writer_t *w)
{
    if (!w) return;
    drop_work(w);
    free(w->written);
    free(w->tokens);
    free(w);
}

static void make_workspace(const writer_t *w, workspace_t *s)
{
    const int64_t d = w->net->model->config.hidden_size;
    const backend_t *b = w->net->backend;
    s->stepper = stepper_of_text(w->net, w->space, w->most);
    for (int i = 0; i < BATCH; i++) s->beams[i] = beam_new(w->beam);
    s->states = xfloats((size_t)(w->step_rows * d));
    if (!operands_are_floats(b)) s->packed = operands_new(b, w->step_rows * d);
    s->logits = xfloats(size_mul((size_t)w->step_rows, (size_t)space_text(w->space).count));
    s->output = output_new(w->net);
    s->links = NEW_ARRAY(link_t, BATCH + w->most * w->step_rows);
}

/* Computes the logits of what may follow every live hypothesis, one after the other. */
static void ask(const writer_t *w, workspace_t *s, int64_t n)
{
    const int64_t d = w->net->model->config.hidden_size;
    const allowed_set_t set = space_text(w->space);
    const backend_t *b = w->net->backend;
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < s->beams[i].live_count; j++)
            memcpy(s->states + rows++ * d, stepper_state(s->stepper, s->beams[i].live[j].row), (size_t)d * sizeof(float));
    const int64_t round = round_rows(b, rows);
    memset(s->states + rows * d, 0, (size_t)((round - rows) * d) * sizeof(float));
    if (!rows) return;
    output_forward(s->output, round, operands_of(b, s->states, round * d, s->packed), set.first, set.count, s->logits);
}

/* Finishes hypotheses whose last token is the end; a finished one is known by its last row. */
static void finish(const writer_t *w, beam_t *b)
{
    for (int i = b->live_count - 1; i >= 0; i--)
        if (b->live[i].token == w->space->vocab.end) beam_finish(b, i, b->live[i].row);
}

/* Offers each live hypothesis's continuations to its beam, at the last step the end alone, and takes the best. */
static void choose(const writer_t *w, workspace_t *s, int64_t n, bool last)
{
    const allowed_set_t set = space_text(w->space);
    const int32_t offered = last ? 1 : set.count; /* the end is the set's first */
    const float *x = s->logits;
    for (int64_t i = 0; i < n; i++) {
        beam_t *b = &s->beams[i];
        beam_begin(b);
        for (int j = 0; j < b->live_count; j++, x += set.count) {
            const float norm = vec_log_sum_exp(set.count, x);
            for (int32_t t = 0; t < offered; t++) beam_offer_token(b, j, b->live[j].score + x[t] - norm, -1, set.first + t);
        }
        beam_select(b, &w->space->trie);
    }
}

/* Goes on behind every live hypothesis by its token. */
static void push(workspace_t *s, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < s->beams[i].live_count; j++) {
            beam_hypothesis_t *h = &s->beams[i].live[j];
            const int32_t row = stepper_push_token(s->stepper, h->row, h->token);
            s->links[row] = (link_t){h->token, h->row};
            h->row = row;
        }
}

/* Reads a text off the links, from its last row back to the prompt, of which there are n. */
static void read_back(const writer_t *w, const workspace_t *s, int64_t n, int32_t last, int32_t *tokens, written_t *to)
{
    int length = 0;
    for (int32_t row = last; row >= n; row = s->links[row].before) length++;
    int at = length;
    for (int32_t row = last; row >= n; row = s->links[row].before) tokens[--at] = s->links[row].token - w->space->vocab.first_text;
    to->tokens = tokens;
    to->length = length;
}

static void write_batch(void *ctx, int64_t batch, int worker)
{
    writer_t *w = ctx;
    workspace_t *s = &w->work[worker];
    const int64_t first = batch * BATCH, n = min64(BATCH, w->n - first);
    if (!s->stepper) make_workspace(w, s);
    stepper_reserve(s->stepper, w->room);
    stepper_begin(s->stepper, n, w->prompts + first);
    for (int64_t i = 0; i < n; i++) beam_start(&s->beams[i], w->beam, (int32_t)i);
    for (int step = 0; step <= w->most; step++) {
        ask(w, s, n);
        choose(w, s, n, step == w->most);
        for (int64_t i = 0; i < n; i++) finish(w, &s->beams[i]);
        push(s, n);
        if (!stepper_advance(s->stepper)) break;
    }
    for (int64_t i = 0; i < n; i++) {
        int32_t last;
        beam_rank(&s->beams[i], 1, &last, &w->written[first + i].log_p);
        read_back(w, s, n, last, w->tokens + (first + i) * w->most, &w->written[first + i]);
    }
    progress_add(n);
}

const written_t *writer_run(writer_t *w, int64_t n, const history_t *prompts)
{
    if (w->workers != parallel_workers()) {
        drop_work(w);
        w->workers = parallel_workers();
        w->work = NEW_ARRAY(workspace_t, w->workers);
    }
    w->n = n;
    w->prompts = prompts;
    w->written = xreallocarray(w->written, (size_t)n, sizeof *w->written);
    w->tokens = xreallocarray(w->tokens, size_mul((size_t)n, (size_t)w->most), sizeof *w->tokens);
    w->room = stepper_measure(w->space, n, w->prompts, BATCH, w->beam);
    parallel_for((n + BATCH - 1) / BATCH, write_batch, w);
    return w->written;
}
