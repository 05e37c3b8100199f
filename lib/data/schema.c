#include "data/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/interactions.h"
#include "data/sids.h"

static const schema_tensor_t interactions[] = {
    {"user_offsets", KIND_INTEGER, "O", true, JOIN_OFFSETS}, {"item_index", KIND_INTEGER, "E", true, JOIN_ROWS},
    {"timestamp", KIND_INTEGER, "E", false, JOIN_ROWS},      {"user_ids", KIND_STRINGS, "U", true, JOIN_ROWS},
    {"item_ids", KIND_STRINGS, "N", true, JOIN_SAME},
};

static const schema_tensor_t interactions2[] = {
    {"user_offsets", KIND_INTEGER, "O", true, JOIN_OFFSETS}, {"item_index", KIND_INTEGER, "E", true, JOIN_ROWS},
    {"timestamp", KIND_INTEGER, "E", false, JOIN_ROWS},      {"phase", KIND_INTEGER, "E", true, JOIN_ROWS},
    {"user_ids", KIND_STRINGS, "U", true, JOIN_ROWS},        {"item_ids", KIND_STRINGS, "N", true, JOIN_SAME},
};

static const schema_tensor_t embeddings[] = {
    {"text", KIND_FLOAT, "NT", false, JOIN_ROWS},      {"image", KIND_FLOAT, "NV", false, JOIN_ROWS},
    {"image_mask", KIND_MASK, "N", false, JOIN_ROWS},  {"joint", KIND_FLOAT, "NJ", false, JOIN_ROWS},
    {"intent", KIND_FLOAT, "NI", false, JOIN_ROWS},    {"item_ids", KIND_STRINGS, "N", true, JOIN_ROWS},
};

static const schema_tensor_t sids[] = {
    {"codes", KIND_INTEGER, "NL", true, JOIN_ROWS},    {"suffix", KIND_INTEGER, "N", true, JOIN_ROWS},
    {"item_ids", KIND_STRINGS, "N", true, JOIN_ROWS},  {"codebook", KIND_FLOAT, "LKD", false, JOIN_SAME},
    {"code_offset", KIND_FLOAT, "LK", false, JOIN_SAME},
};

static const schema_tensor_t quality[] = {
    {"quality", KIND_FLOAT, "N", true, JOIN_ROWS}, {"quality_mask", KIND_MASK, "N", true, JOIN_ROWS},
    {"item_ids", KIND_STRINGS, "N", true, JOIN_ROWS},
};

/* Of recs/1 and ranks/1 a row is a case (C), of which a user may have several. */
static const schema_tensor_t recs[] = {
    {"items", KIND_INTEGER, "CK", true, JOIN_ROWS},    {"scores", KIND_FLOAT, "CK", false, JOIN_ROWS},
    {"case_offsets", KIND_INTEGER, "O", false, JOIN_OFFSETS}, {"place", KIND_INTEGER, "C", false, JOIN_ROWS},
    {"user_ids", KIND_STRINGS, "U", true, JOIN_ROWS},  {"item_ids", KIND_STRINGS, "N", true, JOIN_SAME},
};

static const schema_tensor_t ranks[] = {
    {"rank", KIND_INTEGER, "C", true, JOIN_ROWS},      {"rank_unseen", KIND_INTEGER, "C", false, JOIN_ROWS},
    {"case_offsets", KIND_INTEGER, "O", false, JOIN_OFFSETS}, {"place", KIND_INTEGER, "C", false, JOIN_ROWS},
    {"stratum", KIND_INTEGER, "C", false, JOIN_ROWS},  {"user_ids", KIND_STRINGS, "U", true, JOIN_ROWS},
};

static const schema_tensor_t model[] = {
    {"model.embed_tokens.weight", KIND_FLOAT, "VH", false, JOIN_SAME},
    {"model.norm.weight", KIND_FLOAT, "H", false, JOIN_SAME},
    {"model.item_vectors.weight", KIND_FLOAT, "NH", false, JOIN_SAME},
    {"model.node_vectors.weight", KIND_FLOAT, "WH", false, JOIN_SAME},
    {"node_parent", KIND_INTEGER, "W", false, JOIN_SAME},
    {"node_token", KIND_INTEGER, "W", false, JOIN_SAME},
};

static const schema_tensor_t evidence_fit[] = {
    {"text.hash", KIND_INTEGER, "T", false, JOIN_SAME},        {"text.kind", KIND_MASK, "T", false, JOIN_SAME},
    {"text.idf", KIND_FLOAT, "T", false, JOIN_SAME},           {"text.singular", KIND_FLOAT, "K", false, JOIN_SAME},
    {"text.vectors", KIND_FLOAT, "TK", false, JOIN_SAME},      {"image.mean", KIND_FLOAT, "F", false, JOIN_SAME},
    {"image.deviation", KIND_FLOAT, "D", false, JOIN_SAME},    {"image.components", KIND_FLOAT, "FD", false, JOIN_SAME},
};

