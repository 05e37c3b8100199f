/* How a picture is laid out: what is background, where the object stands. */
#ifndef SIDMILL_VISION_LAYOUT_H
#define SIDMILL_VISION_LAYOUT_H

#include "vision/colour.h"

typedef enum {
    BACKGROUND_PLAIN,   /* one colour */
    BACKGROUND_SHADED,  /* one colour that fades smoothly */
    BACKGROUND_SCENE,   /* several colours or shapes */
    BACKGROUND_NONE     /* no object stands out: the picture fills the frame */
} layout_background_t;

typedef struct {
    layout_background_t background;
    unsigned char *mask;          /* [height * width]: 1 where the object is; all 0 with BACKGROUND_NONE */
    int left, top, right, bottom; /* the object's bounds, inclusive */
    float share;                  /* of the frame that the object covers */
} layout_t;

/* Tells object from background by the picture's own margin: a pixel belongs to the object where it differs from what the
 * left and right margins show at its height, and the object is the connected part (or parts) of such pixels nearest to the
 * middle. */
layout_t layout_find(const colour_image_t *image);
void layout_free(layout_t *layout);

#endif
