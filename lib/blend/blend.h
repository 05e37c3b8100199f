/* blend/1: the evidence for the next item, and the weights by which a generator and its parts are mixed. */
#ifndef SIDMILL_BLEND_BLEND_H
#define SIDMILL_BLEND_BLEND_H

#include <stdint.h>

#include "base/buf.h"
#include "blend/mixing.h"
#include "blend/mixture.h"
#include "blend/part.h"
#include "blend/sources.h"
#include "data/st.h"
#include "data/strtab.h"

/* Of the generator's probability at least so much counts as left to unmet items. */
#define GENERATOR_LEFT 1e-6

typedef struct {
    sources_t sources;
    int parts;                   /* of the mixture, at least 1 */
    part_t part[PARTS];          /* which they are */
    int bins;                    /* of histories by their familiarity (blend/sources.h) */
    float edge[MIXTURE_BINS];    /* the least of each, ascending from 0 */
    int groups;                  /* of items by their training events */
    int64_t group_edge[MIXING_GROUPS]; /* the least of each, ascending from 0 */
    mixing_t mixing;
    strtab_t item_ids;
    char *interactions, *model;  /* digests of what it was fitted to; NULL where the file does not say */
} blend_t;

/* Reads and checks a file: rows that are no rows of the items, weights that are not finite, do not add up to 1 or are those of a
 * part that the file has nothing for, factors below 0, end the process with EX_DATAERR. */
blend_t blend_read(const st_file_t *f);
void blend_free(blend_t *b);

/* Ends the process with EX_DATAERR where the file, `path`, says that it was fitted to other interactions than those in `f`, or with another
 * model than that of `digest`. */
void blend_check_interactions(const blend_t *b, const char *path, const st_file_t *f);
void blend_check_model(const blend_t *b, const char *path, const char *digest);

/* Mixes b as `from`, the file `name`, does, whose bins, groups and weights move to b. Where the parts of the two are not the same
 * the process ends with EX_DATAERR. */
void blend_mix_like(blend_t *b, blend_t *from, const char *name);

/* Adds the tensors of blend/1, borrowed until st_commit(), and the metadata `protocol` and `parts`. The metadata `config`, with
 * the options "cooccur-decay", "neighbour-decay" and "hops" that a reader needs, and `input.*` are the tool's. */
void blend_add(st_writer_t *w, const blend_t *b);

/* The members "bins", "groups" and "powers" of a JSON object: how the parts are mixed. bin_users [bins]: how many each has, or
 * NULL. */
void blend_json(const blend_t *b, const int64_t *bin_users, buf_t *out);

/* The group of an item. */
int blend_group(const blend_t *b, int32_t item);

/* The bin of a history. */
int blend_bin(const blend_t *b, const history_t *h);

/* Where a part stands among the mixture's; -1: it is none of them. */
int blend_place(const blend_t *b, part_t part);

#endif
