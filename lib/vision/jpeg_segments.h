/* The segments of a JPEG before its pixels. */
#ifndef SIDMILL_VISION_JPEG_SEGMENTS_H
#define SIDMILL_VISION_JPEG_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: before the first. */
typedef struct {
    int marker;
    const unsigned char *bytes;  /* behind the length */
    size_t n;                    /* as far as the file goes */
    size_t next;                 /* where to look for the one after it */
} jpeg_segment_t;

/* Steps to the next segment as decoders find it: the next 0xff that is followed by a marker. False behind the last, or from the first
 * scan on. Takes any bytes. */
bool jpeg_next_segment(const unsigned char *bytes, size_t n, jpeg_segment_t *s);

/* Why a JPEG of four components is refused: colours that mean what nobody says. NULL: it is not. */
const char *jpeg_check_colours(const unsigned char *bytes, size_t n);

#endif
