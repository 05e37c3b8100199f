#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "train/beside.h"

#define STATE "state.st"

static char *state_path(const char *folder) { return xasprintf("%s/" STATE, folder); }

void checkpoint_add(checkpoint_t *c, const char *prefix, const char *name, st_dtype dtype, int64_t count, void *values)
{
    GROW(c->fields, c->count, c->cap);
    c->fields[c->count++] = (checkpoint_field_t){xasprintf("%s.%s", prefix, name), dtype, count, values};
}

void checkpoint_free(checkpoint_t *c)
{
    for (int i = 0; i < c->count; i++) free(c->fields[i].name);
    free(c->fields);
    c->fields = NULL;
    c->count = c->cap = 0;
}

static size_t bytes_of(const checkpoint_field_t *f) { return size_mul((size_t)f->count, st_dtype_size(f->dtype)); }

/* Hashes all fields, so that a damaged state is not taken for a good one. */
static char *digest(const checkpoint_t *c)
{
    uint64_t h = 0;
    for (int i = 0; i < c->count; i++) h = XXH3_64bits_withSeed(c->fields[i].values, bytes_of(&c->fields[i]), h);
    return xasprintf("%016" PRIx64, h);
}

/* Removes what a process killed while it saved has left: state.st.XXXXXX; with the state itself, if that is to go. Nothing else is ours. */
static void sweep(const char *folder, bool whole)
{
    DIR *dir = opendir(folder);
    if (!dir) return;
    const size_t n = strlen(STATE) + !whole;
    for (const struct dirent *e; (e = readdir(dir));)
        if (!strncmp(e->d_name, STATE ".", n)) unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}

/* Writes the state; each field is not needed any more when `written` is called. */
static void write_state(const checkpoint_t *c, void (*written)(const void *values, size_t bytes))
{
    if (mkdir(c->folder, 0777) && errno != EEXIST) die_errno(EX_CANTCREAT, "%s", c->folder);
    char *path = state_path(c->folder), *sum = digest(c);
    st_writer_t *w = st_create(path, "checkpoint/2");
    st_set_meta(w, "fingerprint", c->fingerprint);
    st_set_meta(w, "digest", sum);
    for (int i = 0; i < c->count; i++) st_add1(w, c->fields[i].name, c->fields[i].dtype, c->fields[i].count, c->fields[i].values);
    st_write(w, written);
    st_commit(w);
    free(sum);
    free(path);
}

void checkpoint_save(const checkpoint_t *c)
{
    if (!c->folder || ranks_self()) return;
    if (beside_stop()) sweep(c->folder, false);
    write_state(c, NULL);
}

/* Most of the time goes to the disk, when the copy needs the values no more: what the process then changes is not copied. */
static void save_in_copy(const void *ctx) { write_state(ctx, beside_drop); }

void checkpoint_save_beside(const checkpoint_t *c)
{
    if (!c->folder || ranks_self()) return;
    if (!beside_start(save_in_copy, c)) write_state(c, NULL);
}

/* Finds the part of a fingerprint that byte `at` lies in, a member of the JSON object or a word, to name what differs. */
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
    die_at(path, 0, "checkpoint of another run: %.*s, this run has %.*s; "
           "repeat the first run's options and inputs, or remove it to start anew",
           there, in_file, here, in_run);
}

_Noreturn void checkpoint_damaged(const checkpoint_t *c)
{
    die(EX_DATAERR, "%s: the checkpoint is damaged; remove it to start anew", c->folder);
}

/* Tells whether a field's numbers can be ours. */
static bool sound(const checkpoint_field_t *field, const st_tensor_t *t)
{
    const bool whole = !st_dtype_is_float(field->dtype);
    for (int64_t i = 0; i < t->count; i++) {
        const double v = st_value(t, i);
        if (!isfinite(v) || (whole && v < 0)) return false;
    }
    return true;
}

/* Finds the state's fields, all of which must be there and sound, before any is touched. */
static const st_tensor_t **need_fields(const checkpoint_t *c, const st_file_t *f)
{
    const st_tensor_t **tensors = NEW_ARRAY(const st_tensor_t *, c->count);
    for (int i = 0; i < c->count; i++) {
        const checkpoint_field_t *field = &c->fields[i];
        int64_t count = field->count;
        tensors[i] = st_need(f, field->name, 1, &count);
        if (tensors[i]->dtype != field->dtype)
            st_bad(f, field->name, "found %s, expected %s", st_dtype_name(tensors[i]->dtype), st_dtype_name(field->dtype));
        if (!sound(field, tensors[i])) checkpoint_damaged(c);
    }
    return tensors;
}

static bool read_state(const checkpoint_t *c)
{
    char *path = c->folder ? state_path(c->folder) : NULL;
    if (!path || access(path, F_OK)) {
        if (path) sweep(c->folder, false);
        free(path);
        return false;
    }
    st_file_t *f = st_open(path);
    st_check_schema(f, "checkpoint/2");
    check_fingerprint(path, st_meta(f, "fingerprint"), c->fingerprint);
    sweep(c->folder, false);
    const st_tensor_t **tensors = need_fields(c, f);
    for (int i = 0; i < c->count; i++)
        if (tensors[i]->count) memcpy(c->fields[i].values, tensors[i]->data, bytes_of(&c->fields[i]));
    char *sum = digest(c);
    const char *expected = st_meta(f, "digest");
    if (!expected || strcmp(sum, expected)) checkpoint_damaged(c);
    free(sum);
    free(tensors);
    st_close(f);
    free(path);
    return true;
}

bool checkpoint_load(const checkpoint_t *c)
{
    bool found = !ranks_self() && read_state(c);
    ranks_broadcast(&found, sizeof found);
    for (int i = 0; found && i < c->count; i++) ranks_broadcast(c->fields[i].values, bytes_of(&c->fields[i]));
    return found;
}

void checkpoint_remove(const char *folder)
{
    if (!folder || ranks_self()) return;
    beside_stop();
    sweep(folder, true);
    rmdir(folder);
}
