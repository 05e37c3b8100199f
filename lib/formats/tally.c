#include "formats/tally.h"

#include <string.h>

#include "base/err.h"

static int find(const tally_t *t, const char *reason)
{
    int i = 0;
    while (i < t->count && strcmp(t->of[i].reason, reason) != 0) i++;
    return i;
}

void tally_add(tally_t *t, const char *reason, int64_t n)
{
    int i = find(t, reason);
    if (i == TALLY_MAX) die(EX_SOFTWARE, "more than %d reasons", TALLY_MAX);
    if (i == t->count) t->of[t->count++].reason = reason;
    t->of[i].n += n;
}

int64_t tally_get(const tally_t *t, const char *reason)
{
    int i = find(t, reason);
    return i < t->count ? t->of[i].n : 0;
}
