/* What captions by `caption --engine builtin` are made of: labels that the item came with, and a sentence about the pixels. */
#ifndef SIDMILL_TEXT_CAPTION_TEXT_H
#define SIDMILL_TEXT_CAPTION_TEXT_H

#include <stdbool.h>

/* What the labels begin with; a full stop ends them. */
#define CAPTION_LABELS "In the picture: "

/* The part of a caption that lists image labels: CAPTION_LABELS and what follows; NULL if none. */
const char *caption_labels(const char *caption);

/* True for a sentence about colours and layout. Its words are no evidence by themselves ("a compact object"). */
bool caption_is_pixels(const char *caption);

#endif
