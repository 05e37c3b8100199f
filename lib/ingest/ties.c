#include "ingest/ties.h"

#include <stdbool.h>
#include <string.h>

const char *const ties_names[] = {"file", "shuffle", "id", NULL};

static bool is_number(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return n > 0;
}

static void skip_zeros(const char **s, size_t *n)
{
    for (; *n > 1 && **s == '0'; ++*s, --*n) {}
}

int ties_compare_ids(const strtab_t *ids, int32_t a, int32_t b)
{
    size_t n, m;
    const char *x = strtab_get(ids, a, &n), *y = strtab_get(ids, b, &m);
    if (is_number(x, n) && is_number(y, m)) {
        skip_zeros(&x, &n);
        skip_zeros(&y, &m);
        if (n != m) return n < m ? -1 : 1;
    }
    int by = memcmp(x, y, n < m ? n : m);
    return by ? by : (n > m) - (n < m);
}

void ties_add(ties_count_t *sum, const ties_count_t *more)
{
    sum->neighbours += more->neighbours;
    sum->ascending += more->ascending;
    sum->tied += more->tied;
    sum->tied_ascending += more->tied_ascending;
}
