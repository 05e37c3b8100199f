/* Which of a table's columns, or of an object's keys, tells what: named by the user, or found by names that are usual. */
#ifndef SIDMILL_FORMATS_COLUMNS_H
#define SIDMILL_FORMATS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/strtab.h"

enum { EVENT_USER, EVENT_ITEM, EVENT_TIME, EVENT_RATING, EVENT_ITEMS, EVENT_ROLES };
enum {
    RECORD_ID, RECORD_TITLE, RECORD_DESCRIPTION, RECORD_CATEGORIES, RECORD_BRAND, RECORD_PRICE, RECORD_IMAGE,
    RECORD_IMAGE_URL, RECORD_IMAGE_LABELS, RECORD_ROLES
};
enum { COLUMNS_MAX_ROLES = RECORD_ROLES };

/* What a column can be to a reader. */
typedef struct {
    const char *name;           /* as the option's text and, of records, the key of sidmill-items(5) have it */
    const char *const *usual;   /* NULL-terminated; case, blanks, '_' and '-' do not count; earlier ones first */
    bool required, list;
    int unless;                 /* a role beside which it is not required; 0: none */
} columns_role_t;

extern const columns_role_t event_roles[EVENT_ROLES], record_roles[RECORD_ROLES];

typedef struct {
    const columns_role_t *roles;
    int count;
    char *given[COLUMNS_MAX_ROLES];   /* the column's name where the user gave one */
    bool numbered;                    /* columns are given by number, "#1" and so on: the table has no header */
} columns_t;

/* Reads "user=NAME,item=NAME" (NULL: nothing given); `option` is for messages. What is wrong ends the process: EX_USAGE. */
columns_t columns_parse(const columns_role_t *roles, int count, const char *spec, const char *option);

/* The role that a column of this name can have, and in *rank how well it fits, 0 best; -1: none. */
int columns_role(const columns_t *c, const char *name, size_t n, int *rank);

/* columns_match() for events: what holds a list of items is one, where the user has not said so, only if its name leaves no doubt or
 * nothing else is the item. `sequence`: which columns are known to hold lists, or NULL; one of the item's, found unasked, is one of lists.
 * With lists there are no times and ratings. */
int columns_match_events(const columns_t *c, const strtab_t *header, const bool *sequence, int found[]);

/* Ends the process with EX_USAGE where the options name a time or a rating beside lists of items. */
void columns_check_events(const columns_t *c, const char *option);

/* Says, once, which columns or keys of a file are not used, if there are any. */
void columns_note_unused(const char *file, const char *what, const strtab_t *names);

/* True if a column of events that is found by this name as the time holds positions in the user's history: "order". */
bool columns_is_order(const char *name, size_t n);

/* Finds the column of every role among the names of a header: -1 where there is none. Returns a required or given role that
 * has none, or -1. */
int columns_match(const columns_t *c, const strtab_t *header, int found[]);

/* Finds the column of every role among the names of a header: -1 where there is none. A required or given one that is not
 * there ends the process with EX_DATAERR, the header's names said; `file` and `line` are for that message. */
void columns_find(const columns_t *c, const strtab_t *header, const char *file, long long line, int found[]);

/* The same for columns given by number, of a table with `columns` columns. */
void columns_find_numbered(const columns_t *c, int columns, const char *file, long long line, int found[]);

/* What is wrong where a role has no column, the header's names said. Caller frees. */
char *columns_missing_why(const columns_t *c, int role, const strtab_t *header);

/* Ends the process because a column is not there, as columns_find() does. */
_Noreturn void columns_missing(const columns_t *c, int role, const strtab_t *header, const char *file, long long line);

void columns_free(columns_t *c);

#endif
