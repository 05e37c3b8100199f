/* `errors` of item records: what went wrong for an item, by tool (sidmill-items(5)). */
#ifndef SIDMILL_DATA_ITEM_ERRORS_H
#define SIDMILL_DATA_ITEM_ERRORS_H

#include "base/buf.h"

/* Appends {"tool": ..., "message": ...}, after a comma where entries are there already. Bytes of the message that are not
 * UTF-8 become '?', and what is beyond 1000 is left out. */
void item_errors_add(buf_t *entries, const char *tool, const char *message);

/* Brings a record's `errors` up to date: other tools' entries stay as they are, byte by byte, this tool's go, `entries` come
 * last. Where nothing is to change, no byte does; an array that would be empty goes with its key. `text` is as items_splice()
 * takes it. */
void item_errors_put(buf_t *text, const char *tool, const buf_t *entries);

#endif
