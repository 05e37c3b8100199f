#include "gen/generator.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { MOST_TEXT = 1 << 16 }; /* tokens of a text that is read */

/* Reads a whole number in a metadata object, between `least` and `most`. */
static int64_t need_number(const st_file_t *f, const cJSON *object, const char *what, const char *key, int least, int most)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(v) || v->valuedouble < least || v->valuedouble > most ||
        v->valuedouble != (double)(int64_t)v->valuedouble)
        die_at(f->name, 0, "metadata \"%s\": \"%s\" must be a whole number from %d to %d: is this a model of sidgen-train?",
               what, key, least, most);
    return (int64_t)v->valuedouble;
}

/* The same from 0 on; 0 where it is missing. */
static int64_t optional_number(const st_file_t *f, const cJSON *object, const char *what, const char *key, int most)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) ? need_number(f, object, what, key, 0, most) : 0;
}

static cJSON *need_object(const st_file_t *f, const char *key)
{
    const char *text = st_meta(f, key);
    cJSON *j = text ? cJSON_Parse(text) : NULL;
    if (!cJSON_IsObject(j)) die_at(f->name, 0, "metadata \"%s\" must be a JSON object: is this a model of sidgen-train?", key);
    return j;
}

/* Reads the vocabulary that a model was trained with. */
static vocab_t read_vocabulary(const st_file_t *model)
{
    cJSON *v = need_object(model, "vocab");
    const int64_t levels = need_number(model, v, "vocab", "levels", 1, SID_MAX_LEVELS);
    const int64_t codes = need_number(model, v, "vocab", "codes", 1, INT32_MAX);
    const int64_t suffixes = need_number(model, v, "vocab", "max_suffix", 0, INT32_MAX);
    const int64_t text = optional_number(model, v, "vocab", "text", INT32_MAX);
    vocab_t vocab = vocab_make((int)levels, (int)codes, (int)suffixes);
    if (text) vocab_add_text(&vocab, text);
    cJSON_Delete(v);
    return vocab;
}

/* Refuses a model whose vocabulary is not the one that the SIDs give. */
static void check_vocabulary(const model_t *m, const st_file_t *model, const sids_t *sids, const char *sids_name)
{
    const vocab_t v = read_vocabulary(model);
    if (v.levels != sids->levels || v.codes != sids->codes || v.max_suffix != sids->max_suffix || v.size != m->config.vocab_size)
        die(EX_DATAERR, "%s: trained on SIDs of %d levels x %d codes and %d suffixes, but %s has %d x %d and %d",
            model->name, v.levels, v.codes, v.max_suffix, sids_name, sids->levels, sids->codes, sids->max_suffix);
}

/* Refuses SIDs unless they are the training's, or have grown out of them by rqvae --assign, which records where it began; tells
 * whether they may have grown. */
static bool check_sids(const st_file_t *model, const st_file_t *sids)
{
    const char *trained = st_meta(model, "input.sids"), *grown = st_meta(sids, "input.sids");
    if (!trained || (grown && !strcmp(grown, trained))) return true;
    char *digest = st_digest(sids);
    if (strcmp(digest, trained))
        die(EX_DATAERR, "%s: trained with other SIDs than %s (digest %s, this file has %s)", model->name, sids->name, trained,
            digest);
    free(digest);
    return false;
}

/* Reads a share, `name`, that is left out by the training's seed. */
static hold_back_t left_out(const cJSON *training, const char *name)
{
    const cJSON *share = cJSON_GetObjectItemCaseSensitive(training, name);
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(training, "seed");
    const cJSON *fold = cJSON_GetObjectItemCaseSensitive(training, "fold"); /* older models have none */
    if (!cJSON_IsNumber(share) || !(share->valuedouble > 0 && share->valuedouble <= 1)) return (hold_back_t){0};
    if (!cJSON_IsNumber(seed) || !(seed->valuedouble >= 0 && seed->valuedouble <= 0x1p53)) return (hold_back_t){0};
    const double number = cJSON_IsNumber(fold) && fold->valuedouble >= 1 && fold->valuedouble <= FOLDS_MOST ? fold->valuedouble : 1;
    return (hold_back_t){share->valuedouble, (uint64_t)seed->valuedouble, (int64_t)number - 1};
}

