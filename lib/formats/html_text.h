/* The text of a piece of HTML. */
#ifndef SIDMILL_FORMATS_HTML_TEXT_H
#define SIDMILL_FORMATS_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the text of `n` bytes of HTML in UTF-8, without NUL: tags and comments gone, a blank where a block or a line ends,
 * character references undone, nothing of scripts, style sheets and other elements whose content is not read. With
 * `known_only`, tags of elements that HTML does not know are text. By the rules of HTML's tokenizer, but that what starts
 * like a tag is text where no '>' follows or its name is longer than 32 bytes. */
void html_text(const char *s, size_t n, bool known_only, buf_t *out);

/* True if the text holds a complete character reference or a tag of an element that HTML knows: seen in the result of
 * html_text(), that the text was escaped twice. */
bool html_text_left(const char *s, size_t n);

#endif
