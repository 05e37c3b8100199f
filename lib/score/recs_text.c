#include "score/recs_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "formats/cells.h"
#include "formats/columns.h"
#include "formats/source.h"
#include "formats/when.h"

/* What puts a list in order. */
typedef enum {
    BY_PLACE,     /* the lines do */
    LISTED,       /* the line does, with scores that fall */
    BY_RANK,      /* 1, 2, 3 ..., in whatever order they come */
    BY_SCORE,     /* the highest first, ties by `rank` */
    COUNTING,     /* 1, 2, 3 ... line by line */
    FALLING,      /* scores that fall line by line */
    UNDECIDED     /* one of the last two: the first list that is no mere "1" tells */
} order_t;

typedef struct {
    double value;
    int64_t rank;
    int64_t row;         /* of the item's id */
    uint64_t hash;       /* of that id, which lies in the list's text */
    size_t at, len;
} entry_t;

/* A place of a list whose lines stand apart; and how many there are, the first on which line. */
typedef struct {
    double value;
    int64_t rank;
    int32_t user, item;  /* rows of their ids */
} apart_t;

typedef struct {
    int64_t count;
    long long first;
} length_t;

typedef struct reader reader_t;
struct reader {
    recs_t r;
    lines_t *lines;
    const char *values;
    void (*read)(reader_t *t);   /* takes the line at hand */
    order_t order;
    int columns;                 /* of a table */
    int64_t user;                /* whose list is at hand, a row of user_ids; -1: none yet */
    long long first;             /* the list's first line */
    entry_t *list;
    buf_t text;                  /* ids of its items, where they are not looked up yet */
    int64_t count, cap, offsets_cap;
    bool apart;                  /* lines of one user stand apart, or it may be */
    bool gathering;              /* places wait in `gathered`, and `lengths` [users], until all lines are read */
    spool_t gathered;
    length_t *lengths;
    int64_t lengths_cap;
};

_Noreturn static void refuse_line(const reader_t *t, const char *what, cell_t c, const char *expected)
{
    die_at(t->lines->name, t->lines->number, "%s '%.*s', expected %s", what, cell_shown(c), c.s, expected);
}

/* Refuses a list; the first time through a file, where more of it may stand further on, sees to a second. */
static void refuse_list(reader_t *t, const char *why)
{
    if (!t->gathering) {
        t->apart = true;
        return;
    }
    size_t n;
    const char *id = strtab_get(&t->r.user_ids, t->user, &n);
    die_at(t->lines->name, t->first, "user '%.*s': %s", (int)n, id, why);
}

/* --- Lists -------------------------------------------------------------------------------------------------------------- */

static int by_value(const void *pa, const void *pb)
{
    const entry_t *a = pa, *b = pb;
    return a->value != b->value ? (a->value < b->value ? -1 : 1) : (a->rank > b->rank) - (a->rank < b->rank);
}

static int by_score(const void *pa, const void *pb)
{
    const entry_t *a = pa, *b = pb;
    return a->value != b->value ? (a->value > b->value ? -1 : 1) : (a->rank > b->rank) - (a->rank < b->rank);
}

/* Sorts unless that is done. */
static void sort(reader_t *t, int (*order)(const void *, const void *))
{
    for (int64_t i = 1; i < t->count; i++) {
        if (order(&t->list[i - 1], &t->list[i]) <= 0) continue;
        qsort(t->list, (size_t)t->count, sizeof *t->list, order);
        return;
    }
}

static bool is_counting(const reader_t *t)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->list[i].value != (double)(i + 1)) return false;
    return true;
}

static bool is_falling(const reader_t *t)
{
    for (int64_t i = 1; i < t->count; i++)
        if (t->list[i].value > t->list[i - 1].value) return false;
    return true;
}

/* Tells ranks from scores; a list of one place with "1" can be either. */
static void decide(reader_t *t)
{
    const bool counting = is_counting(t), falling = is_falling(t);
    if (counting && falling) return;
    if (t->order == UNDECIDED) t->order = counting ? COUNTING : FALLING;
    if (t->order == COUNTING ? counting : falling) return;
    refuse_list(t, t->order == COUNTING ? "its third column does not count 1, 2, 3 ... as in lists before, expected that or --recs-values"
                                        : "its third column neither counts 1, 2, 3 ... nor falls, expected that or --recs-values");
}

