#include "score/verdict.h"

static void metrics_json(buf_t *out, const metric_set_t *set, const metrics_t *m)
{
    for (int i = 0; i < set->count; i++) {
        buf_puts(out, i ? ", " : "");
        buf_json_member(out, set->name[i], m->value[i]);
    }
}

/* The parts by popularity, in a form of their own: it is older than that of the others. */
static void strata_json(buf_t *out, const verdict_t *v, int indent)
{
    const strata_t *strata = v->by->strata;
    const partition_t *parts = &v->by->parts[PARTITION_POPULARITY];
    buf_printf(out, "%*s\"strata\": {\n", indent, "");
    for (int s = 0; s < STRATA; s++) {
        const metrics_t *m = &v->parts[PARTITION_POPULARITY][s][PROTOCOL_ALL];
        buf_printf(out, "%*s\"%s\": {\"items\": %lld, \"popularity\": [%lld, %lld], \"users\": %lld, ", indent + 2, "",
                   parts->labels[s], (long long)strata->items[s], (long long)strata->least[s], (long long)strata->most[s],
                   (long long)m->users);
        metrics_json(out, v->by->metrics, m);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s},\n%*s\"strata_unseen\": {\n", indent, "", indent, "");
    for (int s = 0; s < STRATA; s++) {
        buf_printf(out, "%*s\"%s\": {", indent + 2, "", parts->labels[s]);
        metrics_json(out, v->by->metrics, &v->parts[PARTITION_POPULARITY][s][PROTOCOL_UNSEEN]);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s}", indent, "");
}

static void part_json(buf_t *out, const verdict_t *v, const metrics_t of[PROTOCOLS])
{
    buf_printf(out, "{\"users\": %lld, \"metrics\": {", (long long)of[PROTOCOL_ALL].users);
    metrics_json(out, v->by->metrics, &of[PROTOCOL_ALL]);
    buf_puts(out, "}, \"metrics_unseen\": {");
    metrics_json(out, v->by->metrics, &of[PROTOCOL_UNSEEN]);
    buf_puts(out, "}}");
}

static void partition_json(buf_t *out, const verdict_t *v, int p, int indent)
{
    const partition_t *parts = &v->by->parts[p];
    buf_printf(out, ",\n%*s\"%s\": %s", indent, "", parts->name, parts->count ? "{\n" : "null");
    if (!parts->count) return;
    for (int i = 0; i < parts->count; i++) {
        buf_printf(out, "%*s\"%s\": ", indent + 2, "", parts->labels[i]);
        part_json(out, v, v->parts[p][i]);
        buf_puts(out, i + 1 < parts->count ? ",\n" : "\n");
    }
    buf_printf(out, "%*s}", indent, "");
}

static void measure_json(buf_t *out, const char *name, int cut, double value, int indent)
{
    buf_printf(out, ",\n%*s\"%s@%d\": ", indent, "", name, cut);
    buf_json_number(out, value);
}

static void variety_json(buf_t *out, const verdict_t *v, int indent)
{
    const variety_t *shown = &v->variety;
    const metric_set_t *set = v->by->metrics;
    for (int c = 0; c < set->cuts; c++)
        if (set->cut[c] > VARIETY_PLACES) measure_json(out, "coverage", set->cut[c], variety_coverage(shown, set->cut[c]), indent);
    measure_json(out, "gini", VARIETY_PLACES, variety_gini(shown), indent);
    measure_json(out, "novelty", VARIETY_PLACES, variety_novelty(shown, v->by->popularity), indent);
    measure_json(out, "diversity", VARIETY_PLACES, variety_diversity(shown, DIVERSITY_VECTORS), indent);
    measure_json(out, "diversity_sids", VARIETY_PLACES, variety_diversity(shown, DIVERSITY_SIDS), indent);
}

void verdict_json(buf_t *out, const verdict_t *v, int indent)
{
    static const char *const names[PROTOCOLS] = {"metrics", "metrics_unseen"};
    for (int p = 0; p < PROTOCOLS; p++) {
        buf_printf(out, "%*s\"%s\": {", indent, "", names[p]);
        metrics_json(out, v->by->metrics, &v->all[p]);
        buf_puts(out, "},\n");
    }
    buf_printf(out, "%*s\"coverage@%d\": ", indent, "", VARIETY_PLACES);
    buf_json_number(out, variety_coverage(&v->variety, VARIETY_PLACES));
    buf_puts(out, ",\n");
    strata_json(out, v, indent);
    for (int p = PARTITION_POPULARITY + 1; p < PARTITIONS; p++) partition_json(out, v, p, indent);
    variety_json(out, v, indent);
    buf_printf(out, ",\n%*s\"calibration\": ", indent, "");
    if (v->calibration.bucket) calibration_json(&v->calibration, out);
    else buf_puts(out, "null");
}
