#include "ingest/ingest_report.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"

double ingest_density(const ingest_step_t *s)
{
    return s->users && s->items ? (double)s->interactions / (double)s->users / (double)s->items : 0;
}

ingest_step_t *ingest_report_step(ingest_report_t *r, const char *filter)
{
    if (r->count == INGEST_MAX_STEPS) die(EX_SOFTWARE, "more than %d steps", INGEST_MAX_STEPS);
    r->steps[r->count] = (ingest_step_t){.filter = filter};
    return &r->steps[r->count++];
}

static double share(const ingest_step_t *s, int kind) { return s->items ? (double)s->with[kind] / (double)s->items : 0; }

/* Writes "no_record" as "no record". */
static const char *words(const char *key, char text[64])
{
    size_t n = strlen(key);
    if (n > 63) n = 63;
    for (size_t i = 0; i < n; i++) text[i] = key[i] == '_' ? ' ' : key[i];
    text[n] = '\0';
    return text;
}

/* Makes a column as wide as its name, and as "100.0%". */
static int column(int kind) { return strlen(coverage_names[kind]) > 6 ? (int)strlen(coverage_names[kind]) : 6; }

static void note_steps(const ingest_report_t *r)
{
    buf_t line = {0};
    for (int k = 0; k < COVERAGE_KINDS; k++) buf_printf(&line, "  %*s", column(k), coverage_names[k]);
    note("%-13s %10s %10s %12s %9s%s", "", "users", "items", "interactions", "density", line.data);
    for (int i = 0; i < r->count; i++) {
        const ingest_step_t *s = &r->steps[i];
        char text[64];
        buf_clear(&line);
        for (int k = 0; k < COVERAGE_KINDS; k++) buf_printf(&line, "  %*.1f%%", column(k) - 1, 100 * share(s, k));
        note("%-13s %10" PRId64 " %10" PRId64 " %12" PRId64 " %9.3g%s", words(s->filter, text), s->users, s->items, s->interactions,
             ingest_density(s), line.data);
    }
    buf_free(&line);
}

static void note_quantiles(const char *what, const quantiles_t *q)
{
    buf_t line = {0};
    for (int i = 0; i < QUANTILES; i++) buf_printf(&line, " %7" PRId64, q->at[i]);
    note("%-27s%s %8.2f", what, line.data, q->mean);
    buf_free(&line);
}

static void note_distributions(const ingest_report_t *r)
{
    buf_t line = {0};
    for (int i = 0; i < QUANTILES; i++) buf_printf(&line, " %7s", quantile_names[i]);
    note("%-27s%s %8s", "", line.data, "mean");
    note_quantiles("interactions a user, read", &r->history[0]);
    note_quantiles("interactions a user, kept", &r->history[1]);
    note_quantiles("interactions an item, read", &r->popularity[0]);
    note_quantiles("interactions an item, kept", &r->popularity[1]);
    buf_free(&line);
}

static void note_tally(const char *what, const tally_t *t)
{
    char text[64];
    for (int i = 0; t && i < t->count; i++) note("%s: %" PRId64 " %s", what, t->of[i].n, words(t->of[i].reason, text));
}

static double ratio(int64_t n, int64_t of) { return of ? (double)n / (double)of : 0; }

/* Says what order tells that time does not. */
static void note_ties(const ingest_account_t *a)
{
    const ties_count_t *t = &a->report->ties;
    if (a->order_only)
        note("the source gives an order, no times: events of one time cannot be seen; %.1f%% of neighbours ascend by item id",
             100 * ratio(t->ascending, t->neighbours));
    else if (t->tied)
        note("%.1f%% of neighbours in a history have one time (--ties %s); in the source %.1f%% of those ascend by item id",
             100 * ratio(t->tied, t->neighbours), ties_names[a->ties], 100 * ratio(t->tied_ascending, t->tied));
}

static void note_phases(const ingest_account_t *a)
{
    const ingest_phases_t *p = a->phases;
    note("split %s: %" PRId64 " events for training; to predict: %" PRId64 " for validation, of %" PRId64 " users, %" PRId64
         " for the test, of %" PRId64, ingest_split_names[a->split->kind], p->events[PHASE_TRAIN], p->cases[PHASE_VALID],
         p->users[PHASE_VALID], p->cases[PHASE_TEST], p->users[PHASE_TEST]);
    if (!a->order_only && p->tied)
        note("%.1f%% of the test's items have the time of the event before", 100 * ratio(p->tied, p->cases[PHASE_TEST]));
}

void ingest_account_notes(const ingest_account_t *a)
{
    if (err_is_quiet()) return;
    note("%" PRId64 " records read, %" PRId64 " kept", a->records_read, a->records_kept);
    note_tally("records", a->records);
    note_tally("interactions", a->interactions);
    note_tally("pictures", a->pictures);
    note_steps(a->report);
    note_distributions(a->report);
    if (a->report->short_users && (!a->split || a->split->kind == INGEST_SPLIT_LAST))
        note("%" PRId64 " users have fewer than 3 interactions; the split will skip them", a->report->short_users);
    note_ties(a);
    if (a->phases) note_phases(a);
}

