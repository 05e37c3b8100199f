#include "data/join.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "data/catalogue.h"
#include "data/provenance.h"
#include "data/schema.h"

static bool same_type(const st_tensor_t *a, const st_tensor_t *b) { return a->dtype == b->dtype && a->dims == b->dims; }

static bool same_row(const st_tensor_t *a, const st_tensor_t *b)
{
    return same_type(a, b) && a->dims && !memcmp(a->shape + 1, b->shape + 1, (size_t)(a->dims - 1) * sizeof *a->shape);
}

static bool same_tensor(const st_tensor_t *a, const st_tensor_t *b)
{
    return same_type(a, b) && !memcmp(a->shape, b->shape, (size_t)a->dims * sizeof *a->shape)
           && !memcmp(a->data, b->data, (size_t)a->count * st_dtype_size(a->dtype));
}

static bool is_ids(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, "_ids");
}

static void add(st_writer_t *w, const st_tensor_t *t) { st_add(w, t->name, t->dtype, t->dims, t->shape, t->data); }

/* Ends the process for an id that two of the files hold. */
static void check_unique(st_file_t *const *files, int n, const char *name)
{
    strtab_t all = {0};
    strtab_index(&all);
    for (int i = 0; i < n; i++) {
        strtab_t ids = st_need_strings(files[i], name, -1);
        for (int64_t r = 0; r < ids.count; r++) {
            size_t len;
            const char *id = strtab_get(&ids, r, &len);
            if (strtab_find(&all, id, len) >= 0)
                st_bad(files[i], name, "row %lld: id \"%.*s\" was there before, expected unique ids in the joined table",
                       (long long)r, (int)len, id);
            strtab_add(&all, id, len);
        }
        strtab_free(&ids);
    }
    strtab_free(&all);
}

static void check_same(st_file_t *const *files, int n, const char *name)
{
    for (int i = 1; i < n; i++)
        if (!same_tensor(st_find(files[0], name), st_find(files[i], name)))
            st_bad(files[i], name, "differs from that of %s, expected the same", files[0]->name);
}

/* Joins offsets: those of each file count on from where the files before end, and its own first is left out. */
static void join_offsets(st_writer_t *w, st_file_t *const *files, int n, const char *name)
{
    int64_t base = 0;
    for (int i = 0; i < n; i++) {
        int64_t count = -1, *offsets = st_need_i64(files[i], name, 1, &count); /* lives as long as the writer */
        if (count < 1) st_bad(files[i], name, "is empty, expected one offset more than users");
        for (int64_t u = 0; u < count; u++)
            if (__builtin_add_overflow(offsets[u], base, &offsets[u])) st_bad(files[i], name, "offsets overflow");
        base = offsets[count - 1];
        if (!i) st_add1(w, name, ST_I64, count, offsets);
        else st_extend(w, name, count - 1, offsets + 1);
    }
}

static void join_tensor(st_writer_t *w, st_file_t *const *files, int n, const char *name)
{
    const st_tensor_t *first = st_find(files[0], name);
    add(w, first);
    for (int i = 1; i < n; i++) {
        const st_tensor_t *t = st_find(files[i], name);
        if (!same_row(first, t))
            st_bad(files[i], name, "type or row shape differs from that of %s, expected the same", files[0]->name);
        st_extend(w, name, t->shape[0], t->data);
    }
    if (is_ids(name)) check_unique(files, n, name);
}

static void check_names(st_file_t *const *files, int n)
{
    for (int i = 1; i < n; i++) {
        for (int t = 0; t < files[0]->count; t++)
            if (!st_find(files[i], files[0]->tensors[t].name))
                die_at(files[i]->name, 0, "no tensor '%s', which %s has", files[0]->tensors[t].name, files[0]->name);
        for (int t = 0; t < files[i]->count; t++)
            if (!st_find(files[0], files[i]->tensors[t].name))
                die_at(files[i]->name, 0, "tensor '%s', which %s has not", files[i]->tensors[t].name, files[0]->name);
    }
}

/* Returns the schema that all files have, NULL if none is known. */
static const schema_t *common_schema(st_file_t *const *files, int n)
{
    const char *first = st_meta(files[0], "schema");
    for (int i = 1; i < n; i++) {
        const char *name = st_meta(files[i], "schema");
        if (!first != !name || (first && strcmp(first, name) != 0))
            die_at(files[i]->name, 0, "schema %s, expected %s as %s has", name ? name : "missing", first ? first : "none",
                   files[0]->name);
    }
    return first ? schema_find(first) : NULL;
}

/* Says how a tensor is joined: as its schema's table has it, and what the table does not know only where all are the same. */
static join_kind kind_of(const schema_t *s, const char *name)
{
    if (!s) return JOIN_ROWS;
    const schema_tensor_t *t = schema_tensor(s, name);
    return t ? t->join : JOIN_SAME;
}

void join_rows(st_writer_t *w, st_file_t *const *files, int n)
{
    const schema_t *s = common_schema(files, n);
    if (s && !s->joins) die_at(files[0]->name, 0, "files of schema %s cannot be joined", s->name);
    check_names(files, n);
    for (int i = 0; s && i < n; i++) schema_check(files[i]);
    for (int t = 0; t < files[0]->count; t++) {
        const st_tensor_t *first = &files[0]->tensors[t];
        switch (kind_of(s, first->name)) {
        case JOIN_ROWS:
            if (!first->dims) st_bad(files[0], first->name, "a single number, which cannot be joined along rows");
            join_tensor(w, files, n, first->name);
            break;
        case JOIN_OFFSETS: join_offsets(w, files, n, first->name); break;
        case JOIN_SAME:
            check_same(files, n, first->name);
            add(w, first);
            break;
        }
    }
}

static void check_items(st_file_t *const *files, int n)
{
    strtab_t first = st_need_ids(files[0], "item_ids", -1);
    for (int i = 1; i < n; i++) {
        strtab_t ids = st_need_ids(files[i], "item_ids", -1);
        catalogue_check_items(files[i]->name, &ids, files[0]->name, &first);
        strtab_free(&ids);
    }
    strtab_free(&first);
}

void join_merge(st_writer_t *w, st_file_t *const *files, int n)
{
    check_items(files, n);
    for (int i = 0; i < n; i++)
        for (int t = 0; t < files[i]->count; t++) {
            const st_tensor_t *tensor = &files[i]->tensors[t], *before = NULL;
            for (int j = 0; j < i && !before; j++) {
                before = st_find(files[j], tensor->name);
                if (before && !same_tensor(before, tensor))
                    st_bad(files[i], tensor->name, "%s has another of that name", files[j]->name);
            }
            if (!before) add(w, tensor);
        }
}

void join_meta(st_writer_t *w, st_file_t *const *files, int n)
{
    for (int k = 0; k < files[0]->meta_count; k++) {
        const char *key = files[0]->meta_keys[k];
        bool agreed = strcmp(key, "tool") != 0 && strcmp(key, "version") != 0 && strncmp(key, "input.", 6) != 0;
        for (int i = 1; i < n && agreed; i++) {
            const char *value = st_meta(files[i], key);
            agreed = value && !strcmp(value, files[0]->meta_values[k]);
        }
        if (agreed) st_set_meta(w, key, files[0]->meta_values[k]);
    }
    provenance_t from = {0};
    for (int i = 0; i < n; i++) {
        char role[32];
        snprintf(role, sizeof role, "%d", i);
        provenance_add(&from, role, files[i]);
    }
    provenance_write(&from, w);
    provenance_free(&from);
}
