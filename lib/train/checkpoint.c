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
enum { PIECE = 1 << 22 }; /* bytes of a split field that are gathered at once */

static char *state_path(const char *folder) { return xasprintf("%s/" STATE, folder); }

void checkpoint_add(checkpoint_t *c, const char *prefix, const char *name, st_dtype dtype, int64_t count, void *values)
{
    GROW(c->fields, c->count, c->cap);
    c->fields[c->count++] = (checkpoint_field_t){xasprintf("%s.%s", prefix, name), dtype, count, values, 0};
}

void checkpoint_add_rows(checkpoint_t *c, const char *prefix, const char *name, st_dtype dtype, checkpoint_rows_t rows, void *values)
{
    checkpoint_add(c, prefix, name, dtype, (int64_t)size_mul((size_t)rows.rows, (size_t)rows.cols), values);
    if (rows.split && ranks_size() > 1) c->fields[c->count - 1].split = rows.rows;
}

bool checkpoint_together(const checkpoint_t *c)
{
    bool split = false;
    for (int i = 0; i < c->count; i++) split |= c->fields[i].split > 0;
    return c->folder && split;
}

void checkpoint_free(checkpoint_t *c)
{
    for (int i = 0; i < c->count; i++) free(c->fields[i].name);
    free(c->fields);
    c->fields = NULL;
    c->count = c->cap = 0;
}

static size_t bytes_of(const checkpoint_field_t *f) { return size_mul((size_t)f->count, st_dtype_size(f->dtype)); }

static size_t row_size(const checkpoint_field_t *f) { return bytes_of(f) / (size_t)f->split; }

/* Fills bytes of a split field from where they are. */
static void gather(const void *field, size_t at, size_t n, void *bytes)
{
    const checkpoint_field_t *f = field;
    ranks_gather_bytes(f->values, f->split, row_size(f), at, n, bytes);
}

static uint64_t hash_split(const checkpoint_field_t *f, uint64_t seed)
{
    XXH3_state_t *state = XXH3_createState();
    char *piece = xmalloc(PIECE);
    if (!state || XXH3_64bits_reset_withSeed(state, seed) != XXH_OK) die(EX_OSERR, "out of memory");
    for (size_t at = 0, n; at < bytes_of(f); at += n) {
        n = bytes_of(f) - at < PIECE ? bytes_of(f) - at : PIECE;
        gather(f, at, n, piece);
        if (!ranks_self()) XXH3_64bits_update(state, piece, n);
    }
    const uint64_t h = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    free(piece);
    return h;
}

/* Hashes all fields, so that a damaged state is not taken for a good one. */
static char *digest(const checkpoint_t *c)
{
    uint64_t h = 0;
    for (int i = 0; i < c->count; i++) {
        const checkpoint_field_t *f = &c->fields[i];
        h = f->split ? hash_split(f, h) : XXH3_64bits_withSeed(f->values, bytes_of(f), h);
    }
    return xasprintf("%016" PRIx64, h);
}

/* Tells whether a state's fields are those that were hashed. */
static bool digest_holds(const checkpoint_t *c, const st_tensor_t *const *tensors, const char *expected)
{
    uint64_t h = 0;
    for (int i = 0; i < c->count; i++) h = XXH3_64bits_withSeed(tensors[i]->data, bytes_of(&c->fields[i]), h);
    char *sum = xasprintf("%016" PRIx64, h);
    const bool holds = expected && !strcmp(sum, expected);
    free(sum);
    return holds;
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

static void add_field(st_writer_t *w, const checkpoint_field_t *f)
{
    if (f->split) st_add_source(w, f->name, f->dtype, 1, &f->count, gather, f);
    else st_add1(w, f->name, f->dtype, f->count, f->values);
}

/* Writes the state; each field is not needed any more when `written` is called. */
static void write_state(const checkpoint_t *c, void (*written)(const void *values, size_t bytes))
{
    if (!ranks_self() && mkdir(c->folder, 0777) && errno != EEXIST) die_errno(EX_CANTCREAT, "%s", c->folder);
    char *path = state_path(c->folder), *sum = digest(c);
    st_writer_t *w = st_create(path, "checkpoint/2");
    st_set_meta(w, "fingerprint", c->fingerprint);
    st_set_meta(w, "digest", sum);
    for (int i = 0; i < c->count; i++) add_field(w, &c->fields[i]);
    st_write(w, written);
    st_commit(w);
    free(sum);
    free(path);
}

void checkpoint_save(const checkpoint_t *c)
{
    if (!c->folder || (ranks_self() && !checkpoint_together(c))) return;
    if (!ranks_self() && beside_stop()) sweep(c->folder, false);
    write_state(c, NULL);
}

/* Most of the time goes to the disk, when the copy needs the values no more: what the process then changes is not copied. */
static void save_in_copy(const void *ctx) { write_state(ctx, beside_drop); }

void checkpoint_save_beside(const checkpoint_t *c)
{
    if (checkpoint_together(c)) checkpoint_save(c); /* a copy has no ranks to gather from */
    else if (c->folder && !ranks_self() && !beside_start(save_in_copy, c)) write_state(c, NULL);
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

/* Opens the state; NULL if there is none. */
static st_file_t *open_state(const checkpoint_t *c)
{
    char *path = c->folder ? state_path(c->folder) : NULL;
    st_file_t *f = NULL;
    if (path && !access(path, F_OK)) {
        f = st_open(path);
        st_check_schema(f, "checkpoint/2");
        check_fingerprint(path, st_meta(f, "fingerprint"), c->fingerprint);
    }
    if (path) sweep(c->folder, false);
    free(path);
    return f;
}

/* Fills a field from the first rank's tensor. */
static void fill_field(const checkpoint_field_t *field, const st_file_t *f, const st_tensor_t *t)
{
    if (field->split) {
        ranks_deal(t ? t->data : NULL, field->values, field->split, row_size(field));
        if (t) st_release(f, t->data, t->size);
        return;
    }
    if (t && t->count) memcpy(field->values, t->data, bytes_of(field));
    ranks_broadcast(field->values, bytes_of(field));
}

bool checkpoint_load(const checkpoint_t *c)
{
    st_file_t *f = ranks_self() ? NULL : open_state(c);
    const st_tensor_t **tensors = f ? need_fields(c, f) : NULL;
    if (f && !digest_holds(c, tensors, st_meta(f, "digest"))) checkpoint_damaged(c);
    bool found = f != NULL;
    ranks_broadcast(&found, sizeof found);
    for (int i = 0; found && i < c->count; i++) fill_field(&c->fields[i], f, tensors ? tensors[i] : NULL);
    if (f) st_close(f);
    free(tensors);
    return found;
}

void checkpoint_remove(const char *folder)
{
    if (!folder || ranks_self()) return;
    beside_stop();
    sweep(folder, true);
    rmdir(folder);
}
