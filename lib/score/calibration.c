#include "score/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BUCKETS = 1 << 16 };

calibration_t calibration_new(void) { return (calibration_t){.bucket = NEW_ARRAY(calibration_bin_t, BUCKETS)}; }

void calibration_free(calibration_t *c)
{
    free(c->bucket);
    *c = (calibration_t){0};
}

/* The first 16 bits of a number that orders as the floats do. */
static uint32_t bucket_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return (bits >> 31 ? ~bits : bits | 1u << 31) >> 16;
}

static void take_list(calibration_t *c, int64_t k, const int32_t *items, const float *scores, int32_t target)
{
    for (int64_t i = 0; i < k; i++) {
        const bool hit = items[i] == target;
        if (hit) {
            c->targets++;
            c->log_probability += (double)scores[i];
        }
        if (items[i] < 0 || i >= CALIBRATION_PLACES) continue;
        calibration_bin_t *b = &c->bucket[bucket_of(scores[i])];
        b->pairs++;
        b->hits += hit;
        b->p += exp((double)scores[i]);
    }
}

void calibration_take(calibration_t *c, int64_t n, int64_t places, int64_t k, const int32_t *items, const float *scores,
                      const history_t *histories)
{
    for (int64_t u = 0; u < n; u++) take_list(c, k, items + u * places, scores + u * places, histories[u].target);
}

static int64_t pairs_of(const calibration_t *c)
{
    int64_t pairs = 0;
    for (int i = 0; i < BUCKETS; i++) pairs += c->bucket[i].pairs;
    return pairs;
}

int calibration_bins(const calibration_t *c, calibration_bin_t bins[CALIBRATION_BINS])
{
    const int64_t all = pairs_of(c);
    int64_t before = 0;
    int count = 0, full = 0; /* full: tenths of all pairs that the buckets so far make up */
    memset(bins, 0, CALIBRATION_BINS * sizeof *bins);
    for (int i = 0; i < BUCKETS; i++) {
        const calibration_bin_t *b = &c->bucket[i];
        if (!b->pairs) continue;
        bins[count].pairs += b->pairs;
        bins[count].hits += b->hits;
        bins[count].p += b->p;
        before += b->pairs;
        if (before * CALIBRATION_BINS < (full + 1) * all) continue;
        full = (int)(before * CALIBRATION_BINS / all);
        count++;
    }
    return count;
}

double calibration_error(const calibration_t *c)
{
    calibration_bin_t bins[CALIBRATION_BINS];
    const int count = calibration_bins(c, bins);
    double error = 0;
    for (int i = 0; i < count; i++) error += fabs(bins[i].p - (double)bins[i].hits);
    return count ? error / (double)pairs_of(c) : NAN;
}

static void bins_json(const calibration_t *c, buf_t *out)
{
    calibration_bin_t bins[CALIBRATION_BINS];
    const int count = calibration_bins(c, bins);
    buf_puts(out, "\"bins\": [");
    for (int i = 0; i < count; i++) {
        buf_printf(out, "%s{\"pairs\": %lld, ", i ? ", " : "", (long long)bins[i].pairs);
        buf_json_member(out, "p", bins[i].p / (double)bins[i].pairs);
        buf_puts(out, ", ");
        buf_json_member(out, "hits", (double)bins[i].hits / (double)bins[i].pairs);
        buf_puts(out, "}");
    }
    buf_puts(out, "]");
}

void calibration_json(const calibration_t *c, buf_t *out)
{
    buf_printf(out, "{\"places\": %d, \"pairs\": %lld, ", CALIBRATION_PLACES, (long long)pairs_of(c));
    buf_json_member(out, "ece", calibration_error(c));
    buf_puts(out, ", ");
    bins_json(c, out);
    buf_printf(out, ", \"targets\": %lld, ", (long long)c->targets);
    buf_json_member(out, "target_log_probability", c->targets ? c->log_probability / (double)c->targets : NAN);
    buf_puts(out, "}");
}