static const schema_tensor_t blend[] = {
    {"cooccur.offsets", KIND_INTEGER, "O", false, JOIN_SAME},    {"cooccur.item", KIND_INTEGER, "C", false, JOIN_SAME},
    {"cooccur.weight", KIND_FLOAT, "C", false, JOIN_SAME},       {"neighbours.offsets", KIND_INTEGER, "O", false, JOIN_SAME},
    {"neighbours.item", KIND_INTEGER, "M", false, JOIN_SAME},    {"neighbours.weight", KIND_FLOAT, "M", false, JOIN_SAME},
    {"popularity", KIND_INTEGER, "N", true, JOIN_SAME},          {"bins", KIND_FLOAT, "G", true, JOIN_SAME},
    {"weights", KIND_FLOAT, "GP", true, JOIN_SAME},              {"groups", KIND_INTEGER, "Q", false, JOIN_SAME},
    {"factors", KIND_FLOAT, "QP", false, JOIN_SAME},              {"powers", KIND_FLOAT, "R", false, JOIN_SAME},
    {"quiet", KIND_FLOAT, "R", false, JOIN_SAME},
    {"item_ids", KIND_STRINGS, "N", true, JOIN_SAME},
};

#define SCHEMA(name, tensors, joins) {name, tensors, (int)(sizeof tensors / sizeof *tensors), joins}

static const schema_t schemas[] = {
    SCHEMA("interactions/1", interactions, true),
    SCHEMA("interactions/2", interactions2, true),
    SCHEMA("embeddings/1", embeddings, true),
    SCHEMA("sids/1", sids, true),
    SCHEMA("quality/1", quality, true),
    SCHEMA("recs/1", recs, true),
    SCHEMA("ranks/1", ranks, true),
    SCHEMA("model/1", model, false),
    SCHEMA("blend/1", blend, false),
    SCHEMA("evidence-fit/1", evidence_fit, false),
};

const schema_t *schema_find(const char *name)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (!strcmp(schemas[i].name, name)) return &schemas[i];
    return NULL;
}

const schema_tensor_t *schema_tensor(const schema_t *s, const char *name)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->tensors[i].name, name)) return &s->tensors[i];
    return NULL;
}

/* The extent that each letter stands for, -1 before it is met. */
typedef int64_t extents_t[128];

static void check_values(const st_file_t *f, const schema_tensor_t *t, int dims, int64_t *shape)
{
    switch (t->kind) {
    case KIND_FLOAT: free(st_need_f32(f, t->name, dims, shape)); break;
    case KIND_INTEGER: free(st_need_i64(f, t->name, dims, shape)); break;
    case KIND_MASK: {
        uint8_t *mask = st_need_u8(f, t->name, dims, shape);
        for (int64_t i = 0; i < shape[0]; i++)
            if (mask[i] > 1) st_bad(f, t->name, "row %lld holds %d, expected 0 or 1", (long long)i, mask[i]);
        free(mask);
        break;
    }
    case KIND_STRINGS: {
        strtab_t ids = st_need_ids(f, t->name, shape[0]);
        shape[0] = ids.count;
        strtab_free(&ids);
        break;
    }
    }
}

static void check_tensor(const st_file_t *f, const schema_tensor_t *t, extents_t extents)
{
    int64_t shape[ST_MAX_DIMS];
    int dims = (int)strlen(t->extents);
    if (!t->required && !st_find(f, t->name)) return;
    for (int d = 0; d < dims; d++) shape[d] = extents[(unsigned char)t->extents[d]];
    check_values(f, t, dims, shape);
    for (int d = 0; d < dims; d++) extents[(unsigned char)t->extents[d]] = shape[d];
}

static void check_by_reader(const st_file_t *f, const char *schema)
{
    if (!strncmp(schema, "interactions/", 13)) {
        interactions_t x = interactions_read(f);
        interactions_free(&x);
    } else if (!strcmp(schema, "sids/1")) {
        sids_t s = sids_read(f);
        sids_free(&s);
    } else if (!strcmp(schema, "embeddings/1")) {
        if (!st_find(f, "text") && !st_find(f, "image") && !st_find(f, "joint") && !st_find(f, "intent"))
            die_at(f->name, 0, "no embeddings, expected one of the tensors text, image, joint and intent");
        if (st_find(f, "image_mask") && !st_find(f, "image")) die_at(f->name, 0, "tensor 'image_mask' without 'image'");
    }
}

const schema_t *schema_check(const st_file_t *f)
{
    const char *name = st_meta(f, "schema");
    const schema_t *s = name ? schema_find(name) : NULL;
    if (!s) return NULL;
    extents_t extents;
    for (int i = 0; i < 128; i++) extents[i] = -1;
    for (int i = 0; i < s->count; i++) check_tensor(f, &s->tensors[i], extents);
    check_by_reader(f, s->name);
    return s;
}
