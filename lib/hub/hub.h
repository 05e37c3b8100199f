/* Generators as the folders that Hugging Face's libraries keep language models in. */
#ifndef SIDMILL_HUB_HUB_H
#define SIDMILL_HUB_HUB_H

#include "gen/generator.h"

/* Writes a folder, made where it is missing: config.json, model.safetensors, tokenizer.json, tokenizer_config.json, generation_config.json; of
 * a generator on a base, whose low-rank pairs become part of the matrices, templates.txt as well. Weights come last. `dtype` ST_OTHER: F32,
 * or BF16 on a base of 16 bits. A body that is no Llama (a timeline, one that thinks or has vectors of nodes) ends the process with
 * EX_DATAERR. */
void hub_write(const generator_t *g, const char *name, st_dtype dtype, const char *folder);

/* Writes what trains of a generator on a base, in the form of PEFT's LoRA: adapter_config.json, adapter_model.safetensors with the pairs and
 * the whole embedding, tokenizer.json, templates.txt. One on none ends the process with EX_DATAERR. */
void hub_write_adapter(const generator_t *g, const char *name, st_dtype dtype, const char *folder);

#endif