static void put_in_order(reader_t *t)
{
    switch (t->order) {
    case BY_PLACE: return;
    case LISTED:
        if (!is_falling(t)) refuse_list(t, "its scores rise, expected the best first");
        return;
    case BY_SCORE: sort(t, by_score); return;
    case BY_RANK:
        sort(t, by_value);
        if (!is_counting(t)) refuse_list(t, "its ranks are not 1, 2, 3 ... without gaps, each once");
        return;
    case COUNTING:
    case FALLING:
    case UNDECIDED: decide(t); return;
    }
}

/* Finds the rows of the list's items. What is looked at is fetched from memory for all of them before any is waited for. */
static void look_up(reader_t *t)
{
    strtab_t *ids = &t->r.item_ids;
    const entry_t *end = t->list + t->count;
    for (entry_t *e = t->list; e < end; e++) strtab_near(ids, e->hash);
    for (entry_t *e = t->list; e < end; e++) e->row = strtab_guess(ids, e->hash);
    for (entry_t *e = t->list; e < end; e++) strtab_near_row(ids, e->row);
    for (entry_t *e = t->list; e < end; e++) e->row = strtab_find_or_add(ids, t->text.data + e->at, e->len, e->hash);
    if (ids->count > INT32_MAX) die_at(t->lines->name, t->lines->number, "more than 2^31 - 1 items until here");
    buf_clear(&t->text);
}

/* Writes the list at hand, whose items have their rows. */
static void put_list(reader_t *t)
{
    put_in_order(t);
    for (int64_t i = 0; i < t->count; i++) SPOOL_ADD(&t->r.places, int32_t, (int32_t)t->list[i].row);
    if (t->count > t->r.k) t->r.k = t->count;
    GROW(t->r.offsets, t->user + 1, t->offsets_cap);
    t->r.offsets[t->user + 1] = t->r.places.count;
    t->count = 0;
}

static void end_list(reader_t *t)
{
    if (t->user < 0 || t->gathering) return;
    look_up(t);
    put_list(t);
}

/* Makes the list at hand that of the line's user. */
static void take_user(reader_t *t, cell_t user)
{
    size_t n = 0;
    const char *last = t->user < 0 ? NULL : strtab_get(&t->r.user_ids, t->user, &n);
    if (last && n == user.len && !memcmp(last, user.s, n)) return;
    end_list(t);
    if (!user.len) die_at(t->lines->name, t->lines->number, "no user, expected an id");
    t->user = strtab_find_or_add(&t->r.user_ids, user.s, user.len, strtab_hash(user.s, user.len));
    if (t->r.user_ids.count > INT32_MAX) die_at(t->lines->name, t->lines->number, "more than 2^31 - 1 users");
    t->apart |= t->user < t->r.lists;
    if (t->gathering && t->user == t->r.lists) {
        GROW(t->lengths, t->user, t->lengths_cap);
        t->lengths[t->user] = (length_t){0, t->lines->number};
    }
    t->r.lists = t->r.user_ids.count;
}

/* Sets a place aside until all lines are read. */
static void gather(reader_t *t, cell_t item, double value, int64_t rank)
{
    const int64_t row = strtab_find_or_add(&t->r.item_ids, item.s, item.len, strtab_hash(item.s, item.len));
    if (row >= INT32_MAX) die_at(t->lines->name, t->lines->number, "more than 2^31 - 1 items");
    t->lengths[t->user].count++;
    SPOOL_ADD(&t->gathered, apart_t, ((apart_t){value, rank, (int32_t)t->user, (int32_t)row}));
}

static void take_item(reader_t *t, cell_t item, double value, int64_t rank)
{
    if (!item.len) die_at(t->lines->name, t->lines->number, "no item, expected an id");
    if (t->gathering) {
        gather(t, item, value, rank);
        return;
    }
    GROW(t->list, t->count, t->cap);
    t->list[t->count++] = (entry_t){value, rank, -1, strtab_hash(item.s, item.len), t->text.len, item.len};
    buf_add(&t->text, item.s, item.len);
}

/* --- Lists whose lines stand apart -------------------------------------------------------------------------------------- */

enum { PARTITION = 1 << 22 /* places, about, that are brought together at once */ };

/* The places of users [first, end), list behind list in the order of the lines: from where theirs begin, where those of one user stand
 * together in the file of what was gathered, or else from all of it. */
