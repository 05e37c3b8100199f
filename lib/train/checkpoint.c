#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/st.h"

#define STATE "state.st"

static char *state_path(const char *folder) { return xasprintf("%s/" STATE, folder); }

/* Of all arrays and numbers, so that a damaged state is not taken for a good one. */
static char *digest(const checkpoint_t *c)
{
    uint64_t h = XXH3_64bits(c->numbers, (size_t)c->number_count * sizeof(double));
    for (int i = 0; i < c->array_count; i++)
        h = XXH3_64bits_withSeed(c->arrays[i].values, (size_t)c->arrays[i].count * sizeof(float), h);
    return xasprintf("%016" PRIx64, h);
}

void checkpoint_save(const char *folder, const char *fingerprint, const checkpoint_t *c)
{
    if (mkdir(folder, 0777) && errno != EEXIST) die_errno(EX_CANTCREAT, "%s", folder);
    char *path = state_path(folder);
    char *sum = digest(c);
    st_writer_t *w = st_create(path, "checkpoint/1");
    st_set_meta(w, "fingerprint", fingerprint);
    st_set_meta(w, "digest", sum);
    for (int i = 0; i < c->array_count; i++) st_add1(w, c->arrays[i].name, ST_F32, c->arrays[i].count, c->arrays[i].values);
    st_add1(w, "numbers", ST_F64, c->number_count, c->numbers);
    st_commit(w);
    free(sum);
    free(path);
}

/* The part of a fingerprint that byte `at` lies in: a member of the JSON object or a word. */
static const char *part_at(const char *text, size_t at, int *length)
{
    size_t begin = at, end = at;
    while (begin > 0 && !strchr(",{ ", text[begin - 1])) begin--;
    while (text[end] && !strchr(",} ", text[end])) end++;
    *length = (int)(end - begin);
    return text + begin;
}

static void check_fingerprint(const char *path, const char *found, const char *expected)
{
    if (!found) die_at(path, 0, "not a checkpoint of training; remove it to start anew");
    size_t same = 0;
    while (found[same] && found[same] == expected[same]) same++;
    if (!found[same] && !expected[same]) return;
    int there, here;
    const char *in_file = part_at(found, same, &there), *in_run = part_at(expected, same, &here);
    die_at(path, 0, "checkpoint of another run: %.*s, this run has %.*s; repeat the first run's options and inputs, or remove it to start anew",
           there, in_file, here, in_run);
}

bool checkpoint_load(const char *folder, const char *fingerprint, const checkpoint_t *c)
{
    char *path = state_path(folder);
    if (access(path, F_OK)) {
        free(path);
        return false;
    }
    st_file_t *f = st_open(path);
    st_check_schema(f, "checkpoint/1");
    check_fingerprint(path, st_meta(f, "fingerprint"), fingerprint);
    for (int i = 0; i < c->array_count; i++) {
        int64_t count = c->arrays[i].count;
        float *values = st_need_f32(f, c->arrays[i].name, 1, &count);
        memcpy(c->arrays[i].values, values, (size_t)count * sizeof(float));
        free(values);
    }
    int64_t count = c->number_count;
    const st_tensor_t *t = st_need(f, "numbers", 1, &count);
    if (t->dtype != ST_F64) die_at(path, 0, "tensor 'numbers': found %s, expected F64", st_dtype_name(t->dtype));
    memcpy(c->numbers, t->data, (size_t)count * sizeof(double));
    char *sum = digest(c);
    const char *expected = st_meta(f, "digest");
    if (!expected || strcmp(sum, expected)) die_at(path, 0, "the checkpoint is damaged; remove it to start anew");
    free(sum);
    st_close(f);
    free(path);
    return true;
}

/* Removes the state, and what a process killed while it saved has left: state.st.XXXXXX. Anything else is not ours. */
void checkpoint_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (const struct dirent *e; (e = readdir(dir));)
        if (!strncmp(e->d_name, STATE, strlen(STATE))) unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(folder);
}
