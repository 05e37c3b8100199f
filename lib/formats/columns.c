#include "formats/columns.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define USUAL(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The names that can only be those of lists. */
#define ITEM_LISTS "itemidlist", "itemlist", "itemseq", "itemsequence", "previtems", "historyitems"

#define ITEM_IDS "item", "itemid", "iid", "product", "productid", "movieid", "parentasin", "asin", "sku"

const columns_role_t event_roles[EVENT_ROLES] = {
    [EVENT_USER] = {"user", USUAL("user", "userid", "uid", "customer", "customerid", "reviewer", "reviewerid", "visitor",
                                  "visitorid", "session", "sessionid"), true, false, EVENT_ITEMS},
    [EVENT_ITEM] = {"item", USUAL(ITEM_IDS, "nextitem", "targetitem"), true, false, EVENT_ITEMS},
    [EVENT_TIME] = {"time", USUAL("timestamp", "time", "unixtime", "unixreviewtime", "ts", "datetime", "date", "order"),
                    false, false, 0},
    [EVENT_RATING] = {"rating", USUAL("rating", "overall", "score", "stars"), false, false, 0},
    [EVENT_ITEMS] = {"items", USUAL(ITEM_LISTS, "items", "history"), false, true, 0},
};

const columns_role_t record_roles[RECORD_ROLES] = {
    [RECORD_ID] = {"id", USUAL("id", ITEM_IDS), true, false, 0},
    [RECORD_TITLE] = {"title", USUAL("title", "name", "itemname", "productname", "producttitle", "movietitle"), false, false, 0},
    [RECORD_DESCRIPTION] = {"description", USUAL("description", "itemdescription", "productdescription", "overview"),
                            false, false, 0},
    [RECORD_CATEGORIES] = {"categories", USUAL("categories", "category", "genres", "genre", "class"), false, true, 0},
    [RECORD_BRAND] = {"brand", USUAL("brand", "manufacturer", "maker"), false, false, 0},
    [RECORD_PRICE] = {"price", USUAL("price"), false, false, 0},
    [RECORD_IMAGE] = {"image", USUAL("image", "imagepath", "imagefile"), false, false, 0},
    [RECORD_IMAGE_URL] = {"image_url", USUAL("imageurl", "imurl", "imgurl"), false, false, 0},
    [RECORD_IMAGE_LABELS] = {"image_labels", USUAL("imagelabels"), false, true, 0},
};

static int find_role(const columns_t *c, const char *name, size_t n)
{
    for (int r = 0; r < c->count; r++)
        if (strlen(c->roles[r].name) == n && !memcmp(c->roles[r].name, name, n)) return r;
    return -1;
}

static _Noreturn void unknown_role(const columns_t *c, const char *option, const char *name, size_t n)
{
    buf_t all = {0};
    for (int r = 0; r < c->count; r++) buf_printf(&all, "%s%s", r ? ", " : "", c->roles[r].name);
    die(EX_USAGE, "%s: \"%.*s\", expected NAME=COLUMN with one of the names %s", option, (int)n, name, all.data);
}

columns_t columns_parse(const columns_role_t *roles, int count, const char *spec, const char *option)
{
    columns_t c = {.roles = roles, .count = count};
    int numbered = 0, given = 0;
    for (const char *at = spec; at && *at; given++) {
        size_t len = strcspn(at, ","), name = strcspn(at, "=");
        int r = name < len ? find_role(&c, at, name) : -1;
        if (r < 0 || name + 1 == len) unknown_role(&c, option, at, len);
        if (c.given[r]) die(EX_USAGE, "%s: %s is there twice, expected once", option, roles[r].name);
        c.given[r] = xstrndup(at + name + 1, len - name - 1);
        numbered += c.given[r][0] == '#' && c.given[r][1 + strspn(c.given[r] + 1, "0123456789")] == '\0';
        at += len + (at[len] == ',');
    }
    c.numbered = numbered > 0;
    if (c.numbered && numbered < given)
        die(EX_USAGE, "%s: some columns by number and some by name, expected one or the other", option);
    for (int r = 0; c.numbered && r < count; r++)
        if (roles[r].required && !c.given[r] && !(roles[r].unless && c.given[roles[r].unless]))
            die(EX_USAGE, "%s: no %s, expected its number as the others'", option, roles[r].name);
    return c;
}

/* Compares a name with a usual one, but for case and separators. */
static bool is_usual(const char *name, size_t n, const char *usual)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr(" _-", name[i])) continue;
        if (tolower((unsigned char)name[i]) != *usual) return false;
        usual++;
    }
    return !*usual;
}

bool columns_is_order(const char *name, size_t n) { return !memchr(name, '\0', n) && is_usual(name, n, "order"); }

int columns_role(const columns_t *c, const char *name, size_t n, int *rank)
{
    *rank = 0;
    if (memchr(name, '\0', n)) return -1;
    for (int r = 0; r < c->count; r++)
        if (c->given[r] && strlen(c->given[r]) == n && !memcmp(c->given[r], name, n)) return r;
    for (int r = 0; r < c->count; r++)
        for (*rank = 0; !c->given[r] && c->roles[r].usual[*rank]; ++*rank)
            if (is_usual(name, n, c->roles[r].usual[*rank])) return r;
    return -1;
}

