/* Colours as people see and name them: CIELAB, and a table of names. */
#ifndef SIDMILL_VISION_COLOUR_H
#define SIDMILL_VISION_COLOUR_H

#include "vision/pixels.h"

/* CIE 1976 L*a*b* under D65: lightness 0 to 100, green to red, blue to yellow. */
typedef struct { float l, a, b; } lab_t;

/* A picture in CIELAB, with the number of the nearest named colour of every pixel. */
typedef struct {
    int width, height;
    lab_t *lab;            /* [height * width] */
    unsigned char *name;   /* [height * width], for colour_name() */
} lab_image_t;

enum { COLOUR_NAMES_MAX = 64 };

int colour_count(void);               /* at most COLOUR_NAMES_MAX */
const char *colour_name(int number);  /* "navy blue": a shade, where there is one, before its family */

lab_t colour_lab(unsigned char r, unsigned char g, unsigned char b);  /* from sRGB */
int colour_nearest(lab_t c);
float colour_distance(lab_t x, lab_t y);  /* CIE76 Delta E */
float colour_chroma(lab_t c);

lab_image_t lab_image(const pixels_t *p);
void lab_image_free(lab_image_t *image);

#endif
