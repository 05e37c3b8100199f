#include "rec/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/st.h"

static char *state_path(const char *folder) { return xasprintf("%s/state.st", folder); }

void checkpoint_save(const char *folder, const char *fingerprint, const checkpoint_t *c)
{
    if (mkdir(folder, 0777) && errno != EEXIST) die_errno(EX_CANTCREAT, "%s", folder);
    char *path = state_path(folder);
    st_writer_t *w = st_create(path, "checkpoint/1");
    st_set_meta(w, "fingerprint", fingerprint);
    for (int i = 0; i < c->array_count; i++) st_add1(w, c->arrays[i].name, ST_F32, c->arrays[i].count, c->arrays[i].values);
    st_add1(w, "numbers", ST_F64, c->number_count, c->numbers);
    st_commit(w);
    free(path);
}

static void check_fingerprint(const char *path, const char *found, const char *expected)
{
    if (found && !strcmp(found, expected)) return;
    die(EX_DATAERR, "%s: checkpoint of another run (%s), this one is %s; remove it to start anew, or repeat the first run's options and inputs",
        path, found ? found : "unnamed", expected);
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
    st_close(f);
    free(path);
    return true;
}

void checkpoint_remove(const char *folder)
{
    char *path = state_path(folder);
    unlink(path);
    rmdir(folder);
    free(path);
}
