/* Gumbo knows the names of elements and of character references. Its parser is not used on whole texts: on misnested tables
 * an assertion fails in it, a few kilobytes of misnested tags make it build trees of gigabytes, and of the tree nothing is
 * needed. Tags are found by the rules of HTML's tokenizer instead. */
#include "formats/html_text.h"

#include <ctype.h>
#include <gumbo.h>
#include <string.h>
#include <strings.h>

enum { MAX_NAME = 32, MAX_TAG = 2048 };

typedef struct {
    const char *p, *end;
    const char *last;     /* the last '>' of the text */
    bool known_only;
    buf_t *out;
} scan_t;

static bool is_letter(char c) { return isalpha((unsigned char)c); }
static bool is_alnum(char c) { return isalnum((unsigned char)c); }

/* --- Character references ---------------------------------------------------------------------------------------------- */

/* Measures the reference at s ('&'), its semicolon included if it has one; 0 if there is none. */
static size_t reference_length(const char *s, const char *end)
{
    const char *p = s + 1;
    if (p < end && *p == '#') p++;
    const char *name = p;
    while (p < end && p - name < MAX_NAME && is_alnum(*p)) p++;
    if (p == name) return 0;
    return (size_t)(p - s) + (p < end && *p == ';');
}

static bool is_text(const GumboNode *node) { return node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE; }

/* Asks Gumbo what stands for the reference: it knows all rules of HTML, such as numbers of Windows-1252 and names without
 * semicolon. */
static void add_reference(const char *s, size_t n, buf_t *out)
{
    GumboOptions options = kGumboDefaultOptions;
    options.max_errors = 0;
    options.fragment_context = GUMBO_TAG_BODY;
    GumboOutput *tree = gumbo_parse_with_options(&options, s, n);
    const GumboVector *nodes = &tree->root->v.element.children;
    for (unsigned i = 0; i < nodes->length; i++) {
        const GumboNode *node = nodes->data[i];
        if (is_text(node)) buf_puts(out, node->v.text.text);
    }
    gumbo_destroy_output(&options, tree);
}

static void take_reference(scan_t *s)
{
    static const struct { const char *name, *text; } frequent[] = {
        {"&amp;", "&"}, {"&quot;", "\""}, {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", "\xc2\xa0"}, {"&#39;", "'"}, {"&#x27;", "'"}};
    size_t n = reference_length(s->p, s->end);
    const char *at = s->p;
    s->p += n ? n : 1;
    if (!n) {
        buf_puts(s->out, "&");
        return;
    }
    for (size_t i = 0; i < sizeof frequent / sizeof *frequent; i++)
        if (strlen(frequent[i].name) == n && !memcmp(frequent[i].name, at, n)) {
            buf_puts(s->out, frequent[i].text);
            return;
        }
    add_reference(at, n, s->out);
}

/* --- Tags --------------------------------------------------------------------------------------------------------------- */

typedef struct {
    char name[MAX_NAME + 1];
    GumboTag tag;
    bool closing;
    const char *end;           /* behind its '>' */
} tag_t;

/* Finds the '>' that ends a tag whose name ends at p: the first outside quotes or, if quotes leave none in reach, the first. */
static const char *tag_end(const char *p, const char *end)
{
    const char *limit = end - p > MAX_TAG ? p + MAX_TAG : end;
    for (const char *q = p; q < limit; q++) {
        if (*q == '>') return q;
        bool value = (*q == '"' || *q == '\'') && (q[-1] == '=' || isspace((unsigned char)q[-1]));
        const char *close = value ? memchr(q + 1, *q, (size_t)(limit - q - 1)) : q;
        if (!close) break;
        q = close;
    }
    return memchr(p, '>', (size_t)(end - p));
}

/* Reads the tag at s->p ('<'); false if there is none. */
static bool find_tag(const scan_t *s, tag_t *t)
{
    const char *p = s->p + 1;
    t->closing = p < s->end && *p == '/';
    if (t->closing) p++;
    if (p >= s->last || !is_letter(*p)) return false;
    size_t n = 0;
    for (; p < s->end && !isspace((unsigned char)*p) && *p != '/' && *p != '>'; p++) {
        if (n == MAX_NAME) return false;
        t->name[n++] = *p;
    }
    t->name[n] = '\0';
    t->tag = gumbo_tag_enum(t->name);
    if (s->known_only && t->tag == GUMBO_TAG_UNKNOWN) return false;
    const char *close = tag_end(p, s->end);
    t->end = close ? close + 1 : NULL;
    return close;
}

static bool is_one_of(GumboTag tag, const GumboTag *tags, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tags[i] == tag) return true;
    return false;
}

#define ONE_OF(tag, tags) is_one_of(tag, tags, sizeof(tags) / sizeof *(tags))

/* Elements whose content is not read. */
static bool is_hidden(GumboTag tag)
{
    static const GumboTag hidden[] = {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_TITLE, GUMBO_TAG_TEMPLATE,
                                      GUMBO_TAG_NOSCRIPT, GUMBO_TAG_IFRAME, GUMBO_TAG_NOFRAMES, GUMBO_TAG_NOEMBED,
                                      GUMBO_TAG_OBJECT, GUMBO_TAG_SVG, GUMBO_TAG_MATH, GUMBO_TAG_SELECT};
    return ONE_OF(tag, hidden);
}

/* Elements that stand within a line: their tags do not part words. */
static bool is_inline(GumboTag tag)
{
    static const GumboTag line[] = {
        GUMBO_TAG_A, GUMBO_TAG_ABBR, GUMBO_TAG_ACRONYM, GUMBO_TAG_B, GUMBO_TAG_BDI, GUMBO_TAG_BDO, GUMBO_TAG_BIG,
        GUMBO_TAG_CITE, GUMBO_TAG_CODE, GUMBO_TAG_DEL, GUMBO_TAG_DFN, GUMBO_TAG_EM, GUMBO_TAG_FONT, GUMBO_TAG_I,
        GUMBO_TAG_INS, GUMBO_TAG_KBD, GUMBO_TAG_LABEL, GUMBO_TAG_MARK, GUMBO_TAG_NOBR, GUMBO_TAG_Q, GUMBO_TAG_S,
        GUMBO_TAG_SAMP, GUMBO_TAG_SMALL, GUMBO_TAG_SPAN, GUMBO_TAG_STRIKE, GUMBO_TAG_STRONG, GUMBO_TAG_SUB, GUMBO_TAG_SUP,
        GUMBO_TAG_TIME, GUMBO_TAG_TT, GUMBO_TAG_U, GUMBO_TAG_VAR, GUMBO_TAG_WBR, GUMBO_TAG_UNKNOWN};
    return ONE_OF(tag, line);
}

/* Finds the place behind the end tag of the element of that name, or the text's end. */
static const char *skip_element(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);
    while ((p = memchr(p, '<', (size_t)(end - p)))) {
        p++;
        if ((size_t)(end - p) < n + 2 || *p != '/' || strncasecmp(p + 1, name, n) != 0 || is_alnum(p[n + 1])) continue;
        const char *close = memchr(p, '>', (size_t)(end - p));
        return close ? close + 1 : end;
    }
    return end;
}