static softmax_t softmax_of(const st_file_t *model, const cJSON *training)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(training, "softmax"));
    softmax_t softmax;
    if (!name || !softmax_parse(name, &softmax))
        die_at(model->name, 0, "metadata \"training\": \"softmax\" must be \"trie\" or \"level\"");
    return softmax;
}

/* Which body a model has shows in its shape; a file that says otherwise is not to be trusted. */
static body_t body_of(const st_file_t *model, const cJSON *training, const model_config_t *c, int levels)
{
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(training, "body");
    const body_t shape = c->depth_levels ? BODY_TIMELINE : BODY_FLAT;
    body_t body = BODY_FLAT;
    if ((said && !(cJSON_IsString(said) && body_parse(said->valuestring, &body))) || body != shape)
        die_at(model->name, 0, "metadata \"training\": \"body\" is not the body that the model's shape says (%s)", body_names[shape]);
    if (shape == BODY_TIMELINE && c->depth_levels != levels + 1)
        die_at(model->name, 0, "a block for each of %lld levels, expected %d", (long long)c->depth_levels, levels + 1);
    if (shape == BODY_FLAT && c->think_levels && c->think_levels != levels)
        die_at(model->name, 0, "thoughts at %lld levels, expected %d", (long long)c->think_levels, levels);
    if (shape == BODY_FLAT && (c->item_vectors || c->learned_positions))
        die_at(model->name, 0, "item vectors or learned positions without a timeline");
    return shape;
}

/* Adds a base's tokens to a space, and the templates. */
static void footing_apply(const footing_t *f, space_t *space, int64_t most)
{
    const backbone_t *b = f->base.backbone;
    space_add_text(space, tokenizer_size(b->tokenizer), most, b->tokenizer_json.data, (int64_t)b->tokenizer_json.len);
    templates_apply(&f->templates, b->tokenizer, &b->frame, space);
}

/* Puts templates around the tasks, in the words of the tokenizer that a model brings. */
static void apply_templates(generator_t *g, const char *name, int64_t text)
{
    space_t *s = &g->space;
    tokenizer_t *t = tokenizer_parse(name, s->tokenizer, (size_t)s->tokenizer_bytes);
    frame_t frame = frame_parse(name, s->tokenizer, (size_t)s->tokenizer_bytes, t);
    if (tokenizer_size(t) != text) die_at(name, 0, "its tokenizer has %d tokens, its vocabulary %lld", (int)tokenizer_size(t), (long long)text);
    templates_apply(&g->footing->templates, t, &frame, s);
    frame_free(&frame);
    tokenizer_free(t);
}

/* Adds what a model knows of texts. */
static void read_texts(generator_t *g, const st_file_t *model)
{
    cJSON *v = need_object(model, "vocab");
    const int64_t text = optional_number(model, v, "vocab", "text", INT32_MAX);
    const int64_t most = text ? need_number(model, v, "vocab", "text_tokens", 1, MOST_TEXT) : 0;
    cJSON_Delete(v);
    if (!text) return;
    if (g->space.body != BODY_FLAT || g->space.thinks) die_at(model->name, 0, "texts in a timeline, or with thoughts");
    if (footing_base(g->footing)) {
        footing_apply(g->footing, &g->space, most);
        return;
    }
    int64_t bytes[] = {-1};
    g->tokenizer = st_need_u8(model, "tokenizer", 1, bytes);
    space_add_text(&g->space, text, most, g->tokenizer, bytes[0]);
    if (g->footing) apply_templates(g, model->name, text);
}

