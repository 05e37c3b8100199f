/* The safetensors files of a model's folder as Hugging Face lays it out: one, or several that an index names. */
#ifndef SIDMILL_NN_TENSOR_FOLDER_H
#define SIDMILL_NN_TENSOR_FOLDER_H

#include <xxhash.h>

#include "data/st.h"

typedef struct tensor_folder tensor_folder_t;

/* Opens a folder: the first of `names` (NULL at the end) that is there, or else what model.safetensors.index.json names. A folder without
 * either ends the process with EX_NOINPUT, an index that is malformed or names a tensor twice with EX_DATAERR. Pickled weights
 * (pytorch_model.bin), which are programs, are never read. `digest` takes in the digests of the files as they are opened. */
tensor_folder_t *tensor_folder_open(const char *folder, const char *const *names, XXH3_state_t *digest);
void tensor_folder_close(tensor_folder_t *t);

/* The names of all tensors, in a list that the caller frees; and the file that has them, for messages. */
const char **tensor_folder_names(const tensor_folder_t *t, int *count);
const char *tensor_folder_where(const tensor_folder_t *t);

/* The file that should hold a tensor, opened at first need; one that the index does not have, or has in no file of the folder, ends the
 * process with EX_DATAERR. */
const st_file_t *tensor_folder_file(tensor_folder_t *t, const char *tensor);

#endif
