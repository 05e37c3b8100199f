#include "data/provenance.h"

#include <stdlib.h>

#include "base/version.h"
#include "unit.h"

static char input[] = "/tmp/test_provenance.XXXXXX", output[] = "/tmp/test_provenance.XXXXXX";

static st_file_t *some_file(void)
{
    st_writer_t *w = st_create(input, NULL);
    st_add1(w, "x", ST_U8, 1, "x");
    st_commit(w);
    return st_open(input);
}

TEST(a_fingerprint_names_all_that_shapes_the_result)
{
    provenance_t p = {0};
    provenance_add_digest(&p, "sids", "abc");
    provenance_add(&p, "start", NULL);
    char *with = provenance_fingerprint(&p, "openblas", "{}"), *without = provenance_fingerprint(&p, NULL, "{}");
    CHECK(!strcmp(with, SIDMILL_VERSION " openblas {} sids:abc start:none"));
    CHECK(!strcmp(without, SIDMILL_VERSION " {} sids:abc start:none"));
    free(with);
    free(without);
    provenance_free(&p);
}

TEST(what_is_recorded_is_what_there_was)
{
    st_file_t *f = some_file();
    char *digest = st_digest(f);
    provenance_t p = {0};
    provenance_add(&p, "start", NULL);
    provenance_add(&p, "model", f);
    provenance_add_digest(&p, "sids", "abc");

    st_writer_t *w = st_create(output, NULL);
    provenance_write(&p, w);
    st_commit(w);
    st_file_t *written = st_open(output);
    CHECK(!strcmp(st_meta(written, "input.model"), digest) && !strcmp(st_meta(written, "input.sids"), "abc"));
    CHECK(!st_meta(written, "input.start"));

    buf_t json = {0};
    provenance_json(&p, &json);
    CHECK(!strncmp(json.data, "\"model\": \"", 10) && strstr(json.data, digest) && strstr(json.data, "\", \"sids\": \"abc\""));
    buf_free(&json);
    provenance_free(&p);
    st_close(written);
    st_close(f);
    free(digest);
}

int main(void)
{
    close(mkstemp(input));
    close(mkstemp(output));
    static const unit_test_t tests[] = {UNIT(a_fingerprint_names_all_that_shapes_the_result), UNIT(what_is_recorded_is_what_there_was)};
    int failed = unit_run(tests, 2);
    unlink(input);
    unlink(output);
    return failed;
}