char *columns_missing_why(const columns_t *c, int role, const strtab_t *header)
{
    enum { SHOWN = 1000 };
    buf_t there = {0};
    for (int64_t i = 0; i < header->count && there.len < SHOWN; i++) {
        size_t n;
        const char *name = strtab_get(header, i, &n);
        buf_printf(&there, "%s\"%.*s\"", i ? ", " : "", (int)n, name);
    }
    if (there.len >= SHOWN) buf_puts(&there, ", ...");
    const char *name = c->roles[role].name, *names = there.data ? there.data : "none";
    char *why = c->given[role]
        ? xasprintf("no column \"%s\" for the %s, expected one of %s", c->given[role], name, names)
        : xasprintf("no column for the %s, expected one with a usual name, or named by option, among %s", name, names);
    buf_free(&there);
    return why;
}

_Noreturn void columns_missing(const columns_t *c, int role, const strtab_t *header, const char *file, long long line)
{
    die_at(file, line, "%s", columns_missing_why(c, role, header));
}

/* A role without a column that must have one, or -1. */
static int first_missing(const columns_t *c, const int found[])
{
    for (int r = 0; r < c->count; r++) {
        const int unless = c->roles[r].unless;
        const bool needed = c->given[r] || (c->roles[r].required && !(unless && found[unless] >= 0));
        if (found[r] < 0 && needed) return r;
    }
    return -1;
}

int columns_match(const columns_t *c, const strtab_t *header, int found[])
{
    int best[COLUMNS_MAX_ROLES];
    for (int r = 0; r < c->count; r++) found[r] = -1;
    for (int64_t i = 0; i < header->count; i++) {
        size_t n;
        int rank;
        const char *name = strtab_get(header, i, &n);
        int r = columns_role(c, name, n, &rank);
        if (r < 0 || (found[r] >= 0 && best[r] <= rank)) continue;
        found[r] = (int)i;
        best[r] = rank;
    }
    return first_missing(c, found);
}

/* Tells whether a name that the user has not given can only be that of a list. */
static bool is_list_name(const char *name, size_t n)
{
    static const char *const names[] = {ITEM_LISTS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_usual(name, n, names[i])) return true;
    return false;
}

/* Tells whether the column found for lists, unasked, is to be read. */
static bool takes_lists(const columns_t *c, const strtab_t *header, const bool *sequence, const int found[])
{
    size_t n;
    const char *name = strtab_get(header, found[EVENT_ITEMS], &n);
    if (c->given[EVENT_TIME] || c->given[EVENT_RATING]) return false;
    if (sequence && sequence[found[EVENT_ITEMS]]) return true;
    return is_list_name(name, n) || found[EVENT_ITEM] < 0;
}

/* Tells whether the column found for the item, unasked, is known to hold lists. */
static bool item_is_list(const columns_t *c, const bool *sequence, const int found[])
{
    const bool asked = c->given[EVENT_ITEM] || c->given[EVENT_TIME] || c->given[EVENT_RATING];
    return !asked && sequence && found[EVENT_ITEM] >= 0 && sequence[found[EVENT_ITEM]];
}

int columns_match_events(const columns_t *c, const strtab_t *header, const bool *sequence, int found[])
{
    columns_match(c, header, found);
    if (found[EVENT_ITEMS] < 0 && item_is_list(c, sequence, found)) {
        found[EVENT_ITEMS] = found[EVENT_ITEM];
        found[EVENT_ITEM] = -1;
    }
    if (found[EVENT_ITEMS] >= 0 && !c->given[EVENT_ITEMS] && !takes_lists(c, header, sequence, found)) found[EVENT_ITEMS] = -1;
    if (found[EVENT_ITEMS] >= 0) found[EVENT_TIME] = found[EVENT_RATING] = -1;
    return first_missing(c, found);
}

void columns_note_unused(const char *file, const char *what, const strtab_t *names)
{
    enum { SHOWN = 12 };
    buf_t list = {0};
    for (int64_t i = 0; i < names->count && i < SHOWN; i++) {
        size_t n;
        const char *name = strtab_get(names, i, &n);
        buf_printf(&list, "%s\"%.*s\"", i ? ", " : "", n < 60 ? (int)n : 60, name);
    }
    if (names->count > SHOWN) buf_puts(&list, ", ...");
    if (names->count) note("%s: %s not used: %s", file, what, list.data);
    buf_free(&list);
}

void columns_find(const columns_t *c, const strtab_t *header, const char *file, long long line, int found[])
{
    int missing = columns_match(c, header, found);
    if (missing >= 0) columns_missing(c, missing, header, file, line);
}

void columns_check_events(const columns_t *c, const char *option)
{
    if (c->given[EVENT_ITEMS] && (c->given[EVENT_TIME] || c->given[EVENT_RATING]))
        die(EX_USAGE, "%s: lists of items have no %s, only an order", option, c->given[EVENT_TIME] ? "times" : "ratings");
}

void columns_find_numbered(const columns_t *c, int columns, const char *file, long long line, int found[])
{
    for (int r = 0; r < c->count; r++) {
        found[r] = -1;
        if (!c->given[r]) continue;
        errno = 0;
        long long number = strtoll(c->given[r] + 1, NULL, 10);
        if (errno || number < 1 || number > columns)
            die_at(file, line, "no column %s for the %s, expected #1 to #%d", c->given[r], c->roles[r].name, columns);
        found[r] = (int)number - 1;
    }
}

void columns_free(columns_t *c)
{
    for (int r = 0; r < c->count; r++) free(c->given[r]);
    *c = (columns_t){0};
}
