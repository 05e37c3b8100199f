#include "formats/clean_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/err.h"
#include "base/in.h"
#include "base/run.h"
#include "formats/html_text.h"

enum { ROUNDS = 3 };

static bool is_blank(char c) { return c == ' '; }

/* Tells what would come out as it is, and need not go the long way: printable ASCII, single blanks within, no mark-up. */
static bool is_clean(const char *s, size_t n, size_t limit)
{
    if (!n || n > limit || is_blank(s[0]) || is_blank(s[n - 1])) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x7f || c == '<' || c == '&' || (is_blank(s[i]) && is_blank(s[i + 1]))) return false;
    }
    return true;
}

static bool is_ascii(const char *s, size_t n)
{
    unsigned char high = 0;
    for (size_t i = 0; i < n; i++) high |= (unsigned char)s[i];
    return high < 0x80;
}

static void add_character(buf_t *out, utf8proc_int32_t c)
{
    utf8proc_uint8_t b[4];
    buf_add(out, b, (size_t)utf8proc_encode_char(c, b));
}

/* Reads the character at s and its length; -1 for a byte that starts none. */
static inline utf8proc_int32_t character_at(const char *s, size_t n, size_t *length)
{
    *length = 1;
    if ((unsigned char)*s < 0x80) return *s;
    utf8proc_int32_t c;
    utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)(n > 4 ? 4 : n), &c);
    if (k <= 0) return -1;
    *length = (size_t)k;
    return c;
}

/* --- Broken characters -------------------------------------------------------------------------------------------------- */

/* Moves the rest of `text` behind `work`, and swaps the two. */
static void finish(buf_t *text, buf_t *work, size_t done)
{
    buf_add(work, text->data + done, text->len - done);
    buf_t swap = *text;
    *text = *work;
    *work = swap;
}

/* Looks for an accented capital of Latin-1 before one of its signs: every character of such a mishap starts so. */
static bool is_latin1_suspect(const char *s, size_t n)
{
    for (const char *p = s; (p = memchr(p, 0xc3, (size_t)(s + n - p))); p++)
        if (s + n - p >= 4 && (unsigned char)p[2] == 0xc2) return true;
    return false;
}

/* Replaces `text` by its characters taken as bytes if all are below U+0100 and those bytes are UTF-8 that is not ASCII. */
static bool undo_latin1(buf_t *text, buf_t *bytes)
{
    if (!is_latin1_suspect(text->data, text->len)) return false;
    buf_clear(bytes);
    for (size_t i = 0, k; i < text->len; i += k) {
        utf8proc_int32_t c = character_at(text->data + i, text->len - i, &k);
        if (c < 0 || c > 0xff) return false;
        buf_add(bytes, &(char){(char)c}, 1);
    }
    if (!bytes->len || is_ascii(bytes->data, bytes->len) || !utf8_valid(bytes->data, bytes->len)) return false;
    buf_clear(text);
    buf_add(text, bytes->data, bytes->len);
    return true;
}

/* What Windows-1252 has in the place of the control characters U+0080 to U+009F; 0: nothing. */
static utf8proc_int32_t windows_character(utf8proc_int32_t c)
{
    static const unsigned short characters[32] = {
        0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
        0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};
    return characters[c - 0x80];
}

static bool is_fine(utf8proc_int32_t c)
{
    if (c >= 0x20) return c < 0x7f || (c > 0x9f && c != 0xfffd);
    return c == '\t' || c == '\n' || c == '\r';
}

/* Replaces `text` by well-formed UTF-8 without control characters but line breaks and tabs; true if that changed it. */
static bool mend_characters(buf_t *text, buf_t *work)
{
    bool mended = undo_latin1(text, work);
    size_t done = 0;
    buf_clear(work);
    for (size_t i = 0, k; (i += run_ascii(text->data + i, text->len - i)) < text->len; i += k) {
        utf8proc_int32_t c = character_at(text->data + i, text->len - i, &k);
        if (is_fine(c)) continue;
        mended = true;
        utf8proc_int32_t better = c >= 0x80 && c <= 0x9f ? windows_character(c) : 0;
        buf_add(work, text->data + done, i - done);
        add_character(work, better ? better : ' ');
        done = i + k;
    }
    if (done) finish(text, work, done);
    return mended;
}

/* --- Mark-up ------------------------------------------------------------------------------------------------------------ */

static bool remove_markup(buf_t *text, buf_t *html)
{
    bool removed = false;
    for (int round = 0; round < ROUNDS && text->len; round++) {
        if (!memchr(text->data, '<', text->len) && !memchr(text->data, '&', text->len)) break;
        if (round && !html_text_left(text->data, text->len)) break;
        buf_clear(html);
        html_text(text->data, text->len, round > 0, html);
        removed |= html->len != text->len || memcmp(html->data, text->data, text->len) != 0;
        buf_t swap = *text;
        *text = *html;
        *html = swap;
    }
    return removed;
}

/* --- Blanks, normal form, length ---------------------------------------------------------------------------------------- */

/* Characters without a shape that only disturb comparison: soft hyphen, zero-width space, marks of direction and order,
 * controls that came as references. The joiners U+200C and U+200D stay: scripts and emoji need them. */
