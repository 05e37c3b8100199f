/* A trained generator as a file: model/1 with the vocabulary and how it was trained. */
#ifndef SIDMILL_GEN_GENERATOR_H
#define SIDMILL_GEN_GENERATOR_H

#include "data/sids.h"
#include "data/st.h"
#include "gen/alignment.h"
#include "gen/hold_back.h"
#include "gen/space.h"
#include "gen/templates.h"
#include "lm/base.h"
#include "nn/model.h"

/* What a generator on a base has besides, or one that has taken a base's weights over (lm/whole.h): then the base has no folder, and
 * what is left of it is how it is asked. */
typedef struct {
    base_t base;
    templates_t templates;
} footing_t;

/* The base that a footing has, NULL for none. */
static inline const base_t *footing_base(const footing_t *f) { return f && f->base.folder ? &f->base : NULL; }

typedef struct {
    model_t *model;
    space_t space;      /* of the SIDs it was read with; its softmax is the one it was trained with */
    hold_back_t hold;   /* what it has not been trained on */
    alignment_t *alignment; /* of its thoughts; NULL: there is none */
    uint8_t *tokenizer;     /* of its texts, which its space borrows; NULL: it has none, or its base's */
    footing_t *footing;     /* NULL: it has never stood on a base */
    char *tasks;            /* that it has learnt, as sidgen-train --tasks says it; NULL: recommendation alone */
    hold_back_t held_items; /* the items whose texts no task had, and by which seed they are drawn */
} generator_t;

/* Reads a model/1 file that was trained with `sids` (or with what they have grown from: what is new then has no vectors of its
 * own); a disagreement between them (levels, codes, suffixes, digests, the trie's nodes) ends the process with EX_DATAERR. A base
 * that the file names is opened (lm/base.h). Borrows `sids`. `split`: the tables are split over the ranks (model_split_tables()). */
generator_t generator_read(const st_file_t *model, const st_file_t *sids_file, const sids_t *sids, bool split);

void generator_free(generator_t *g);

/* Checks all of a model/1 file that can be checked without SIDs and without its base: config, and the weights in it. */
void generator_check(const st_file_t *model);

/* Opens a base for a generator of the space, which has no texts yet: adds the base's tokens to it, for texts of up to `most`, and the
 * templates around its tasks. Returns the model, as yet without values (adapter_init()). */
model_t *footing_open(footing_t *f, space_t *space, int64_t most, const char *name);
void footing_free(footing_t *f);

/* Writes weights that train, alignment (or NULL), and metadata that every reader needs: config, vocab, training (the options that shaped it, as
 * JSON), gemm; of a model with a footing (else NULL) its base, if it has one, and its templates. The weights, the alignment, the tokenizer
 * and the trie are borrowed until st_commit(). */
void generator_add(st_writer_t *w, const model_t *m, const space_t *s, const alignment_t *alignment, const footing_t *footing,
                   const char *training, const char *gemm);

#endif
