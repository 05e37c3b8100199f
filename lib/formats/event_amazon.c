#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/amazon.h"
#include "formats/when.h"

enum { AMAZON_OPENED = 805852800 /* 1995-07-16 */ };
static const int64_t year_2100 = 4102444800;

typedef struct {
    event_source_t base;
    source_lines_t source;
    const amazon_edition_t *edition;
    buf_t json, user, item;   /* of the current line, where its escapes had to be undone */
} reviews_t;

static bool read_number(const char *s, const char *end, double *v)
{
    size_t n = (size_t)(end - s);
    if (n == 3 && s[1] == '.' && s[2] == '0' && s[0] >= '0' && s[0] <= '9') { /* nearly all ratings */
        *v = s[0] - '0';
        return true;
    }
    return decimal_parse(s, n, v);
}

static bool read_time(const char *s, const char *end, int64_t *v)
{
    double d;
    if (integer_parse(s, (size_t)(end - s), v)) return true;
    if (!read_number(s, end, &d) || fabs(d) > 9e15 || d != floor(d)) return false;
    *v = (int64_t)d;
    return true;
}

static bool bad_member(reviews_t *r, const char *what, const json_want_t *m, const char *expected)
{
    if (!m->value) source_bad_line(&r->source, "no \"%s\", expected %s", what, expected);
    else source_bad_line(&r->source, "\"%s\" is not %s", what, expected);
    return false;
}

static bool read_object(reviews_t *r, const char *text, size_t n, event_t *e)
{
    const char *const *name = r->edition->review;
    json_want_t want[REVIEW_FIELDS] = {{.name = name[0]}, {.name = name[1]}, {.name = name[2]}, {.name = name[3]}};
    if (!amazon_pick(&r->source, r->edition, text, n, &r->json, want, REVIEW_FIELDS)) return false;
    const json_want_t *rating = &want[REVIEW_RATING], *when = &want[REVIEW_TIME];
    if (!amazon_id(&want[REVIEW_USER], &r->user, &e->user, &e->user_len))
        return bad_member(r, name[REVIEW_USER], &want[REVIEW_USER], "an id");
    if (!amazon_id(&want[REVIEW_ITEM], &r->item, &e->item, &e->item_len))
        return bad_member(r, name[REVIEW_ITEM], &want[REVIEW_ITEM], "an id");
    if (!rating->value || !read_number(rating->value, rating->value_end, &e->rating))
        return bad_member(r, name[REVIEW_RATING], rating, "a number");
    if (!when->value || !read_time(when->value, when->value_end, &e->time))
        return bad_member(r, name[REVIEW_TIME], when, "a whole number");
    return true;
}

typedef struct {
    const char *s, *end;
} field_t;

static bool is_plain_id(field_t f)
{
    for (const char *p = f.s; p < f.end; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"') return false;
    return f.end > f.s && utf8_valid(f.s, (size_t)(f.end - f.s));
}

/* Cuts a line at its commas into four columns; a fifth, which the splits of 2023 have, is passed over. */
static bool read_columns(reviews_t *r, const char *text, size_t n, event_t *e)
{
    field_t at[REVIEW_FIELDS], f[REVIEW_FIELDS];
    const char *end = text + n;
    int count = 0;
    for (const char *p = text; p && count < REVIEW_FIELDS; count++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        at[count] = (field_t){p, comma ? comma : end};
        p = comma ? comma + 1 : NULL;
    }
    if (count < REVIEW_FIELDS) {
        source_bad_line(&r->source, "neither a JSON object nor four columns with commas between");
        return false;
    }
    for (int i = 0; i < REVIEW_FIELDS; i++) f[i] = at[r->edition->columns[i]];
    *e = (event_t){.user = f[REVIEW_USER].s, .user_len = (size_t)(f[REVIEW_USER].end - f[REVIEW_USER].s),
                   .item = f[REVIEW_ITEM].s, .item_len = (size_t)(f[REVIEW_ITEM].end - f[REVIEW_ITEM].s)};
    bool ok = is_plain_id(f[REVIEW_USER]) && is_plain_id(f[REVIEW_ITEM]) &&
              read_number(f[REVIEW_RATING].s, f[REVIEW_RATING].end, &e->rating) &&
              read_time(f[REVIEW_TIME].s, f[REVIEW_TIME].end, &e->time);
    if (!ok) source_bad_line(&r->source, "columns that are not two ids, a rating and a time");
    return ok;
}

/* Recognises the header that ratings-only files of 2023 have. */
static bool is_header(const reviews_t *r, const char *text, size_t n)
{
    static const char header[] = "user_id,parent_asin,rating,timestamp";
    return r->source.lines.number == 1 && n >= sizeof header - 1 && !memcmp(text, header, sizeof header - 1);
}

static bool is_object(const char *text)
{
    return text[strspn(text, " \t")] == '{';
}

/* Turns ticks into seconds, rounded down, also before 1970. */
static int64_t seconds(int64_t time, int64_t ticks)
{
    return time / ticks - (time % ticks < 0);
}

static bool is_absurd(reviews_t *r, const event_t *e)
{
    const char *reason = NULL;
    if (e->time < AMAZON_OPENED || e->time >= year_2100) reason = "absurd_times";
    else if (e->rating < 1 || e->rating > 5) reason = "absurd_ratings";
    if (reason) tally_add(&r->base.tally, reason, 1);
    return reason;
}

static bool next(event_source_t *base, event_t *e)
{
    reviews_t *r = (reviews_t *)base;
    const lines_t *l = &r->source.lines;
    while (in_next_text(&r->source.lines)) {
        if (is_header(r, l->line, l->len)) continue;
        *e = (event_t){0};
        if (!(is_object(l->line) ? read_object(r, l->line, l->len, e) : read_columns(r, l->line, l->len, e))) continue;
        e->time = seconds(e->time, r->edition->ticks);
        if (!is_absurd(r, e)) return true;
    }
    return false;
}

static char *digest(const event_source_t *s) { return in_digest_hex(&((const reviews_t *)s)->source.lines); }

static void close_source(event_source_t *s)
{
    reviews_t *r = (reviews_t *)s;
    source_close(&r->source);
    buf_free(&r->json);
    buf_free(&r->user);
    buf_free(&r->item);
    free(r);
}

static event_source_t *open_reviews(const source_options_t *o, const amazon_edition_t *edition)
{
    reviews_t *r = NEW(reviews_t);
    r->base = (event_source_t){.next = next, .digest = digest, .close = close_source};
    r->edition = edition;
    r->source = source_open(o, &r->base.tally);
    return &r->base;
}

event_source_t *event_source_amazon2014(const source_options_t *o) { return open_reviews(o, &amazon2014); }
event_source_t *event_source_amazon2018(const source_options_t *o) { return open_reviews(o, &amazon2018); }
event_source_t *event_source_amazon2023(const source_options_t *o) { return open_reviews(o, &amazon2023); }
