/* .npy files, NumPy's format for one array: read in versions 1 and 2, written in version 1. */
#ifndef SIDMILL_DATA_NPY_H
#define SIDMILL_DATA_NPY_H

#include <stdbool.h>

#include "base/in.h"
#include "base/out.h"
#include "data/st.h"

/* True if the bytes begin as a .npy file does. */
bool npy_is(const bytes_t *b);

/* The array as a nameless tensor whose data lies in `b`. Little-endian numbers and booleans in C order are taken; anything
 * else (Fortran order, big-endian, objects, strings, complex numbers, a wrong length) ends the process with EX_DATAERR. */
st_tensor_t npy_parse(const bytes_t *b);

/* Writes a tensor. NumPy has no 8-bit floats and no bfloat16: those are written as F32, which holds them exactly. */
void npy_write(out_t *o, const st_tensor_t *t);

#endif
