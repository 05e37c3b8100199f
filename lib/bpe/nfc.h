/* Unicode's normal form C, through ICU: of a text only the stretches that may not be in it are looked at closely. One a thread. */
#ifndef SIDMILL_BPE_NFC_H
#define SIDMILL_BPE_NFC_H

#include <stddef.h>

#include "base/buf.h"

typedef struct nfc nfc_t;

nfc_t *nfc_new(void);
void nfc_free(nfc_t *f);

/* The normal form of `n` bytes of valid UTF-8, *length bytes: the text itself where it is in it, else valid until the next call. */
const char *nfc_text(nfc_t *f, const char *text, size_t n, size_t *length);

#endif
