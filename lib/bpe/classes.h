/* What kinds of characters patterns tell apart, as a table. It is filled by asking PCRE2, a page when the first character of it comes,
 * so that it and patterns agree on every character. One a thread. */
#ifndef SIDMILL_BPE_CLASSES_H
#define SIDMILL_BPE_CLASSES_H

#include <stdint.h>

enum {
    CLASS_LETTER = 1,
    CLASS_NUMBER = 2,
    CLASS_SPACE = 4,
    CLASS_BREAK = 8,     /* \r and \n, which are spaces as well */
    CLASS_CAPITAL = 16,  /* what a word of the gpt4o pattern may begin with: Lu Lt Lm Lo M */
    CLASS_SMALL = 32,    /* and go on with: Ll Lm Lo M */
    CLASS_SLASH = 64,
    CLASS_KNOWN = CLASS_LETTER | CLASS_NUMBER | CLASS_SPACE, /* what lacks all of these is a sign */
};

enum { CLASS_PAGE = 1 << 12, CLASS_PAGES = 0x110000 / CLASS_PAGE };

typedef struct classes classes_t;
struct classes {
    uint8_t *page[CLASS_PAGES]; /* NULL until asked for; the first is always there */
};

classes_t *classes_new(void);
void classes_free(classes_t *c);

/* Fills a page. */
const uint8_t *classes_page(classes_t *c, int32_t page);

static inline uint8_t class_of(classes_t *c, int32_t character)
{
    const int32_t page = character / CLASS_PAGE;
    return (c->page[page] ? c->page[page] : classes_page(c, page))[character % CLASS_PAGE];
}

#endif
