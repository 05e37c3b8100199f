/* Files that are held in the program. */
#ifndef SIDMILL_BASE_ASSET_H
#define SIDMILL_BASE_ASSET_H

#include <stddef.h>

typedef struct {
    const char *text; /* no NUL behind it */
    size_t n;
} asset_t;

/* Puts a file's bytes, by its path from the root of the tree, between two symbols; the Makefile is to say that the object depends on
 * it. ASSET_SPAN() is an initialiser of asset_t. */
#define ASSET(name, path)                                      \
    extern const char held_##name[], held_##name##_end[];      \
    __asm__(".pushsection .rodata\n"                           \
            ".global held_" #name ", held_" #name "_end\n"     \
            "held_" #name ":\n"                               \
            ".incbin \"" path "\"\n"                           \
            "held_" #name "_end:\n"                           \
            ".byte 0\n"                                        \
            ".popsection\n")

#define ASSET_SPAN(name) {held_##name, (size_t)(held_##name##_end - held_##name)}

#endif
