#include "policy/rl_prompts.h"

#include "base/mem.h"

history_t *prompts_make(const interactions_t *x, prompts_kind_t kind, hold_back_t hold, int64_t max_items, int64_t *count)
{
    history_t *list = NULL, h;
    int64_t n = 0, cap = 0;
    for (int64_t u = 0; u < x->users; u++) {
        if (!interactions_training(x, u, &h)) continue;
        if (kind == PROMPTS_HELD_BACK && !holds_back(hold, u, h.count)) continue;
        const bool all = kind == PROMPTS_ALL || kind == PROMPTS_PERTURBED;
        for (int64_t at = all || h.count < 2 ? 1 : h.count - 1; at < h.count; at++) {
            const int64_t first = at > max_items ? at - max_items : 0;
            GROW(list, n, cap);
            list[n++] = (history_t){h.items + first, at - first, h.items[at]};
        }
    }
    *count = n;
    return list;
}
