/* What decode.c uses of stb_image. */
#ifndef SIDMILL_VISION_STB_DECODE_H
#define SIDMILL_VISION_STB_DECODE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the size from the header of a JPEG, PNG, GIF or BMP; false where it is none. */
bool stb_info(const unsigned char *bytes, int n, int *width, int *height);

/* Decodes to 1 to 4 interleaved 8-bit channels (grey, grey + alpha, RGB, RGBA), taking at most `memory` bytes on the way.
 * Freed with free(). NULL: see stb_why(). */
unsigned char *stb_decode(const unsigned char *bytes, int n, size_t memory, int *width, int *height, int *channels);

/* A word or two on this thread's last failure. */
const char *stb_why(void);

#endif
