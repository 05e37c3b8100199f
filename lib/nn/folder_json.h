/* The small JSON files of model folders: configs and indices. */
#ifndef SIDMILL_NN_FOLDER_JSON_H
#define SIDMILL_NN_FOLDER_JSON_H

#include <cjson/cJSON.h>
#include <xxhash.h>

/* Reads a file that is one object; what is no JSON, no UTF-8 or no object ends the process with EX_DATAERR, a missing file with
 * EX_NOINPUT. `digest`, where not NULL, takes in its length and its bytes. The caller deletes the result. */
cJSON *folder_json(const char *path, XXH3_state_t *digest);

#endif
