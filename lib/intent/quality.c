#include "intent/quality.h"

#include <math.h>

intent_quality_t quality_of(const intents_t *x, double *q, const char **why)
{
    int judged = 0, weighted = 0;
    double sum = 0, good = 0;
    *q = 0;
    for (int i = 0; i < x->count; i++) {
        const intent_t *d = &x->list[i];
        if (d->label < 0) continue;
        judged++;
        weighted += !isnan(d->confidence);
        double w = isnan(d->confidence) ? 1 : d->confidence;
        sum += w;
        good += w * d->label;
    }
    if (!judged) return QUALITY_NONE;
    if (weighted && weighted < judged) {
        *why = "some of its judged intents have a confidence and others have none, expected all or none";
        return QUALITY_BAD;
    }
    if (!(sum > 0)) {
        *why = "the confidences of its judged intents are all 0, expected a sum above 0";
        return QUALITY_BAD;
    }
    *q = good / sum;
    return QUALITY_KNOWN;
}
