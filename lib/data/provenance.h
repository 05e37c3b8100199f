/* Which files a result comes from, each by its role and the digest of its bytes. The one list serves what is written beside the
 * result, and the fingerprint by which a checkpoint knows its run. */
#ifndef SIDMILL_DATA_PROVENANCE_H
#define SIDMILL_DATA_PROVENANCE_H

#include "base/buf.h"
#include "data/st.h"

typedef struct {
    char *role, *digest; /* digest NULL: no such file in this run */
} provenance_input_t;

/* Begins as {0}. */
typedef struct {
    provenance_input_t *inputs;
    int count, cap;
} provenance_t;

/* Adds an input: a file, NULL where the run has none; or one whose digest (st_digest()) is known. */
void provenance_add(provenance_t *p, const char *role, const st_file_t *f);
void provenance_add_digest(provenance_t *p, const char *role, const char *digest);

/* Everything that shapes a result: the version, the matrix backend (NULL where its choice does not matter), the canonical
 * configuration, and the inputs. Caller frees. */
char *provenance_fingerprint(const provenance_t *p, const char *backend, const char *config);

/* Records the inputs as metadata `input.<role>`; as members of a JSON object, separated by ", ". */
void provenance_write(const provenance_t *p, st_writer_t *w);
void provenance_json(const provenance_t *p, buf_t *out);

void provenance_free(provenance_t *p);

#endif