static apart_t *bring_together(const reader_t *t, int64_t first, int64_t end, int64_t begin, int64_t n)
{
    apart_t *places = xreallocarray(NULL, (size_t)n, sizeof *places);
    if (!t->apart) {
        spool_get(&t->gathered, begin, n, places);
        return places;
    }
    int64_t *next = NEW_ARRAY(int64_t, end - first + 1);
    for (int64_t u = first; u < end; u++) next[u - first + 1] = next[u - first] + t->lengths[u].count;
    spool_reader_t in = spool_reader(&t->gathered);
    for (int64_t at = 0, some; at < t->gathered.count; at += some) {
        some = min64(t->gathered.count - at, SPOOL_CHUNK);
        const apart_t *p = spool_next(&in, some);
        for (int64_t i = 0; i < some; i++)
            if (p[i].user >= first && p[i].user < end) places[next[p[i].user - first]++] = p[i];
    }
    spool_reader_free(&in);
    free(next);
    return places;
}

static void put_partition(reader_t *t, int64_t first, int64_t end, const apart_t *places)
{
    for (t->user = first; t->user < end; places += t->lengths[t->user++].count) {
        t->first = t->lengths[t->user].first;
        for (int64_t i = 0; i < t->lengths[t->user].count; i++) {
            GROW(t->list, t->count, t->cap);
            t->list[t->count++] = (entry_t){.value = places[i].value, .rank = places[i].rank, .row = places[i].item};
        }
        put_list(t);
    }
}

static void put_gathered(reader_t *t)
{
    spool_done(&t->gathered);
    for (int64_t first = 0, end, n, begin = 0; first < t->r.lists; first = end, begin += n) {
        for (end = first, n = 0; end < t->r.lists && (end == first || n + t->lengths[end].count <= PARTITION); end++) n += t->lengths[end].count;
        apart_t *places = bring_together(t, first, end, begin, n);
        put_partition(t, first, end, places);
        free(places);
    }
    spool_close(&t->gathered);
    free(t->lengths);
}

/* --- Forms -------------------------------------------------------------------------------------------------------------- */

static double number(const reader_t *t, const char *what, cell_t c)
{
    double v;
    int64_t whole;
    if (c.len < 16 && integer_parse(c.s, c.len, &whole)) return (double)whole;
    if (!decimal_parse(c.s, c.len, &v)) refuse_line(t, what, c, "a number");
    return v;
}

static void read_table(reader_t *t)
{
    cell_t c[3];
    const int n = cells_split(t->lines->line, t->lines->len, '\t', c, 3);
    if (n != t->columns) die_at(t->lines->name, t->lines->number, "%d columns, expected %d as in the first line", n, t->columns);
    take_user(t, c[0]);
    take_item(t, c[1], n == 3 ? number(t, "rank or score", c[2]) : 0, t->lines->number);
}

static void read_trec(reader_t *t)
{
    cell_t c[6];
    int64_t rank;
    const int n = cells_words(t->lines->line, t->lines->len, c, 6);
    if (n != 6) die_at(t->lines->name, t->lines->number, "%d words, expected 6: user Q0 item rank score tag", n);
    if (!integer_parse(c[3].s, c[3].len, &rank)) refuse_line(t, "rank", c[3], "a whole number");
    take_user(t, c[0]);
    take_item(t, c[2], number(t, "score", c[4]), rank);
}

/* Cuts "id:score" at its last colon. */
static double cut_pair(const reader_t *t, cell_t *c)
{
    const char *colon = memrchr(c->s, ':', c->len);
    if (!colon) refuse_line(t, "item", *c, "id:score");
    const cell_t score = {colon + 1, c->len - (size_t)(colon + 1 - c->s)};
    c->len = (size_t)(colon - c->s);
    return number(t, "score", score);
}

static void read_wide(reader_t *t)
{
    const char *at = t->lines->line, *end = at + t->lines->len;
    const int64_t before = t->r.lists;
    cell_t c;
    if (cell_next(&at, end, '\t', &c)) take_user(t, c);
    if (t->r.lists == before) refuse_line(t, "a second list of user", c, "one");
    while (cell_next(&at, end, '\t', &c)) {
        const double score = cut_pair(t, &c);
        take_item(t, c, score, t->count);
    }
}

static bool is(const char *name, const char *other) { return !strcmp(name, other); }

static int role_of(cell_t c)
{
    static const columns_t usual = {.roles = event_roles, .count = EVENT_ROLES};
    int rank;
    return columns_role(&usual, c.s, c.len, &rank);
}

