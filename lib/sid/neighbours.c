#include "sid/neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/id_line.h"
#include "data/items.h"
#include "data/st.h"
#include "matrix/nearest.h"

static char **read_titles(const char *path, const strtab_t *ids)
{
    char **title = NEW_ARRAY(char *, ids->count);
    items_t items = items_open(path);
    while (items_next(&items)) {
        int64_t row = strtab_find(ids, items.id, strlen(items.id));
        const char *s = items_string(&items, "title");
        if (row >= 0 && s) title[row] = xstrdup(s);
    }
    items_close(&items);
    for (int64_t i = 0; i < ids->count; i++)
        for (char *c = title[i]; c && *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127) *c = ' ';
    return title;
}

neighbours_t neighbours_read(const char *embeddings, const char *tensor, const char *items, const char *wanted)
{
    st_file_t *file = st_open(embeddings);
    st_check_schema(file, "embeddings/1");
    int64_t shape[2] = {-1, -1};
    neighbours_t n = {.x = st_need_f32(file, tensor, 2, shape)};
    n.dim = shape[1];
    n.ids = st_need_ids(file, "item_ids", shape[0]);
    st_close(file);
    if (!wanted[strspn(wanted, ",\t")]) die(EX_USAGE, "--nearest '%s' names no item", wanted);
    id_line_t named = id_line_start(&n.ids, wanted, strlen(wanted), ",");
    size_t length;
    for (const char *id; id_line_next(&named, &id, &length);)
        if (strtab_find(&n.ids, id, length) < 0)
            die_at(embeddings, 0, "no item '%.*s', which --nearest names", length < 200 ? (int)length : 200, id);
    n.title = read_titles(items, &n.ids);
    return n;
}

static void print_row(FILE *f, const neighbours_t *s, int64_t query, int64_t rank, float cosine, int64_t row)
{
    size_t n, asked_n;
    const char *id = strtab_get(&s->ids, row, &n), *asked = strtab_get(&s->ids, query, &asked_n), *title = s->title[row] ? s->title[row] : "";
    fprintf(f, "%.*s\t%lld\t%.4f\t%.*s\t%s\n", (int)asked_n, asked, (long long)rank, (double)cosine, (int)n, id, title);
}

static void print_nearest(FILE *f, const neighbours_t *s, int64_t row, int64_t count)
{
    int64_t *index = NEW_ARRAY(int64_t, count);
    float *cosine = NEW_ARRAY(float, count);
    int64_t found = nearest_rows(s->ids.count, s->dim, s->x, row, count, index, cosine);
    size_t n;
    const char *id = strtab_get(&s->ids, row, &n);
    if (!found) warn("%.*s: its row is zero, or there is no other: nothing is near", (int)n, id);
    print_row(f, s, row, 0, 1, row);
    for (int64_t i = 0; i < found; i++) print_row(f, s, row, i + 1, cosine[i], index[i]);
    free(index);
    free(cosine);
}

void neighbours_print(FILE *f, const neighbours_t *n, const char *wanted, int64_t count)
{
    id_line_t named = id_line_start(&n->ids, wanted, strlen(wanted), ",");
    size_t length;
    for (const char *id; id_line_next(&named, &id, &length);) print_nearest(f, n, strtab_find(&n->ids, id, length), count);
}

void neighbours_free(neighbours_t *n)
{
    for (int64_t i = 0; i < n->ids.count; i++) free(n->title[i]);
    free(n->title);
    free(n->x);
    strtab_free(&n->ids);
}
