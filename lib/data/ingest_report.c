#include <inttypes.h>

#include "base/err.h"
#include "data/ingest.h"

static void note_counts(const char *what, const ingest_counts_t *c)
{
    note("%s %" PRId64 " users, %" PRId64 " items, %" PRId64 " interactions", what, c->users, c->items, c->interactions);
}

/* One line for a reason that dropped something, none for one that did not. */
static void note_dropped(int64_t n, const char *what)
{
    if (n) note("dropped %" PRId64 " %s", n, what);
}

void ingest_report_notes(const ingest_report_t *r, const ingest_filter_t *f)
{
    note_counts("read", &r->before);
    if (r->no_record)
        note("dropped %" PRId64 " interactions with %" PRId64 " items that have no record",
             r->no_record, r->missing_records);
    note_dropped(r->low_rating, "interactions rated below the minimum");
    note_dropped(r->duplicates, "interactions that repeat user, item and time");
    note_dropped(r->beyond_max, "interactions older than a user's latest");
    note_dropped(r->idle_users, "users without an interaction left");
    note_dropped(r->idle_items, "items without an interaction left");
    if (f->kcore > 0)
        note("%" PRId64 "-core dropped %" PRId64 " users, %" PRId64 " items, %" PRId64 " interactions",
             f->kcore, r->kcore.users, r->kcore.items, r->kcore.interactions);
    note_counts("kept", &r->after);
    if (r->short_users) note("%" PRId64 " users have fewer than 3 interactions; the split will skip them", r->short_users);
}

static void json_counts(buf_t *out, const ingest_counts_t *c)
{
    buf_printf(out, "{\"users\":%" PRId64 ",\"items\":%" PRId64 ",\"interactions\":%" PRId64 "}",
               c->users, c->items, c->interactions);
}

static void json_dropped(buf_t *out, const char *reason, const char *what, int64_t n)
{
    buf_printf(out, "\"%s\":{\"%s\":%" PRId64 "},", reason, what, n);
}

void ingest_report_json(const ingest_report_t *r, buf_t *out)
{
    buf_puts(out, "{\"before\":");
    json_counts(out, &r->before);
    buf_printf(out, ",\"dropped\":{\"no_record\":{\"interactions\":%" PRId64 ",\"missing_records\":%" PRId64 "},",
               r->no_record, r->missing_records);
    json_dropped(out, "low_rating", "interactions", r->low_rating);
    json_dropped(out, "duplicate", "interactions", r->duplicates);
    json_dropped(out, "beyond_max", "interactions", r->beyond_max);
    buf_printf(out, "\"idle\":{\"users\":%" PRId64 ",\"items\":%" PRId64 "},\"kcore\":", r->idle_users, r->idle_items);
    json_counts(out, &r->kcore);
    buf_puts(out, "},\"after\":");
    json_counts(out, &r->after);
    buf_printf(out, ",\"short_users\":%" PRId64 "}\n", r->short_users);
}