/* Tells whether a table's first line names its columns. */
static bool is_header(const reader_t *t, const cell_t *c)
{
    double v;
    const int user = role_of(c[0]), item = role_of(c[1]);
    if (t->columns == 3 && decimal_parse(c[2].s, c[2].len, &v)) return false;
    if (user == EVENT_ITEM && item == EVENT_USER) die_at(t->lines->name, t->lines->number, "columns item, user; expected user, item");
    return user == EVENT_USER && item == EVENT_ITEM;
}

/* What the third column is called, unless the command line says what it is. */
static order_t order_called(const reader_t *t, cell_t name)
{
    if (t->order != UNDECIDED) return t->order;
    return cell_is(name, "rank") || cell_is(name, "position") ? BY_RANK : cell_is(name, "score") ? BY_SCORE : UNDECIDED;
}

/* Takes a table's first line. Returns true if it is a header. */
static bool begin_table(reader_t *t)
{
    cell_t c[3];
    t->columns = cells_split(t->lines->line, t->lines->len, '\t', c, 3);
    if (t->columns < 2 || t->columns > 3)
        die_at(t->lines->name, t->lines->number, "%d column%s, expected user, item and perhaps a rank or score between tabs", t->columns,
               t->columns == 1 ? "" : "s");
    if (t->columns == 2 && !is(t->values, "auto")) die_at(t->lines->name, t->lines->number, "2 columns, expected a %s as the third", t->values);
    t->order = t->columns == 2 ? BY_PLACE : is(t->values, "rank") ? BY_RANK : is(t->values, "score") ? BY_SCORE : UNDECIDED;
    if (!is_header(t, c)) return false;
    if (t->columns == 3) t->order = order_called(t, c[2]);
    return true;
}

/* The form that the first line has. */
static const char *form_of(const reader_t *t)
{
    cell_t c[3], words[6];
    double v;
    const int n = cells_split(t->lines->line, t->lines->len, '\t', c, 3);
    const bool six = cells_words(t->lines->line, t->lines->len, words, 6) == 6;
    if (six && (n == 1 || (n == 6 && cell_is(words[1], "Q0")))) return "trec";
    if (n == 2 || n == 3) return "tsv";
    const char *colon = n > 3 ? memrchr(c[1].s, ':', c[1].len) : NULL;
    if (colon && decimal_parse(colon + 1, c[1].len - (size_t)(colon + 1 - c[1].s), &v)) return "wide";
    die_at(t->lines->name, t->lines->number, "neither recs/1 nor user, item and rank or score between tabs, nor a line of a TREC run");
}

/* Takes the first line's form; returns true if the line is a header. */
static bool begin(reader_t *t, const char *form)
{
    if (is(form, "auto")) form = form_of(t);
    if (!is(form, "tsv") && !is(t->values, "auto"))
        die(EX_USAGE, "--recs-values goes with tables of three columns, expected none for the form %s", form);
    t->read = is(form, "tsv") ? read_table : is(form, "trec") ? read_trec : read_wide;
    t->order = is(form, "trec") ? BY_SCORE : LISTED;
    return is(form, "tsv") && begin_table(t);
}

static void begin_lists(reader_t *t)
{
    if (t->gathering) t->gathered = spool_open(sizeof(apart_t));
    in_digest(t->lines);
    t->lines->max_line = SOURCE_MAX_LINE;
    t->r.places = spool_open(sizeof(int32_t));
    GROW(t->r.offsets, 0, t->offsets_cap);
    t->r.offsets[0] = 0;
    strtab_index(&t->r.user_ids);
    strtab_index(&t->r.item_ids);
}

static void end_lists(reader_t *t)
{
    if (t->gathering) put_gathered(t);
    if (!t->r.places.count) die_at(t->lines->name, 0, "is empty, expected lists");
    spool_done(&t->r.places);
    t->r.name = xstrdup(t->lines->name);
    t->r.digest = in_digest_hex(t->lines);
}

bool recs_text_read(recs_t *r, lines_t *lines, const char *form, const char *values, bool gathering)
{
    reader_t t = {.lines = lines, .values = values, .user = -1, .gathering = gathering};
    begin_lists(&t);
    while ((gathering || !t.apart) && in_next_text(lines)) {
        if (!utf8_valid(lines->line, lines->len)) die_at(lines->name, lines->number, "not valid UTF-8, expected lists as text or recs/1");
        if (!t.read && begin(&t, form)) continue;
        t.read(&t);
    }
    if (!t.apart) end_list(&t);
    const bool done = gathering || !t.apart;
    if (done) end_lists(&t);
    else recs_free(&t.r);
    *r = t.r;
    free(t.list);
    buf_free(&t.text);
    return done;
}
