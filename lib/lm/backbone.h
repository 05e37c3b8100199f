/* A pretrained decoder, as Hugging Face's folders hold it: config.json, model.safetensors or several with their index, tokenizer.json. */
#ifndef SIDMILL_LM_BACKBONE_H
#define SIDMILL_LM_BACKBONE_H

#include "base/in.h"
#include "bpe/encoder.h"
#include "bpe/frame.h"
#include "lm/adapter.h"
#include "nn/model.h"
#include "nn/tensor_folder.h"

typedef struct {
    model_t *model;          /* its matrices lie in the files */
    tokenizer_t *tokenizer;
    bytes_t tokenizer_json;  /* what it was read from */
    frame_t frame;           /* of a text */
    char *folder;            /* where it lies */
    char *digest;            /* of config, weights and tokenizer, in hexadecimal */
    tensor_folder_t *files;
} backbone_t;

/* Opens a folder. Families are those of nn/model_config.h. A file that is missing ends the process with EX_NOINPUT; one that is
 * malformed, asks for what is not supported, has shapes that disagree with the config, numbers that are not finite, or a tokenizer with
 * more ids than the embedding has rows, with EX_DATAERR. Without an adapter (NULL) the output matrix is not read. With one the model has
 * what it adds, as yet without values, and its vocabulary is the adapter's tokens and then those of the tokenizer. */
backbone_t *backbone_open(const char *folder, const adapter_t *adapter);
void backbone_close(backbone_t *b);

/* Closes the weights' files, once nobody has the model. */
void backbone_close_weights(backbone_t *b);

/* Takes the model out, whose matrices lie in files as long as the rest is open. */
model_t *backbone_take(backbone_t *b);

#endif
