#define PCRE2_CODE_UNIT_WIDTH 8
#include "bpe/classes.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/err.h"
#include "base/mem.h"
#include "bpe/pattern.h"

static const struct {
    uint8_t bit;
    const char *run;
} kinds[] = {
    {CLASS_LETTER, "\\p{L}+"},    {CLASS_NUMBER, "\\p{N}+"},
    {CLASS_SPACE, "\\s+"},        {CLASS_BREAK, "[\\r\\n]+"},
    {CLASS_SLASH, "/+"},          {CLASS_CAPITAL, "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"},
    {CLASS_SMALL, "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"},
};

/* The characters of a page, as a text, and which one of them every byte belongs to. */
typedef struct {
    utf8proc_uint8_t text[4 * CLASS_PAGE];
    uint16_t at[4 * CLASS_PAGE];
    size_t length;
} page_text_t;

static void spell_page(page_text_t *t, int32_t page)
{
    t->length = 0;
    for (int32_t i = 0; i < CLASS_PAGE; i++) {
        const int32_t c = page * CLASS_PAGE + i;
        const size_t from = t->length;
        if (c < 0xd800 || c > 0xdfff) t->length += (size_t)utf8proc_encode_char(c, t->text + from);
        for (size_t b = from; b < t->length; b++) t->at[b] = (uint16_t)i;
    }
}

/* Sets a bit for the characters that the pattern takes. */
static void mark(const page_text_t *t, const char *run, uint8_t bit, uint8_t *page)
{
    pattern_t p;
    char *why = pattern_compile(&p, run, strlen(run), false);
    if (why) die(EX_SOFTWARE, "%s: %s", run, why);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match) die(EX_OSERR, "out of memory");
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match);
    for (size_t from = 0; pcre2_match(p.code, t->text, t->length, from, PCRE2_NO_UTF_CHECK, match, NULL) >= 0; from = span[1])
        for (size_t b = span[0]; b < span[1]; b++) page[t->at[b]] |= bit;
    pcre2_match_data_free(match);
    pattern_free(&p);
}

const uint8_t *classes_page(classes_t *c, int32_t page)
{
    page_text_t *t = NEW(page_text_t);
    c->page[page] = NEW_ARRAY(uint8_t, CLASS_PAGE);
    spell_page(t, page);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) mark(t, kinds[k].run, kinds[k].bit, c->page[page]);
    free(t);
    return c->page[page];
}

classes_t *classes_new(void)
{
    classes_t *c = NEW(classes_t);
    classes_page(c, 0);
    return c;
}

void classes_free(classes_t *c)
{
    for (int32_t i = 0; c && i < CLASS_PAGES; i++) free(c->page[i]);
    free(c);
}
