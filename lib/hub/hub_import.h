/* The way back: a folder that a generator was exported to, or that others have trained to write Semantic IDs, as a generator on a base. */
#ifndef SIDMILL_HUB_HUB_IMPORT_H
#define SIDMILL_HUB_HUB_IMPORT_H

#include "gen/generator.h"

typedef struct {
    const char *folder;   /* a whole model, which is the base itself; or an adapter of PEFT's */
    const char *base;     /* of an adapter; NULL: where its config says */
    softmax_t softmax;
    int64_t max_items;    /* of a history that is read */
} hub_import_t;

/* Reads a folder, whose tokenizer spells the SIDs as vocab_name() does, as a generator on a base without (a whole model) or with (an adapter)
 * low-rank pairs. Tokens of the generator's that it does not know, apart from codes and suffixes that some SID has, get the mean of those
 * that are there; a code or suffix that is missing ends the process with EX_DATAERR, as does what an adapter may be and is not supported
 * here, by the name of its key. The templates are taken over, and `sids` is borrowed. */
generator_t hub_import(const hub_import_t *from, const sids_t *sids, templates_t templates);

#endif
