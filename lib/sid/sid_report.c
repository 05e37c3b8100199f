#include "sid/sid_report.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"

/* Warns of codes that stay unused and of items that share theirs, and says what helps: a generator trained on such SIDs would
 * only be worse, without saying why. */
static void warn_of_collapse(const sids_t *s, const sid_stats_t *r)
{
    for (int l = 0; l < s->levels; l++) {
        double used = r->utilisation[l] * s->codes, usable = s->items < s->codes ? (double)s->items : s->codes;
        if (used < 0.5 * usable)
            warn("codebook collapse: level %d uses %.0f of %d codes; try more --balance, another --latent, fewer --codes, or "
                 "--method rkmeans, and look for rows that repeat", l + 1, used, s->codes);
    }
    if (r->largest > 32)
        warn("%lld items share all their codes and differ only by a suffix; try --spread -1, more --codes or --levels, and look for "
             "rows that repeat", (long long)r->largest);
    if (r->alone < 0.5 && s->items > 1)
        warn("only %.1f%% of the items have codes of their own; try --spread -1, more --codes or --levels", 100 * r->alone);
}

/* The report as it grows: a JSON object, and a note. */
typedef struct {
    buf_t json, note;
} report_t;

static void report_error(report_t *r, const quantiser_t *q, const quantiser_errors_t *error)
{
    const struct { bool there; const char *key, *name; double value; } parts[] = {
        {q->image > 0, "error_text", "text", error->text}, {q->image > 0, "error_image", "image", error->image},
        {q->intent > 0, "error_intent", "intents", error->intent}};
    buf_printf(&r->json, ",\"error\":%.6g", error->all);
    buf_printf(&r->note, "relative reconstruction error %.4f", error->all);
    const char *between = " (";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].there) continue;
        buf_printf(&r->json, ",\"%s\":%.6g", parts[i].key, parts[i].value);
        buf_printf(&r->note, "%s%s %.4f", between, parts[i].name, parts[i].value);
        between = ", ";
    }
    buf_printf(&r->note, "%s; ", *between == ',' ? ")" : "");
}

/* Adds one measure of each level's codes. */
static void report_levels(report_t *r, const char *key, int decimals, const double *value, int levels)
{
    buf_printf(&r->json, ",\"%s\":[", key);
    for (int l = 0; l < levels; l++) {
        if (l) buf_puts(&r->json, ",");
        buf_printf(&r->json, "%.*f", decimals, value[l]);
    }
    buf_puts(&r->json, "]");
}

static void report_use(report_t *r, const sids_t *s, const sid_stats_t *x)
{
    const int all = s->levels;
    report_levels(r, "utilisation", 4, x->utilisation, all);
    report_levels(r, "perplexity", 2, x->perplexity, all);
    report_levels(r, "gini", 4, x->gini, all);
    buf_printf(&r->json, ",\"prefixes\":{\"utilisation\":%.4f,\"perplexity\":%.2f,\"gini\":%.4f}", x->utilisation[all],
               x->perplexity[all], x->gini[all]);
    buf_puts(&r->note, "utilisation (perplexity, Gini) by level: ");
    for (int l = 0; l < all; l++)
        buf_printf(&r->note, "%s%.3f (%.1f, %.2f)", l ? ", " : "", x->utilisation[l], x->perplexity[l], x->gini[l]);
    buf_printf(&r->note, "; of whole prefixes %.3f (%.1f, %.2f)", x->utilisation[all], x->perplexity[all], x->gini[all]);
}

char *sid_report(const sids_t *s, const quantiser_t *q, const quantiser_errors_t *error, int64_t moved)
{
    report_t r = {0};
    sid_stats_t x = sids_stats(s);
    const long long items = s->items, moves = moved, buckets = x.buckets, largest = x.largest;
    buf_printf(&r.json, "{\"items\":%lld", items);
    if (q) report_error(&r, q, error);
    report_use(&r, s, &x);
    buf_printf(&r.json, ",\"alone\":%.6f,\"moved\":%lld,\"buckets\":%lld,\"largest\":%lld}", x.alone, moves, buckets, largest);
    note("%lld items; %s", items, r.note.data);
    note("%.2f%% of the items alone in their bucket before the suffix, %lld moved to another last code; %lld buckets, "
         "the largest of %lld", 100 * x.alone, moves, buckets, largest);
    warn_of_collapse(s, &x);
    buf_free(&r.note);
    sid_stats_free(&x);
    return r.json.data;
}