static void json_counts(buf_t *out, const ingest_step_t *s)
{
    buf_printf(out, "\"users\":%" PRId64 ",\"items\":%" PRId64 ",\"interactions\":%" PRId64, s->users, s->items, s->interactions);
}

static void json_state(buf_t *out, const ingest_step_t *s)
{
    json_counts(out, s);
    buf_puts(out, ",\"density\":");
    buf_json_number(out, ingest_density(s));
    buf_puts(out, ",\"coverage\":{");
    for (int k = 0; k < COVERAGE_KINDS; k++) {
        buf_printf(out, "%s\"%s\":", k ? "," : "", coverage_names[k]);
        buf_json_number(out, share(s, k));
    }
    buf_puts(out, "}");
}

static void json_quantiles(buf_t *out, const char *key, const quantiles_t *q)
{
    buf_printf(out, ",\"%s\":{", key);
    for (int i = 0; i < QUANTILES; i++) buf_printf(out, "\"%s\":%" PRId64 ",", quantile_names[i], q->at[i]);
    buf_puts(out, "\"mean\":");
    buf_json_number(out, q->mean);
    buf_puts(out, "}");
}

static void json_side(buf_t *out, const char *key, const ingest_report_t *r, int side, const ingest_step_t *s, int64_t records)
{
    buf_printf(out, "\"%s\":{\"records\":%" PRId64 ",", key, records);
    json_state(out, s);
    json_quantiles(out, "history", &r->history[side]);
    json_quantiles(out, "popularity", &r->popularity[side]);
    buf_puts(out, "}");
}

static void json_steps(buf_t *out, const ingest_report_t *r)
{
    buf_puts(out, ",\"steps\":[");
    for (int i = 1; i < r->count; i++) {
        const ingest_step_t *s = &r->steps[i], *p = s - 1;
        ingest_step_t dropped = {.users = p->users - s->users, .items = p->items - s->items,
                                 .interactions = p->interactions - s->interactions};
        buf_printf(out, "%s{\"filter\":\"%s\",\"dropped\":{", i > 1 ? "," : "", s->filter);
        json_counts(out, &dropped);
        buf_puts(out, "},");
        json_state(out, s);
        buf_puts(out, "}");
    }
    buf_puts(out, "],");
}

static void json_tally(buf_t *out, const char *key, const tally_t *t)
{
    buf_printf(out, ",\"%s\":{", key);
    for (int i = 0; t && i < t->count; i++) buf_printf(out, "%s\"%s\":%" PRId64, i ? "," : "", t->of[i].reason, t->of[i].n);
    buf_puts(out, "}");
}

static void json_ties(buf_t *out, const ingest_account_t *a)
{
    const ties_count_t *t = &a->report->ties;
    buf_printf(out, ",\"ties\":{\"order\":\"%s\",\"times\":\"%s\",\"neighbours\":%" PRId64 ",\"ascending\":", ties_names[a->ties],
               a->order_only ? "order" : "seconds", t->neighbours);
    buf_json_number(out, ratio(t->ascending, t->neighbours));
    if (!a->order_only) {
        buf_printf(out, ",\"tied\":%" PRId64 ",\"tied_ascending\":", t->tied);
        buf_json_number(out, ratio(t->tied_ascending, t->tied));
        if (a->phases) buf_puts(out, ",\"test_tied\":");
        if (a->phases) buf_json_number(out, ratio(a->phases->tied, a->phases->cases[PHASE_TEST]));
    }
    buf_puts(out, "}");
}

static void json_split(buf_t *out, const ingest_account_t *a)
{
    static const char *const names[] = {"valid", "test"};
    const ingest_phases_t *p = a->phases;
    buf_printf(out, ",\"split\":{\"kind\":\"%s\"", ingest_split_names[a->split->kind]);
    if (a->split->kind == INGEST_SPLIT_TIME)
        buf_printf(out, ",\"cuts\":[%" PRId64 ",%" PRId64 "]", a->split->time[0], a->split->time[1]);
    buf_printf(out, ",\"train\":%" PRId64, p->events[PHASE_TRAIN]);
    for (int i = 0; i < 2; i++)
        buf_printf(out, ",\"%s\":{\"cases\":%" PRId64 ",\"users\":%" PRId64 "}", names[i], p->cases[PHASE_VALID + i],
                   p->users[PHASE_VALID + i]);
    buf_puts(out, "}");
}

void ingest_account_json(const ingest_account_t *a, buf_t *out)
{
    const ingest_report_t *r = a->report;
    buf_puts(out, "{");
    json_side(out, "before", r, 0, &r->steps[0], a->records_read);
    json_steps(out, r);
    json_side(out, "after", r, 1, &r->steps[r->count - 1], a->records_kept);
    buf_printf(out, ",\"short_users\":%" PRId64, r->short_users);
    json_ties(out, a);
    if (a->phases) json_split(out, a);
    json_tally(out, "records", a->records);
    json_tally(out, "interactions", a->interactions);
    json_tally(out, "pictures", a->pictures);
    buf_puts(out, "}\n");
}
