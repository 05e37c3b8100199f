#include "data/provenance.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/version.h"

static void add(provenance_t *p, const char *role, char *digest)
{
    GROW(p->inputs, p->count, p->cap);
    p->inputs[p->count++] = (provenance_input_t){xstrdup(role), digest};
}

void provenance_add(provenance_t *p, const char *role, const st_file_t *f) { add(p, role, f ? st_digest(f) : NULL); }
void provenance_add_digest(provenance_t *p, const char *role, const char *digest) { add(p, role, xstrdup(digest)); }

char *provenance_fingerprint(const provenance_t *p, const char *backend, const char *config)
{
    buf_t b = {0};
    buf_printf(&b, "%s%s%s %s", SIDMILL_VERSION, backend ? " " : "", backend ? backend : "", config);
    for (int i = 0; i < p->count; i++) buf_printf(&b, " %s:%s", p->inputs[i].role, p->inputs[i].digest ? p->inputs[i].digest : "none");
    return b.data;
}

void provenance_write(const provenance_t *p, st_writer_t *w)
{
    for (int i = 0; i < p->count; i++) {
        if (!p->inputs[i].digest) continue;
        char *key = xasprintf("input.%s", p->inputs[i].role);
        st_set_meta(w, key, p->inputs[i].digest);
        free(key);
    }
}

void provenance_json(const provenance_t *p, buf_t *out)
{
    const char *between = "";
    for (int i = 0; i < p->count; i++) {
        if (!p->inputs[i].digest) continue;
        buf_printf(out, "%s\"%s\": \"%s\"", between, p->inputs[i].role, p->inputs[i].digest);
        between = ", ";
    }
}

void provenance_free(provenance_t *p)
{
    for (int i = 0; i < p->count; i++) {
        free(p->inputs[i].role);
        free(p->inputs[i].digest);
    }
    free(p->inputs);
    *p = (provenance_t){0};
}
