/* Lists from files: what was written is what is read, whatever the form, the order of the lines and where they come from. */
#include <stdlib.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/rng.h"
#include "score/recs_open.h"
#include "unit.h"

enum { USERS = 300, ITEMS = 50, MOST = 12 };

static char path[] = "/tmp/sidmill-lists-XXXXXX";

/* The list of user u: its length, and the item on each place. */
static int length_of(int u) { return (int)rng_below(1, (uint64_t)u, MOST) + 1; }
static int item_on(int u, int place) { return (int)((rng_below(2, (uint64_t)u, ITEMS) + (uint64_t)place * 7) % ITEMS); }

/* A line for each place, in an order that `apart` tells: by user, or by the place, or shuffled. */
static void write_lines(const char *form, int apart)
{
    buf_t lines[MOST * USERS] = {0}, text = {0};
    int n = 0;
    for (int a = 0; a < (apart ? MOST : USERS); a++)
        for (int b = 0; b < (apart ? USERS : MOST); b++) {
            const int u = apart ? b : a, place = apart ? a : b;
            if (place < length_of(u)) buf_printf(&lines[n++], form, u, item_on(u, place), place + 1);
        }
    for (int i = n - 1; apart > 1 && i > 0; i--) {
        const int j = (int)rng_below(3, (uint64_t)i, (uint64_t)i + 1);
        const buf_t swap = lines[i];
        lines[i] = lines[j];
        lines[j] = swap;
    }
    for (int i = 0; i < n; i++) {
        buf_add(&text, lines[i].data, lines[i].len);
        buf_free(&lines[i]);
    }
    out_whole(path, text.data, text.len);
    buf_free(&text);
}

static bool is_named(const strtab_t *ids, int64_t row, char letter, int number)
{
    char id[16];
    size_t n;
    const char *s = strtab_get(ids, row, &n);
    return n == (size_t)snprintf(id, sizeof id, "%c%d", letter, number) && !memcmp(s, id, n);
}

static void check_lists(const recs_t *r)
{
    int32_t items[MOST];
    int wrong = 0;
    CHECK(r->lists == USERS && r->k == MOST && r->user_ids.count == USERS && r->item_ids.count == ITEMS && strlen(r->digest) == 32);
    for (int u = 0; u < USERS; u++) {
        char id[16];
        const int64_t row = strtab_find(&r->user_ids, id, (size_t)snprintf(id, sizeof id, "u%d", u));
        wrong += row < 0 || recs_list(r, row, items) != length_of(u);
        for (int p = 0; row >= 0 && p < MOST; p++)
            wrong += p < length_of(u) ? !is_named(&r->item_ids, items[p], 'i', item_on(u, p)) : items[p] != -1;
    }
    CHECK(!wrong);
}

/* Opens the file as it is, then as a pipe. */
static void check_file(const char *form, const char *values)
{
    recs_t r = recs_open(path, form, values);
    check_lists(&r);
    recs_free(&r);
    char *command = xasprintf("cat %s", path), name[32];
    FILE *pipe = popen(command, "r");
    snprintf(name, sizeof name, "/dev/fd/%d", fileno(pipe));
    r = recs_open(name, form, values);
    check_lists(&r);
    recs_free(&r);
    pclose(pipe);
    free(command);
}

TEST(tables_and_runs_in_any_order)
{
    for (int apart = 0; apart < 3; apart++) {
        write_lines("u%d\ti%d\t%d\n", apart);
        check_file("tsv", "rank");
        if (apart < 2) check_file("auto", "auto");
        write_lines("u%d\ti%d\t-%d\n", apart);
        check_file("tsv", "score");
        if (apart < 2) check_file("auto", "auto");
        write_lines("u%d Q0 i%d %d 0 run\n", apart);
        check_file("auto", "auto");
        check_file("trec", "auto");
    }
    write_lines("u%d\ti%d\n", 1);
    check_file("auto", "auto");
}

/* As recs/1 of integers of some type, unaligned. */
static void write_tensors(st_dtype dtype)
{
    strtab_t users = {0}, items = {0};
    static int64_t wide[USERS * MOST];
    static int32_t narrow[USERS * MOST];
    for (int i = 0; i < ITEMS || i < USERS; i++) {
        char id[16];
        if (i < ITEMS) strtab_add(&items, id, (size_t)snprintf(id, sizeof id, "i%d", i));
        if (i < USERS) strtab_add(&users, id, (size_t)snprintf(id, sizeof id, "u%d", i));
    }
    for (int i = 0; i < USERS * MOST; i++) wide[i] = narrow[i] = i % MOST < length_of(i / MOST) ? item_on(i / MOST, i % MOST) : -1;
    st_writer_t *w = st_create(path, "recs/1");
    st_add2(w, "items", dtype, USERS, MOST, dtype == ST_I64 ? (void *)wide : (void *)narrow);
    st_add_strings(w, "user_ids", &users);
    st_add_strings(w, "item_ids", &items);
    st_commit(w);
    strtab_free(&users);
    strtab_free(&items);
}

TEST(tensors_of_any_integers)
{
    write_tensors(ST_I32);
    check_file("auto", "auto");
    check_file("st", "auto");
    recs_t r = recs_open(path, "auto", "auto");
    recs_check(&r);
    recs_release(&r);
    check_lists(&r);
    recs_free(&r);
    write_tensors(ST_I64);
    check_file("auto", "auto");
}

static void open_path(void)
{
    recs_t r = recs_open(path, "auto", "auto");
    recs_free(&r);
}

/* Every beginning of a file is read or refused. */
TEST(cut_files)
{
    write_lines("u%d Q0 i%d %d 0 run\n", 0);
    bytes_t b = in_bytes(path);
    char *text = xstrndup((const char *)b.data, b.len);
    in_free(&b);
    for (size_t n = 0; n < 60; n++) {
        out_whole(path, text, n);
        const int code = unit_exit_code(open_path);
        CHECK(code == EX_DATAERR || (code == 0 && n > 12));
    }
    free(text);
}

int main(void)
{
    static const unit_test_t tests[] = {UNIT(tables_and_runs_in_any_order), UNIT(tensors_of_any_integers), UNIT(cut_files)};
    if (mkstemp(path) < 0) return 1;
    const int failed = unit_run(tests, sizeof tests / sizeof *tests);
    remove(path);
    return failed;
}