static void take_tag(scan_t *s, const tag_t *t)
{
    s->p = t->end;
    if (!is_inline(t->tag)) buf_puts(s->out, " ");
    if (!t->closing && is_hidden(t->tag)) s->p = skip_element(s->p, s->end, t->name);
}

/* Skips a comment, a doctype or the like at s->p, known by its first bytes; false if there is none. */
static bool take_comment(scan_t *s)
{
    const char *p = s->p + 1, *close;
    if (p >= s->last || (*p != '!' && *p != '?')) return false;
    if (s->end - p >= 3 && !memcmp(p, "!--", 3)) {
        close = memmem(p + 3, (size_t)(s->end - p - 3), "-->", 3);
        s->p = close ? close + 3 : s->end;
    } else {
        close = memchr(p, '>', (size_t)(s->end - p));
        s->p = close ? close + 1 : s->end;
    }
    return true;
}

static void take_less_than(scan_t *s)
{
    tag_t t;
    if (find_tag(s, &t)) {
        take_tag(s, &t);
    } else if (!take_comment(s)) {
        buf_puts(s->out, "<");
        s->p++;
    }
}

void html_text(const char *text, size_t n, bool known_only, buf_t *out)
{
    if (!n) return;
    scan_t s = {.p = text, .end = text + n, .last = memrchr(text, '>', n), .known_only = known_only, .out = out};
    if (!s.last) s.last = text;
    while (s.p < s.end) {
        const char *plain = s.p;
        while (s.p < s.end && *s.p != '<' && *s.p != '&') s.p++;
        buf_add(out, plain, (size_t)(s.p - plain));
        if (s.p == s.end) break;
        if (*s.p == '&') take_reference(&s);
        else take_less_than(&s);
    }
}

bool html_text_left(const char *text, size_t n)
{
    if (!n) return false;
    scan_t s = {.p = text, .end = text + n, .last = memrchr(text, '>', n), .known_only = true};
    if (!s.last) s.last = text;
    for (tag_t t; s.p < s.end; s.p++) {
        if (*s.p == '<' && find_tag(&s, &t)) return true;
        size_t length = *s.p == '&' ? reference_length(s.p, s.end) : 0;
        if (length && s.p[length - 1] == ';') return true;
    }
    return false;
}
