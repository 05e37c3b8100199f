#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/out.h"
#include "hub/hub_config.h"
#include "hub/hub_place.h"
#include "hub/hub_tokenizer.h"
#include "hub/hub_weights.h"

static void write_templates(const hub_t *h)
{
    if (!h->g->footing) return;
    char *path = hub_path(h, "templates.txt"), *text = templates_text(&h->g->footing->templates);
    out_whole(path, text, strlen(text));
    free(text);
    free(path);
}

static void check_body(const generator_t *g, const char *name)
{
    const model_config_t *c = &g->model->config;
    const char *what = g->space.body != BODY_FLAT ? "a timeline" : g->space.thinks ? "a model that thinks"
                     : c->node_vectors ? "a model with node vectors" : NULL;
    if (what) die(EX_DATAERR, "%s: %s, which is no Llama: only a plain --body flat can be exported", name, what);
}

/* The type that weights are written as where nobody says it. */
static st_dtype own_dtype(const model_t *m)
{
    if (m->base_embed < 0) return ST_F32;
    return st_dtype_size(m->params.blocks[m->base_embed].tensor->dtype) > 2 ? ST_F32 : ST_BF16;
}

static hub_t hub_of(const generator_t *g, const char *name, st_dtype dtype, const char *folder)
{
    enum { BYTES = 256 };
    const vocab_t *v = &g->space.vocab;
    const model_t *m = g->model;
    hub_t h = {g, name, folder, dtype == ST_OTHER ? own_dtype(m) : dtype, .has_texts = v->text > 0};
    h.texts = v->text ? v->text : BYTES;
    h.own = v->text ? v->first_text : v->size;
    h.rows = max64(h.texts + (int64_t)h.own, m->base_embed < 0 ? 0 : m->params.blocks[m->base_embed].rows);
    return h;
}

void hub_write(const generator_t *g, const char *name, st_dtype dtype, const char *folder)
{
    check_body(g, name);
    const hub_t h = hub_of(g, name, dtype, folder);
    folder_make(folder, 0777);
    hub_write_tokenizer(&h);
    write_templates(&h);
    hub_write_configs(&h);
    hub_write_weights(&h);
}

void hub_write_adapter(const generator_t *g, const char *name, st_dtype dtype, const char *folder)
{
    if (!footing_base(g->footing)) die(EX_DATAERR, "%s: stands on no base, and has no adapter", name);
    const hub_t h = hub_of(g, name, dtype, folder);
    folder_make(folder, 0777);
    hub_write_tokenizer(&h);
    write_templates(&h);
    hub_write_adapter_config(&h);
    hub_write_adapter_weights(&h);
}
