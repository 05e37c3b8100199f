#include "serve/edition.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/strtab.h"

enum { KEPT_SETS = 1024, KEPT_BYTES = 1 << 26 };

struct edition {
    engine_t *engine;
    item_records_t *records;
    word_index_t *words;
    code_topics_t *topics;
    atomic_int held;
    strtab_t asked;        /* conditions_write() of the sets that are kept */
    item_set_t *kept[KEPT_SETS];
    int64_t set_bytes;     /* about, of one */
};

edition_t *edition_open(const edition_files_t *f)
{
    edition_t *e = NEW(edition_t);
    e->engine = engine_open(&f->engine);
    if (f->items) e->records = item_records_read(f->items, engine_ids(e->engine), true, true);
    e->words = word_index_new(engine_ids(e->engine), e->records ? e->records->title : NULL);
    const trie_t *t = engine_trie(e->engine);
    if (t && e->records) e->topics = code_topics_new(t, e->records);
    e->set_bytes = (engine_ids(e->engine)->count + (t ? t->nodes : 0)) / 8 + 1;
    e->held = 1;
    strtab_index(&e->asked);
    return e;
}

edition_t *edition_hold(edition_t *e)
{
    atomic_fetch_add(&e->held, 1);
    return e;
}

void edition_release(edition_t *e)
{
    if (!e || atomic_fetch_sub(&e->held, 1) > 1) return;
    for (int64_t i = 0; i < e->asked.count; i++) item_set_free(e->kept[i]);
    strtab_free(&e->asked);
    code_topics_free(e->topics);
    item_records_free(e->records);
    word_index_free(e->words);
    engine_free(e->engine);
    free(e);
}

engine_t *edition_engine(const edition_t *e) { return e->engine; }
const item_records_t *edition_records(const edition_t *e) { return e->records; }
const word_index_t *edition_words(const edition_t *e) { return e->words; }
const code_topics_t *edition_topics(const edition_t *e) { return e->topics; }

const item_set_t *edition_meet(edition_t *e, const conditions_t *c, bool *own)
{
    buf_t name = {0};
    conditions_write(c, &name);
    buf_puts(&name, ";");
    const int64_t at = strtab_find(&e->asked, name.data, name.len);
    item_set_t *s = at < 0 ? conditions_meet(c, e->records->facets, e->records->items, engine_trie(e->engine)) : e->kept[at];
    *own = at < 0 && (e->asked.count == KEPT_SETS || (e->asked.count + 1) * e->set_bytes > KEPT_BYTES || name.len > 4096);
    if (at < 0 && !*own) {
        e->kept[e->asked.count] = s;
        strtab_add(&e->asked, name.data, name.len);
    }
    buf_free(&name);
    return s;
}

struct current {
    pthread_mutex_t lock;
    edition_t *edition;
};

current_t *current_new(edition_t *e)
{
    current_t *c = NEW(current_t);
    pthread_mutex_init(&c->lock, NULL);
    c->edition = e;
    return c;
}

void current_free(current_t *c)
{
    edition_release(c->edition);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

edition_t *current_hold(current_t *c)
{
    pthread_mutex_lock(&c->lock);
    edition_t *e = edition_hold(c->edition);
    pthread_mutex_unlock(&c->lock);
    return e;
}

void current_replace(current_t *c, edition_t *e)
{
    pthread_mutex_lock(&c->lock);
    edition_t *old = c->edition;
    c->edition = e;
    pthread_mutex_unlock(&c->lock);
    edition_release(old);
}