static bool is_invisible(utf8proc_int32_t c)
{
    return (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static bool is_space(utf8proc_int32_t c)
{
    if (c < 0x80) return c <= 0x20;
    utf8proc_category_t category = utf8proc_category(c);
    return c == 0x85 || c == 0xfffd || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* Replaces `text` by itself with single blanks, none at its ends, without invisible characters. */
static void fold_blanks(buf_t *text, buf_t *work)
{
    size_t done = 0;      /* bytes before it are in `work`; those from it on are waiting */
    size_t careful = 0;   /* bytes before it are looked at one by one */
    bool gap = true;      /* a blank, or the start, is before the character at i */
    buf_clear(work);
    for (size_t i = 0, k; i < text->len; i += k) {
        if (i >= careful) {
            i += run_tidy(text->data + i, text->len - i, &gap);
            careful = i + 8;
            if (i == text->len) break;
        }
        k = 1;
        char byte = text->data[i];
        if ((byte > ' ' && byte < 0x7f) || (byte == ' ' && !gap)) {
            gap = byte == ' ';
            continue;
        }
        utf8proc_int32_t c = character_at(text->data + i, text->len - i, &k);
        bool space = is_space(c);
        if (!space && !is_invisible(c)) {
            gap = false;
            continue;
        }
        buf_add(work, text->data + done, i - done);
        if (space && !gap) buf_puts(work, " ");
        gap |= space;
        done = i + k;
    }
    if (done) finish(text, work, done);
    while (text->len && is_blank(text->data[text->len - 1])) text->data[--text->len] = '\0';
}

/* Tells characters that NFC leaves alone wherever only such stand: those without combining marks, and punctuation. */
static bool is_inert(utf8proc_int32_t c) { return c < 0x300 || (c >= 0x2010 && c <= 0x205e) || c == 0x2122; }

static void normalise(buf_t *text)
{
    bool inert = true;
    for (size_t i = 0, k; inert && (i += run_ascii(text->data + i, text->len - i)) < text->len; i += k)
        inert = is_inert(character_at(text->data + i, text->len - i, &k));
    if (inert) return;
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text->data, (utf8proc_ssize_t)text->len, &composed,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n < 0) die(EX_OSERR, "cannot normalise a text: %s", utf8proc_errmsg(n));
    buf_clear(text);
    buf_add(text, composed, (size_t)n);
    free(composed);
}

/* Finds the length to which the text is cut: at most `limit`, before a word that would be cut if it starts near there, else
 * between characters. */
static size_t cut_length(const char *s, size_t n, size_t limit)
{
    enum { NEAR = 64 };
    if (n <= limit) return n;
    n = limit;
    const char *blank = n > NEAR ? memrchr(s + n - NEAR, ' ', NEAR + 1) : NULL;
    if (blank) n = (size_t)(blank - s);
    while (n && ((unsigned char)s[n] & 0xc0) == 0x80) n--;
    while (n && is_blank(s[n - 1])) n--;
    return n;
}

/* --- The whole ------------------------------------------------------------------------------------------------------------ */

/* The cleaned text of any length, in c->text. */
static void clean(clean_text_t *c, const char *s, size_t n)
{
    if (n > CLEAN_RAW) {
        n = cut_length(s, n, CLEAN_RAW);
        tally_add(c->tally, "texts_cut", 1);
    }
    buf_clear(&c->text);
    buf_add(&c->text, s, n);
    if (mend_characters(&c->text, &c->work)) tally_add(c->tally, "characters_mended", 1);
    if (remove_markup(&c->text, &c->html)) tally_add(c->tally, "markup_removed", 1);
    fold_blanks(&c->text, &c->work);
    normalise(&c->text);
}

static bool add_cut(clean_text_t *c, size_t limit, buf_t *out)
{
    size_t n = cut_length(c->text.data, c->text.len, limit);
    if (n < c->text.len) tally_add(c->tally, "texts_cut", 1);
    buf_add(out, c->text.data, n);
    return n;
}

bool clean_text(clean_text_t *c, const char *s, size_t n, size_t limit, buf_t *out)
{
    if (is_clean(s, n, limit)) {
        buf_add(out, s, n);
        return true;
    }
    clean(c, s, n);
    return add_cut(c, limit, out);
}

/* Recognises a whole page: it starts with, or holds, what only pages have. */
static bool is_page(const char *s, size_t n)
{
    static const char *const marks[] = {"<!doctype", "<html", "<body", "<head"};
    for (const char *p = s; (p = memchr(p, '<', (size_t)(s + n - p))); p++)
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            size_t length = strlen(marks[i]), left = (size_t)(s + n - p);
            if (left > length && !strncasecmp(p, marks[i], length) && strchr(" >\t\r\n", p[length])) return true;
        }
    return false;
}

bool clean_name(clean_text_t *c, const char *s, size_t n, size_t limit, buf_t *out)
{
    if (n > CLEAN_RAW) n = cut_length(s, n, CLEAN_RAW);
    if (is_page(s, n) || is_script(s, n)) {
        tally_add(c->tally, "script_texts", 1);
        return false;
    }
    return clean_text(c, s, n, limit, out);
}

void cleaner_free(clean_text_t *c)
{
    buf_free(&c->work);
    buf_free(&c->html);
    buf_free(&c->text);
}
