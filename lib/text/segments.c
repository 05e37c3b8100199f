#include "text/segments.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>

#include "base/err.h"
#include "base/mem.h"

enum { RUN = 1 << 12 };   /* code points that are looked at together */

struct segmenter {
    UBreakIterator *breaks;
    UChar text[2 * RUN];
    int32_t ends[2 * RUN + 1];   /* by position in `text`: the code points before it */
};

static segmenter_t *segmenter_new(void)
{
    segmenter_t *s = NEW(segmenter_t);
    UErrorCode status = U_ZERO_ERROR;
    s->breaks = ubrk_open(UBRK_WORD, "", NULL, 0, &status);
    if (U_FAILURE(status)) die(EX_SOFTWARE, "no rules for words: %s", u_errorName(status));
    return s;
}

void segmenter_free(segmenter_t *s)
{
    if (s) ubrk_close(s->breaks);
    free(s);
}

/* Tells how many of the signs from word `first` on stand next to each other. */
static int64_t run_length(const tokens_t *t, int64_t first)
{
    int64_t n = 0;
    int32_t length = 0;
    for (int64_t i = first; i < t->count && t->words[i].solitary; i++, n++) {
        const tokens_word_t *w = &t->words[i], *before = w - 1;
        length += w->length;
        if (length > RUN || (n && (!w->follows || w->start != before->start + before->length))) break;
    }
    return n;
}

/* Gives the breaks the text of `n` code points, spelled as dictionaries do. */
static void set_text(segmenter_t *s, const int32_t *cp, int32_t n)
{
    int32_t length = 0;
    UErrorCode status = U_ZERO_ERROR;
    for (int32_t i = 0; i < n; i++) {
        const int32_t at = length, am = tokens_vowel_am(cp + i, n - i);
        U16_APPEND_UNSAFE(s->text, length, am ? am : cp[i]);
        s->ends[at] = i;
        if (length == at + 2) s->ends[at + 1] = i; /* nothing breaks within one */
        i += am > 0;
    }
    s->ends[length] = n;
    ubrk_setText(s->breaks, s->text, length, &status);
    if (U_FAILURE(status)) die(EX_SOFTWARE, "text cannot be cut into words: %s", u_errorName(status));
}

/* Joins `n` signs from word `first` on, which go to words from `to` on; returns how many words they are. */
static int64_t join_run(segmenter_t *s, tokens_t *t, int64_t first, int64_t n, int64_t to)
{
    const int64_t start = t->words[first].start;
    const tokens_word_t *last = &t->words[first + n - 1];
    set_text(s, t->cp + start, (int32_t)(last->start + last->length - start));
    int64_t words = 0, sign = first;
    for (int32_t at = ubrk_next(s->breaks); at != UBRK_DONE; at = ubrk_next(s->breaks)) {
        tokens_word_t word = t->words[sign];
        const int64_t end = start + s->ends[at], begin = sign;
        while (sign < first + n && t->words[sign].start < end) sign++;
        if (sign == begin) continue; /* a break between a sign and its marks */
        const tokens_word_t *closing = &t->words[sign - 1];
        const int64_t length = closing->start + closing->length - word.start;
        word.length = (int32_t)(length < WORD_MAX ? length : WORD_MAX);
        word.solitary = sign == begin + 1;
        t->words[to + words++] = word;
    }
    return words;
}

void segments_join(segmenter_t **s, tokens_t *t)
{
    int64_t to = 0;
    for (int64_t i = 0, n; i < t->count; i += n) {
        n = run_length(t, i);
        if (n > 1) {
            if (!*s) *s = segmenter_new();
            to += join_run(*s, t, i, n, to);
        } else {
            n = 1;
            t->words[to++] = t->words[i];
        }
    }
    t->count = to;
}
