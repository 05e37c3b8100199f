/* tokenizer.json and tokenizer_config.json of a generator's folder. */
#ifndef SIDMILL_HUB_HUB_TOKENIZER_H
#define SIDMILL_HUB_HUB_TOKENIZER_H

#include "hub/hub_place.h"

/* Writes both. A tokenizer that has one of the generator's own tokens already ends the process with EX_DATAERR. */
void hub_write_tokenizer(const hub_t *h);

#endif
