/* Text as sellers' systems left it, made readable: mark-up, entities, broken characters and scripts. */
#ifndef SIDMILL_FORMATS_CLEAN_TEXT_H
#define SIDMILL_FORMATS_CLEAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "formats/tally.h"

/* Bytes: what is looked at of a raw text, and how long a cleaned text may be. */
enum { CLEAN_RAW = 64 << 10, CLEAN_TITLE = 1024, CLEAN_NAME = 256, CLEAN_DESCRIPTION = 8192 };

/* Buffers that are used again, and where mended things are counted: "markup_removed", "characters_mended", "texts_cut" and
 * "script_texts", each once for a text. Start with zeroes but for the tally. */
typedef struct {
    tally_t *tally;
    buf_t work, html, text;
} clean_text_t;

/* Appends the text `s`, cleaned: malformed UTF-8 and control characters become blanks, characters of Windows-1252 in the place of
 * controls and UTF-8 that was read as Latin-1 are read again, tags are removed and character references undone (twice or thrice
 * where the text was escaped so often), invisible characters go, the rest is normalised to NFC, white space folded to single
 * blanks, and the whole cut to `limit` bytes, between words where it can be. Returns false, adding nothing, if nothing is left. */
bool clean_text(clean_text_t *c, const char *s, size_t n, size_t limit, buf_t *out);

/* The same for names and titles, which are dropped where they are not text but a piece of a page's script or style sheet, or a
 * whole page. */
bool clean_name(clean_text_t *c, const char *s, size_t n, size_t limit, buf_t *out);

/* True for text that is a piece of JavaScript or CSS: it shows two of their marks, such as "var x =", "function (",
 * ".getTime()", "window.x", a block of declarations. Text that speaks of JavaScript shows none or one. */
bool is_script(const char *s, size_t n);

void cleaner_free(clean_text_t *c);

#endif