static void read_training(generator_t *g, const st_file_t *model, const sids_t *sids)
{
    cJSON *t = need_object(model, "training");
    g->space = space_make(sids, softmax_of(model, t), body_of(model, t, &g->model->config, sids->levels),
                          need_number(model, t, "training", "max-items", 1, 4096));
    g->hold = left_out(t, "hold-back");
    g->held_items = left_out(t, "hold-items");
    const char *tasks = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(t, "tasks"));
    g->tasks = tasks ? xstrdup(tasks) : NULL;
    g->space.thinks = g->model->config.think_levels > 0;
    cJSON_Delete(t);
    read_texts(g, model);
    if (space_positions(&g->space) > g->model->config.max_position_embeddings)
        die_at(model->name, 0, "histories of %lld items do not fit its %lld positions", (long long)g->space.max_items,
               (long long)g->model->config.max_position_embeddings);
    if (g->model->config.learned_positions && space_positions(&g->space) > g->model->config.learned_positions)
        die_at(model->name, 0, "histories of %lld items do not fit its %lld learned positions", (long long)g->space.max_items,
               (long long)g->model->config.learned_positions);
}

/* Finds every node of the model's trie in today's, by the tokens that lead there; the rest is new, -1. */
static int64_t *nodes_of(const st_file_t *model, const trie_t *trie, int64_t rows)
{
    int64_t shape[] = {rows}, *parent = st_need_i64(model, "node_parent", 1, shape);
    int32_t *token = st_need_i32(model, "node_token", 1, shape);
    int64_t *from = NEW_ARRAY(int64_t, trie->nodes), *node = NEW_ARRAY(int64_t, rows);
    for (int64_t i = 0; i < trie->nodes; i++) from[i] = -1;
    for (int64_t i = 0; i < rows; i++) {
        const bool sound = i ? parent[i] >= 0 && parent[i] < i : parent[i] == -1 && token[i] == -1;
        node[i] = !sound ? -1 : i ? trie_child(trie, node[parent[i]], token[i]) : 0;
        if (node[i] < 0 || from[node[i]] >= 0)
            die(EX_DATAERR, "%s: its node vectors are of another trie than that of these SIDs", model->name);
        from[node[i]] = i;
    }
    free(parent);
    free(token);
    free(node);
    return from;
}

/* Fits the tables to SIDs that have grown: what is new has no vector of its own yet. */
static void fit_tables(generator_t *g, const st_file_t *model, bool grown)
{
    const model_config_t *c = &g->model->config;
    const int64_t items = g->space.sids->items;
    if (c->item_vectors && (c->item_vectors > items || (!grown && c->item_vectors < items)))
        die(EX_DATAERR, "%s: vectors of %lld items, but there are %lld", model->name, (long long)c->item_vectors,
            (long long)items);
    if (c->node_vectors && g->space.softmax != SOFTMAX_TRIE) die_at(model->name, 0, "node vectors without the trie's softmax");
    if (c->item_vectors) model_regrow(g->model, model, g->model->item_vectors, items, NULL);
    if (!c->node_vectors) return;
    int64_t *from = nodes_of(model, &g->space.trie, c->node_vectors);
    model_regrow(g->model, model, g->model->node_vectors, g->space.trie.nodes, from);
    free(from);
}

/* Tells how many tokens a model on a base has rows of its own for. */
static int64_t own_tokens(const st_file_t *model)
{
    const vocab_t v = read_vocabulary(model);
    if (!v.text) die_at(model->name, 0, "metadata \"vocab\": no texts, but a base");
    return v.first_text;
}

/* Reads what a model has of a base: the base itself, where the file names one, and templates; NULL where it has neither. */
static footing_t *read_footing(const st_file_t *model)
{
    footing_t f = {0};
    const char *templates = st_meta(model, "templates");
    const bool based = base_read(model, &f.base);
    if (!templates && !based) return NULL;
    if (!templates) die_at(model->name, 0, "metadata \"templates\" is missing: is this a model of sidgen-train?");
    f.templates = templates_parse(model->name, templates, strlen(templates));
    footing_t *footing = NEW(footing_t);
    *footing = f;
    return footing;
}

