/* What items whose codes begin alike have in common (text/topics.h), worked out once, as JSON. */
#ifndef SIDMILL_SERVE_CODE_TOPICS_H
#define SIDMILL_SERVE_CODE_TOPICS_H

#include "data/trie.h"
#include "select/item_records.h"

typedef struct code_topics code_topics_t;

/* Reads the records' lines, of the items of the trie. */
code_topics_t *code_topics_new(const trie_t *t, const item_records_t *r);
void code_topics_free(code_topics_t *c);

/* Of the items below a node: an object as topics_write() has it; NULL where they are fewer than two. `c` may be NULL. */
const char *code_topics_at(const code_topics_t *c, int64_t node);

#endif
