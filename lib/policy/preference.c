#include "policy/preference.h"

#include <math.h>

#include "data/ranking.h"

/* Sets x to the logarithms of the wrong candidates' weights, -INFINITY for those that are right; false if all are. */
static bool log_weights(int n, const draw_t *draws, int32_t target, bool by_rank, double *x)
{
    double sum = 0;
    int wrong = 0;
    for (int i = 0; i < n; i++) {
        const double weight = draws[i].item == target ? 0 : by_rank ? ranking_gain(draw_rank(n, draws, i)) : 1;
        x[i] = log(weight);
        sum += weight;
        wrong += weight > 0;
    }
    for (int i = 0; i < n; i++) x[i] += log(wrong / sum);
    return wrong > 0;
}

double preference(int n, const draw_t *draws, int32_t target, bool by_rank, double beta, const double *apart, double *pull)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i <= n; i++) pull[i] = 0;
    if (!log_weights(n, draws, target, by_rank, pull)) {
        for (int i = 0; i < n; i++) pull[i] = 0;
        return 0;
    }
    for (int i = 0; i < n; i++) top = fmax(top, pull[i] += beta * (apart[i] - apart[n]));
    for (int i = 0; i < n; i++) sum += exp(pull[i] - top);
    const double m = top + log(sum), wrongly = m > 0 ? 1 / (1 + exp(-m)) : exp(m) / (1 + exp(m));
    for (int i = 0; i < n; i++) pull[i] = beta * wrongly * exp(pull[i] - m);
    pull[n] = -beta * wrongly;
    return m > 0 ? m + log1p(exp(-m)) : log1p(exp(m));
}
