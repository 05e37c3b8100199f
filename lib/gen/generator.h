/* A trained generator as a file: model/1 with the vocabulary and how it was trained. */
#ifndef SIDMILL_GEN_GENERATOR_H
#define SIDMILL_GEN_GENERATOR_H

#include "data/sids.h"
#include "data/st.h"
#include "gen/alignment.h"
#include "gen/hold_back.h"
#include "gen/space.h"
#include "nn/model.h"

typedef struct {
    model_t *model;
    space_t space;      /* of the SIDs it was read with; its softmax is the one it was trained with */
    hold_back_t hold;   /* what it has not been trained on */
    alignment_t *alignment; /* of its thoughts; NULL: there is none */
    uint8_t *tokenizer;     /* of its texts, which its space borrows; NULL: it has none */
    char *tasks;            /* that it has learnt, as sidgen-train --tasks says it; NULL: recommendation alone */
    hold_back_t held_items; /* the items whose texts no task had, and by which seed they are drawn */
} generator_t;

/* Reads a model/1 file that was trained with `sids` (or with what they have grown from: what is new then has no vectors of its
 * own); a disagreement between them (levels, codes, suffixes, digests, the trie's nodes) ends the process with EX_DATAERR. Borrows
 * `sids`. */
generator_t generator_read(const st_file_t *model, const st_file_t *sids_file, const sids_t *sids);

void generator_free(generator_t *g);

/* Writes weights, alignment (or NULL), and metadata that every reader needs: config, vocab, training (the options that shaped it, as
 * JSON), gemm. The weights, the alignment and the trie are borrowed until st_commit(). */
void generator_add(st_writer_t *w, const model_t *m, const space_t *s, const alignment_t *alignment, const char *training,
                   const char *gemm);

#endif
