/* A generator as the folder that Hugging Face's libraries keep a language model in: config.json, model.safetensors, tokenizer.json,
 * tokenizer_config.json, generation_config.json. */
#ifndef SIDMILL_HUB_HUB_FOLDER_H
#define SIDMILL_HUB_HUB_FOLDER_H

#include "gen/generator.h"

/* Writes the folder, made where it is missing, its weights last and as F32 or BF16. The vocabulary is the tokenizer's, of a model without
 * texts the 256 bytes, whose vectors are 0; behind it stand the generator's own tokens, as vocab_name() spells them, in their order. A body
 * that is no Llama (a timeline, one that thinks or has vectors of nodes) ends the process with EX_DATAERR; `name` is what
 * messages call the model. */
void hub_write(const generator_t *g, const char *name, st_dtype dtype, const char *folder);

#endif
