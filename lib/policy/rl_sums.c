#include "policy/rl_sums.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"

void rl_sums_group(rl_sums_t *s, int n, const reward_t *rewards, bool known)
{
    double mean = 0, square = 0;
    bool hit = false;
    for (int i = 0; i < n; i++) {
        const double r = reward_sum(&rewards[i]);
        mean += r / n;
        square += r * r / n;
        hit = hit || rewards[i].term[TERM_EXACT] > 0;
        for (int k = 0; k < REWARD_TERMS; k++) s->terms[k] += rewards[i].term[k] / n;
    }
    s->groups++;
    s->reward += mean;
    s->deviation += sqrt(fmax(0, square - mean * mean));
    s->hit_groups += hit;
    s->known_groups += known;
    s->known_hits += known && hit;
}

void rl_sums_pass(rl_sums_t *s, const grpo_stats_t *stats)
{
    s->loss += stats->loss;
    s->supervised += stats->supervised;
    s->kl += stats->kl;
    s->entropy += stats->entropy;
    s->reference_entropy += stats->reference_entropy;
    s->tokens += (double)stats->tokens;
    s->clipped += (double)stats->clipped;
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

double rl_sums_kl(const rl_sums_t *s) { return ratio(s->kl, s->tokens); }
double rl_sums_entropy_share(const rl_sums_t *s) { return s->reference_entropy > 0 ? s->entropy / s->reference_entropy : 1; }

/* Adds a share of groups as a member, null where there are none. */
static void add_share(buf_t *b, const char *name, double some, double all)
{
    buf_puts(b, ",");
    if (all > 0) buf_printf(b, "\"%s\":%.6f", name, some / all);
    else buf_printf(b, "\"%s\":null", name);
}

char *rl_sums_json(const rl_sums_t *s)
{
    buf_t b = {0};
    buf_printf(&b, "\"prompts\":%.0f,\"reward\":%.6f,\"reward_terms\":{", s->groups, ratio(s->reward, s->groups));
    for (int k = 0; k < REWARD_TERMS; k++)
        buf_printf(&b, "%s\"%s\":%.6f", k ? "," : "", reward_term_names[k], ratio(s->terms[k], s->groups));
    buf_printf(&b, "},\"reward_deviation\":%.6f,\"groups_with_hit\":%.6f,\"prompts_known\":%.0f", ratio(s->deviation, s->groups),
               ratio(s->hit_groups, s->groups), s->known_groups);
    add_share(&b, "groups_with_hit_known", s->known_hits, s->known_groups);
    add_share(&b, "groups_with_hit_unknown", s->hit_groups - s->known_hits, s->groups - s->known_groups);
    buf_printf(&b, ",\"groups_equal\":%.0f,\"groups_equal_share\":%.6f,\"loss\":%.6f,\"supervised_loss\":%.6f,\"kl\":%.6g,\"entropy\":%.6f,"
               "\"entropy_share\":%.6f,\"clipped\":%.6f,\"gradient_norm\":%.6f", s->equal, ratio(s->equal, s->groups), ratio(s->loss, s->updates),
               ratio(s->supervised, s->updates), rl_sums_kl(s), ratio(s->entropy, s->tokens), rl_sums_entropy_share(s),
               ratio(s->clipped, s->tokens), ratio(s->norm, s->updates));
    return b.data;
}

char *rl_sums_words(const rl_sums_t *s)
{
    return xasprintf("reward %.4f (exact %.4f), equal groups %.0f%%, kl %.3g, entropy %.2f of the reference's", ratio(s->reward, s->groups),
                     ratio(s->terms[TERM_EXACT], s->groups), 100 * ratio(s->equal, s->groups), rl_sums_kl(s), rl_sums_entropy_share(s));
}

void rl_sums_fields(rl_sums_t *s, checkpoint_t *c)
{
    const struct { const char *name; double *value; } sums[] = {
        {"groups", &s->groups}, {"equal", &s->equal}, {"hit_groups", &s->hit_groups}, {"reward", &s->reward},
        {"deviation", &s->deviation}, {"known_groups", &s->known_groups}, {"known_hits", &s->known_hits}, {"kl", &s->kl},
        {"entropy", &s->entropy}, {"reference_entropy", &s->reference_entropy}, {"tokens", &s->tokens}, {"clipped", &s->clipped},
        {"loss", &s->loss}, {"supervised", &s->supervised}, {"norm", &s->norm}, {"updates", &s->updates}};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) checkpoint_add(c, "round", sums[i].name, ST_F64, 1, sums[i].value);
    checkpoint_add(c, "round", "reward_terms", ST_F64, REWARD_TERMS, s->terms);
}
