#include "data/id_line.h"

#include <string.h>

id_line_t id_line_start(const strtab_t *ids, const char *s, size_t n, const char *usual)
{
    const char *separators = usual;
    if (memchr(s, '\t', n)) separators = "\t";
    else if (n && strtab_find(ids, s, n) >= 0) separators = "";
    return (id_line_t){s, s + n, separators};
}

static bool separates(const id_line_t *l, char c) { return c && strchr(l->separators, c); }

bool id_line_next(id_line_t *l, const char **id, size_t *n)
{
    while (l->at < l->end && separates(l, *l->at)) l->at++;
    *id = l->at;
    while (l->at < l->end && !separates(l, *l->at)) l->at++;
    *n = (size_t)(l->at - *id);
    return *n > 0;
}
