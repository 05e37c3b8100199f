/* Reading items' texts. */
#ifndef SIDMILL_TASKS_READ_TEXTS_H
#define SIDMILL_TASKS_READ_TEXTS_H

#include "bpe/tokenizer.h"
#include "data/strtab.h"
#include "tasks/item_texts.h"

/* The texts of the items that `ids` names, by a tokenizer; items of other ids are passed over. Titles have at most TITLE_MOST tokens,
 * other texts `most`. *digest is that of the file (in_digest_hex()), which the caller frees. A file without any of these items ends the
 * process with EX_DATAERR. */
item_texts_t read_texts(const char *items_path, const strtab_t *ids, const tokenizer_t *t, int64_t most, char **digest);

#endif
