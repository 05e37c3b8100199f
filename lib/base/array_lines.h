/* A JSON array as JSON Lines: each of its elements on a line of its own. */
#ifndef SIDMILL_BASE_ARRAY_LINES_H
#define SIDMILL_BASE_ARRAY_LINES_H

#include "base/in.h"

/* Takes the source over. Where its first character that is no blank is '[', what comes out is the elements of that array, or of a list
 * as Python prints it, a line each, with blanks for the line breaks within; else the bytes are left as they are. Whether elements are
 * JSON is not looked at; what stands behind the array is a line of its own. Reading fails at the end of an array that is not closed. */
byte_source_t *array_lines(byte_source_t *source);

#endif
