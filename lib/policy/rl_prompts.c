#include "policy/rl_prompts.h"

#include "base/mem.h"

/* Finds the first model that a user's last training interaction was held back from; -1: there is none. */
static int32_t blind_to(int models, const hold_back_t *hold, int64_t user, int64_t count)
{
    for (int32_t m = 0; m < models; m++)
        if (holds_back(hold[m], user, count)) return m;
    return -1;
}

prompt_t *prompts_make(const interactions_t *x, prompts_kind_t kind, int models, const hold_back_t *hold, int64_t max_items, int64_t *count)
{
    const bool all = kind == PROMPTS_ALL || kind == PROMPTS_PERTURBED, blindly = kind == PROMPTS_HELD_BACK || kind == PROMPTS_CROSS_FIT;
    prompt_t *list = NULL;
    history_t h;
    int64_t n = 0, cap = 0;
    for (int64_t u = 0; u < x->users; u++) {
        if (!interactions_training(x, u, &h)) continue;
        const int32_t blind = blind_to(models, hold, u, h.count);
        if (blindly && blind < 0) continue;
        for (int64_t at = all || h.count < 2 ? 1 : h.count - 1; at < h.count; at++) {
            const int64_t first = at > max_items ? at - max_items : 0;
            GROW(list, n, cap);
            list[n++] = (prompt_t){{h.items + first, at - first, h.items[at]}, h, at == h.count - 1 ? blind : -1};
        }
    }
    *count = n;
    return list;
}
