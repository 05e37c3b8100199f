/* The weights of a catalogue's text fields and of its images, from the histories in a file: sid/weighing.h on what a tool has. */
#ifndef SIDMILL_SID_FIT_WEIGHTS_H
#define SIDMILL_SID_FIT_WEIGHTS_H

#include "data/strtab.h"
#include "sid/weighing.h"
#include "text/field_texts.h"
#include "text/lsa.h"

/* Everything that is known of the items; borrowed. */
typedef struct {
    const strtab_t *ids;
    const char *name;          /* where the items come from, for messages */
    const field_texts_t *texts;
    int64_t image_width;
    const float *image;        /* [items, image_width], zero where there is none; NULL: no images */
    const uint8_t *mask;       /* [items] */
} described_items_t;

typedef struct {
    double image;     /* weight of the image, as rqvae's --image-weight; 0 without images */
    char *said;       /* "title 1, intents 0.5, image 0"; caller frees */
    char *digest;     /* of the interactions; caller frees */
    weighing_t ranks;
} fit_weights_t;

/* Replaces the weights of `fields`, 1 for the first in the list that counts, 0 for those that do not help; those it comes with
 * weigh in the space that weights are tried in, of `o`. Interactions of other items, or too few, end the process with
 * EX_DATAERR. */
fit_weights_t fit_weights(const described_items_t *items, const char *interactions, const lsa_options_t *o, fields_t *fields);

#endif
