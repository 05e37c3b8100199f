/* A generator on its way into a folder of language models (hub/hub.h). */
#ifndef SIDMILL_HUB_HUB_PLACE_H
#define SIDMILL_HUB_HUB_PLACE_H

#include <cjson/cJSON.h>

#include "gen/generator.h"

/* Its vocabulary is the tokenizer's, of a generator without texts the 256 bytes, whose vectors are 0;
 * behind that stand the generator's own tokens, as vocab_name() spells them and in their order, which take the place of rows that a base
 * has beyond its tokenizer's. */
typedef struct {
    const generator_t *g;
    const char *name, *folder;  /* name: what messages call the model */
    st_dtype dtype;             /* of its weights: F32 or BF16 */
    bool has_texts;
    int32_t texts, own;         /* ids of the tokenizer, and own tokens behind them */
    int64_t rows;               /* of the embedding */
} hub_t;

/* A file's path, which the caller frees; a JSON file, whose tree is freed. */
char *hub_path(const hub_t *h, const char *file);
void hub_write_json(const hub_t *h, const char *file, cJSON *j);

#endif