static model_t *read_on_base(base_t *base, const st_file_t *model)
{
    base->adapter.tokens = own_tokens(model);
    st_check_schema(model, "model/1");
    model_t *m = base_open(base, model->name);
    params_check(model, &m->params);
    params_read(model, &m->params);
    return m;
}

void generator_check(const st_file_t *model)
{
    base_t base;
    if (!base_read(model, &base)) {
        model_free(model_read(model, false));
        return;
    }
    base.adapter.tokens = own_tokens(model);
    model_t *m = model_new_mapped(model_read_config(model), "model.");
    adapter_add(m, &base.adapter);
    params_check(model, &m->params);
    params_allocate(&m->params);
    params_read(model, &m->params);
    model_free(m);
    base_free(&base);
}

model_t *footing_open(footing_t *f, space_t *space, int64_t most, const char *name)
{
    vocab_t v = space->vocab;
    vocab_add_text(&v, 1);
    f->base.adapter.tokens = v.first_text;
    model_t *m = base_open(&f->base, name);
    footing_apply(f, space, most);
    return m;
}

void footing_free(footing_t *f)
{
    base_free(&f->base);
    templates_free(&f->templates);
}

generator_t generator_read(const st_file_t *model, const st_file_t *sids_file, const sids_t *sids, bool split)
{
    generator_t g = {.model = NULL};
    g.footing = read_footing(model);
    g.model = footing_base(g.footing) ? read_on_base(&g.footing->base, model) : model_read(model, split);
    check_vocabulary(g.model, model, sids, sids_file->name);
    const bool grown = check_sids(model, sids_file);
    read_training(&g, model, sids);
    fit_tables(&g, model, grown);
    if (g.space.thinks) g.alignment = alignment_read(model, sids->levels, sids->codes, g.model->config.hidden_size);
    return g;
}

void generator_free(generator_t *g)
{
    model_free(g->model);
    alignment_free(g->alignment);
    free(g->tokenizer);
    free(g->tasks);
    if (g->footing) footing_free(g->footing);
    free(g->footing);
    space_free(&g->space);
    *g = (generator_t){0};
}

static void add_footing(st_writer_t *w, const footing_t *f)
{
    char *base = footing_base(f) ? base_json(&f->base) : NULL, *templates = templates_text(&f->templates);
    if (base) st_set_meta(w, "base", base);
    st_set_meta(w, "templates", templates);
    free(base);
    free(templates);
}

void generator_add(st_writer_t *w, const model_t *m, const space_t *s, const alignment_t *alignment, const footing_t *footing,
                   const char *training, const char *gemm)
{
    const vocab_t *v = &s->vocab;
    char *hf = model_config_json(&m->config, v->bos);
    char *texts = !v->text ? xstrdup("") : xasprintf("\"first_marker\":%d,\"end\":%d,\"first_text\":%d,\"text\":%d,\"text_tokens\":%lld,",
                                                    v->first_marker, v->end, v->first_text, v->text, (long long)s->text_most);
    char *vocab = xasprintf("{\"levels\":%d,\"codes\":%d,\"max_suffix\":%d,"
                            "\"bos\":%d,\"first_code\":%d,\"first_suffix\":%d,%s\"size\":%d}",
                            v->levels, v->codes, v->max_suffix, v->bos, v->first_code, v->first_suffix, texts, v->size);
    st_set_meta(w, "config", hf);
    st_set_meta(w, "vocab", vocab);
    st_set_meta(w, "training", training);
    st_set_meta(w, "gemm", gemm);
    params_write(w, &m->params);
    alignment_add(w, alignment);
    if (m->node_vectors >= 0) {
        st_add1(w, "node_parent", ST_I64, s->trie.nodes, s->trie.parent);
        st_add1(w, "node_token", ST_I32, s->trie.nodes, s->trie.token);
    }
    if (footing) add_footing(w, footing);
    if (s->tokenizer && !footing_base(footing)) st_add1(w, "tokenizer", ST_U8, s->tokenizer_bytes, s->tokenizer);
    free(hf);
    free(vocab);
    free(texts);
}
