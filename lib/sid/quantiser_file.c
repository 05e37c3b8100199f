#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "sid/quantiser.h"

static void write_network(st_writer_t *w, const quantiser_t *q, const mlp_t *m)
{
    if (m->layers) params_write_blocks(w, &q->params, m->layer[0].weight, 2 * m->layers);
}

void quantiser_add(st_writer_t *w, const quantiser_t *q)
{
    params_write_blocks(w, &q->params, q->codebook, 1);
    st_add2(w, "code_offset", ST_F32, q->levels, q->codes, q->offset);
    write_network(w, q, &q->encoder);
    write_network(w, q, &q->decoder);
    write_network(w, q, &q->intent_decoder);
    if (!q->image) return;
    st_add1(w, "image_scale", ST_F32, q->image, q->image_scale);
    if (q->fusion.image) params_write_blocks(w, &q->params, q->fusion.visual.weight, 2);
}

/* Finds the shape of a matrix [out, in] that must not be empty; false if there is none. */
static bool matrix_shape(const st_file_t *f, const char *name, int64_t *out, int64_t *in)
{
    if (!st_find(f, name)) return false;
    int64_t shape[2] = {-1, -1};
    st_need(f, name, 2, shape);
    if (shape[0] < 1 || shape[1] < 1) st_bad(f, name, "an empty matrix, expected one");
    *out = shape[0];
    *in = shape[1];
    return true;
}

/* Finds the widths that follow each layer of a network; returns the number of layers, and its input width in *input. */
static int network_widths(const st_file_t *f, const char *name, int64_t *input, int64_t *widths)
{
    char tensor[32];
    for (int layers = 0;; layers++) {
        int64_t out, in;
        snprintf(tensor, sizeof tensor, "%s.%d.weight", name, layers);
        if (!matrix_shape(f, tensor, &out, &in)) return layers;
        if (layers == MLP_MAX_LAYERS) st_bad(f, tensor, "one layer too many, expected up to %d", MLP_MAX_LAYERS);
        if (!layers) *input = in;
        else if (in != widths[layers - 1])
            st_bad(f, tensor, "%lld columns, expected the layer before's %lld", (long long)in, (long long)widths[layers - 1]);
        widths[layers] = out;
    }
}

/* Finds the widths of text, image and their fusion; `input` is the encoder's, or without one the codebook's. */
static void read_parts(const st_file_t *f, bool networks, int64_t input, quantiser_shape_t *s)
{
    s->text = s->fused = input;
    if (!st_find(f, "image_scale")) return;
    int64_t columns, scale[1] = {-1};
    st_need(f, "image_scale", 1, scale);
    if (!networks) {
        if (scale[0] < 1 || scale[0] >= input)
            st_bad(f, "image_scale", "%lld elements, expected fewer than the codebook's %lld", (long long)scale[0],
                   (long long)input);
        s->image = scale[0];
        s->text = input - s->image;
        return;
    }
    if (!matrix_shape(f, "fusion.visual.weight", &s->text, &s->image) || !matrix_shape(f, "fusion.weight", &s->fused, &columns))
        die_at(f->name, 0, "tensor 'image_scale' without 'fusion.visual.weight' and 'fusion.weight', expected all three");
    if (scale[0] != s->image)
        st_bad(f, "image_scale", "%lld elements, expected the %lld columns of fusion.visual.weight", (long long)scale[0],
               (long long)s->image);
    if (columns != 2 * s->text || s->fused != input)
        st_bad(f, "fusion.weight", "shape [%lld, %lld], expected [%lld, %lld]: the encoder's columns, "
               "twice fusion.visual.weight's rows",
               (long long)s->fused, (long long)columns, (long long)input, 2 * (long long)s->text);
}

/* Finds the width of what a decoder, a network that mirrors the encoder, gives; 0 if there is none. Checks all of its shapes
 * before memory is taken for them. */
static int64_t decoder_width(const st_file_t *f, const char *name, const quantiser_shape_t *s)
{
    int64_t input = 0, widths[MLP_MAX_LAYERS];
    int layers = network_widths(f, name, &input, widths);
    if (!layers) return 0;
    bool same = layers == s->depth + 1 && input == s->latent;
    for (int i = 0; same && i < s->depth; i++) same = widths[i] == s->hidden[s->depth - 1 - i];
    if (!same) die_at(f->name, 0, "%s.*.weight: widths do not mirror those of encoder.*.weight", name);
    return widths[layers - 1];
}

static quantiser_shape_t read_shape(const st_file_t *f)
{
    if (!st_find(f, "codebook"))
        die_at(f->name, 0, "no tensor 'codebook', expected SIDs with the quantiser that made them");
    int64_t book[3] = {-1, -1, -1};
    st_need(f, "codebook", 3, book);
    for (int i = 0; i < 3; i++)
        if (book[i] < 1) st_bad(f, "codebook", "an empty tensor, expected [levels, codes, width]");
    if (book[0] > SID_MAX_LEVELS || book[1] > SID_MAX_CODES)
        st_bad(f, "codebook", "%lld levels of %lld codes, expected up to %d of up to %d", (long long)book[0], (long long)book[1],
               SID_MAX_LEVELS, SID_MAX_CODES);
    quantiser_shape_t s = {.latent = book[2], .levels = (int)book[0], .codes = (int)book[1]};
    int64_t input = book[2];
    int layers = network_widths(f, "encoder", &input, s.hidden);
    if (layers && s.hidden[layers - 1] != s.latent)
        st_bad(f, "codebook", "width %lld, expected the encoder's %lld", (long long)s.latent, (long long)s.hidden[layers - 1]);
    s.depth = layers - 1;
    read_parts(f, layers, input, &s);
    if (layers && decoder_width(f, "decoder", &s) != s.text + s.image)
        die_at(f->name, 0, "decoder.*.weight: expected a network whose result has %lld elements", (long long)(s.text + s.image));
    s.intent = decoder_width(f, "intent", &s);
    return s;
}

/* Puts a tensor of exactly this shape in place of *values. */
static void replace(const st_file_t *f, const char *name, int dims, int64_t *shape, float **values)
{
    free(*values);
    *values = st_need_f32(f, name, dims, shape);
}

quantiser_t *quantiser_read(const st_file_t *f)
{
    const quantiser_shape_t s = read_shape(f);
    quantiser_t *q = quantiser_new(&s);
    params_read(f, &q->params);
    if (st_find(f, "code_offset")) replace(f, "code_offset", 2, (int64_t[]){q->levels, q->codes}, &q->offset);
    if (q->image) replace(f, "image_scale", 1, (int64_t[]){q->image}, &q->image_scale);
    return q;
}
