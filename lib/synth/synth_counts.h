/* How much of everything the world of the demo catalogue has. */
#ifndef SIDMILL_SYNTH_SYNTH_COUNTS_H
#define SIDMILL_SYNTH_SYNTH_COUNTS_H

enum {
    SYNTH_INTENTS = 24,
    SYNTH_STYLES = 6,       /* the half of an implied intent that the text gives */
    SYNTH_SCENES = 4,       /* the half that the picture gives */
    SYNTH_DEPARTMENTS = 8,
    SYNTH_TYPES = 40,
    SYNTH_BRANDS = 96
};

#endif
