#include "score/baselines.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"

#define BASELINE_ROW(name) {#name, name##_ranker},
static const baseline_t baselines[BASELINE_COUNT] = {BASELINES(BASELINE_ROW)};

static const baseline_t *find(const char *name, size_t n)
{
    for (int i = 0; i < BASELINE_COUNT; i++)
        if (strlen(baselines[i].name) == n && !memcmp(baselines[i].name, name, n)) return &baselines[i];
    return NULL;
}

static void refuse(const char *list)
{
    const char *several = BASELINE_COUNT > 2 ? "several with commas" : "both with a comma";
    buf_t names = {0};
    for (int i = 0; i < BASELINE_COUNT; i++) buf_printf(&names, "%s, ", baselines[i].name);
    die(EX_USAGE, "--baseline %s: expected %sor %s", list, names.data, several);
}

int baselines_read(const char *list, const baseline_t *chosen[BASELINE_COUNT])
{
    int count = 0;
    for (const char *at = list; at && *at;) {
        size_t n = strcspn(at, ",");
        const baseline_t *b = find(at, n);
        for (int i = 0; b && i < count; i++)
            if (chosen[i] == b) b = NULL;
        if (!b) refuse(list);
        chosen[count++] = b;
        at += n + (at[n] == ',');
    }
    return count;
}
