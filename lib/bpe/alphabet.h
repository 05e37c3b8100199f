/* How files spell bytes: GPT-2's alphabet, a printable character for every byte, so that any bytes make a readable string of JSON. */
#ifndef SIDMILL_BPE_ALPHABET_H
#define SIDMILL_BPE_ALPHABET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The character that stands for a byte. */
int32_t alphabet_char(unsigned char byte);

/* The byte's place when all are sorted by their characters: the id that it has in a trained file. */
int alphabet_rank(unsigned char byte);

/* Appends the spelling of `n` bytes, as UTF-8. */
void alphabet_spell(const char *bytes, size_t n, buf_t *out);

/* Appends the bytes that `n` bytes of valid UTF-8 spell; false, adding nothing, where a character stands for none. */
bool alphabet_read(const char *spelling, size_t n, buf_t *out);

#endif
