/* Colours as people see and name them: CIELAB, and a table of names. */
#ifndef SIDMILL_VISION_COLOUR_H
#define SIDMILL_VISION_COLOUR_H

#include "vision/pixels.h"

/* CIE 1976 L*a*b* under D65: lightness 0 to 100, green to red, blue to yellow. */
typedef struct { float l, a, b; } colour_lab_t;

/* A picture in CIELAB, with the number of the nearest named colour of every pixel. */
typedef struct {
    int width, height;
    colour_lab_t *lab;     /* [height * width] */
    unsigned char *name;   /* [height * width], for colour_name() */
} colour_image_t;

enum { COLOUR_NAMES_MAX = 64 };

int colour_count(void);               /* at most COLOUR_NAMES_MAX */
const char *colour_name(int number);  /* "navy blue": a shade, where there is one, before its family */

colour_lab_t colour_lab(unsigned char r, unsigned char g, unsigned char b);  /* from sRGB */
int colour_nearest(colour_lab_t c);
float colour_distance(colour_lab_t x, colour_lab_t y);  /* CIE76 Delta E */
float colour_chroma(colour_lab_t c);

colour_image_t lab_image(const pixels_t *p);
void lab_image_free(colour_image_t *image);

#endif
