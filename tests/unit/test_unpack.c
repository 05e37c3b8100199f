#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/unpack.h"
#include "unit.h"

/* A source over memory that gives `step` bytes a read. */
typedef struct {
    byte_source_t base;
    const char *data;
    size_t n, at, step;
} memory_t;

static ssize_t memory_read(byte_source_t *s, void *to, size_t n)
{
    memory_t *m = (memory_t *)s;
    if (n > m->step) n = m->step;
    if (n > m->n - m->at) n = m->n - m->at;
    memcpy(to, m->data + m->at, n);
    m->at += n;
    return (ssize_t)n;
}

static void memory_close(byte_source_t *s) { free(s); }

static byte_source_t *memory(const char *data, size_t n, size_t step)
{
    memory_t *m = NEW(memory_t);
    *m = (memory_t){{memory_read, memory_close, NULL}, data, n, 0, step};
    return &m->base;
}

/* What unpacking gave: the bytes before the failure, if there was one. */
typedef struct {
    buf_t bytes;
    char *name, why[256];
    bool failed;
} unpacked_t;

static unpacked_t unpack_all(const char *data, size_t n, size_t step, const char *member)
{
    unpacked_t u = {.name = xstrdup("file")};
    byte_source_t *s = unpack(memory(data, n, step), &u.name, member);
    char part[1000];
    ssize_t got;
    while ((got = s->read(s, part, sizeof part)) > 0) buf_add(&u.bytes, part, (size_t)got);
    u.failed = got < 0;
    if (u.failed) snprintf(u.why, sizeof u.why, "%s", s->why ? s->why : "errno");
    s->close(s);
    return u;
}

static void unpacked_free(unpacked_t *u)
{
    buf_free(&u->bytes);
    free(u->name);
}

/* Packs `text`, a package holding it under the `names`; the caller frees. */
static char *pack(int filter, int format, const char *const *names, const char *text, size_t n, size_t *packed)
{
    size_t room = n + (1 << 16);
    char *out = xmalloc(room);
    struct archive *a = archive_write_new();
    archive_write_set_format(a, format);
    archive_write_add_filter(a, filter);
    archive_write_set_bytes_per_block(a, 0);
    archive_write_open_memory(a, out, room, packed);
    for (; *names; names++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, *names);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)n);
        archive_write_header(a, e);
        archive_write_data(a, text, n);
        archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
    return out;
}

enum { RAW = ARCHIVE_FORMAT_RAW, TAR = ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ZIP = ARCHIVE_FORMAT_ZIP };

static const struct packing {
    int filter, format;
    bool checked;            /* every bit of the packed data matters or is checked */
} packings[] = {
    {ARCHIVE_FILTER_GZIP, RAW, true},  {ARCHIVE_FILTER_ZSTD, RAW, false}, {ARCHIVE_FILTER_XZ, RAW, true},
    {ARCHIVE_FILTER_BZIP2, RAW, true}, {ARCHIVE_FILTER_LZ4, RAW, false},  {ARCHIVE_FILTER_NONE, TAR, false},
    {ARCHIVE_FILTER_GZIP, TAR, true},  {ARCHIVE_FILTER_ZSTD, TAR, false}, {ARCHIVE_FILTER_NONE, ZIP, false},
};

enum { PACKINGS = sizeof packings / sizeof *packings };

static const char *const one[] = {"folder/data.csv", NULL}, *const two[] = {"a/data.csv", "b/other.csv", NULL};

static char *sample(size_t n)
{
    buf_t b = {0};
    for (unsigned i = 0, r = 1; b.len < n; i++, r = r * 1103515245u + 12345u) buf_printf(&b, "line %u holds %u\n", i, r >> 16);
    return b.data;
}

TEST(every_packing_comes_back)
{
    char *text = sample(300000);
    size_t sizes[] = {0, 1, 100, 300000}, steps[] = {1, 1000, 1 << 20};
    for (int p = 0; p < PACKINGS; p++)
        for (int i = 0; i < 4; i++)
            for (int s = i == 3 ? 1 : 0; s < 3; s++) {
                size_t n, len = sizes[i];
                if (!len && packings[p].filter == ARCHIVE_FILTER_LZ4) continue; /* libarchive 3.6 cannot write that */
                char *packed = pack(packings[p].filter, packings[p].format, one, text, len, &n);
                unpacked_t u = unpack_all(packed, n, steps[s], NULL);
                CHECK(!u.failed && u.bytes.len == len && (!len || !memcmp(u.bytes.data, text, len)));
                CHECK(!strcmp(u.name, packings[p].format == RAW ? "file" : "file:folder/data.csv"));
                unpacked_free(&u);
                free(packed);
            }
    free(text);
}

TEST(plain_bytes_stay)
{
    char *text = sample(5000);
    for (size_t n = 0; n < 700; n += 7)
        for (size_t step = 1; step < 2000; step *= 10) {
            unpacked_t u = unpack_all(text, n, step, NULL);
            CHECK(!u.failed && u.bytes.len == n && (!n || !memcmp(u.bytes.data, text, n)) && !strcmp(u.name, "file"));
            unpacked_free(&u);
        }
    free(text);
}

TEST(compressed_data_that_is_cut_anywhere_fails)
{
    char *text = sample(400);
    for (int p = 0; p < PACKINGS; p++) {
        size_t n;
        char *packed = pack(packings[p].filter, packings[p].format, one, text, 400, &n);
        for (size_t cut = packings[p].format == TAR ? 262 : 12; cut < n; cut++) { /* where the magic numbers are there */
            unpacked_t u = unpack_all(packed, cut, 64, NULL);
            bool whole = packings[p].format != RAW && u.bytes.len == 400; /* a package's directory and padding hold no data */
            CHECK(u.failed || whole);
            CHECK(u.bytes.len <= 400 && (!u.bytes.len || !memcmp(u.bytes.data, text, u.bytes.len)));
            if (u.failed) CHECK(strlen(u.why) > 10);
            if (!u.failed && !whole) printf("# packing %d cut at %zu of %zu: %zu bytes\n", p, cut, n, u.bytes.len);
            unpacked_free(&u);
        }
        free(packed);
    }
    free(text);
}

TEST(flipped_bits_fail_or_change_nothing)
{
    char *text = sample(300);
    for (int p = 0; p < PACKINGS; p++) {
        size_t n;
        char *packed = pack(packings[p].filter, packings[p].format, one, text, 300, &n);
        for (size_t bit = 0; bit < 8 * n; bit += 7) {
            packed[bit / 8] = (char)(packed[bit / 8] ^ 1 << bit % 8);
            unpacked_t u = unpack_all(packed, n, 512, NULL);
            bool same = u.bytes.len == 300 && !memcmp(u.bytes.data, text, 300);
            if (packings[p].checked && bit >= 80) CHECK(u.failed || same); /* not in the magic numbers */
            if (packings[p].checked && bit >= 80 && !u.failed && !same) printf("# packing %d bit %zu\n", p, bit);
            unpacked_free(&u);
            packed[bit / 8] = (char)(packed[bit / 8] ^ 1 << bit % 8);
        }
        free(packed);
    }
    free(text);
}

TEST(gzip_members_and_what_follows_them)
{
    size_t n;
    char *packed = pack(ARCHIVE_FILTER_GZIP, RAW, one, "abc\n", 4, &n);
    buf_t b = {0};
    buf_add(&b, packed, n);
    buf_add(&b, packed, n);
    unpacked_t u = unpack_all(b.data, b.len, 5, NULL);
    CHECK(!u.failed && u.bytes.len == 8 && !strcmp(u.bytes.data, "abc\nabc\n"));
    unpacked_free(&u);
    buf_add(&b, "\0\0\0", 3);
    u = unpack_all(b.data, b.len, 5, NULL);
    CHECK(!u.failed && u.bytes.len == 8);
    unpacked_free(&u);
    buf_add(&b, "x", 1);
    u = unpack_all(b.data, b.len, 5, NULL);
    CHECK(u.failed && u.bytes.len == 8 && strstr(u.why, "do not belong to it"));
    unpacked_free(&u);
    buf_free(&b);
    free(packed);
}

TEST(bytes_behind_the_packed_data_fail)
{
    for (int p = 0; packings[p].format == RAW; p++) {
        size_t n;
        buf_t b = {0};
        char *packed = pack(packings[p].filter, RAW, one, "abc\n", 4, &n);
        buf_add(&b, packed, n);
        buf_puts(&b, "left over");
        unpacked_t u = unpack_all(b.data, b.len, 100, NULL);
        CHECK(u.failed);
        unpacked_free(&u);
        buf_free(&b);
        free(packed);
    }
}

TEST(packages_of_several_files)
{
    static const char *const none[] = {NULL}, *const mac[] = {"d/x.csv", "__MACOSX/d/._x.csv", NULL};
    for (int format = 0; format < 2; format++) {
        size_t n;
        char *packed = pack(ARCHIVE_FILTER_NONE, format ? ZIP : TAR, two, "abc\n", 4, &n);
        unpacked_t u = unpack_all(packed, n, 100, NULL);
        CHECK(u.failed && !strcmp(u.why, "2 files inside, expected one, or one chosen by name, of: a/data.csv, b/other.csv"));
        unpacked_free(&u);
        const char *good[] = {"b/other.csv", "other.csv"}, *bad[] = {"ther.csv", "b", "", "c/b/other.csv"};
        for (int i = 0; i < 2; i++) {
            u = unpack_all(packed, n, 100, good[i]);
            CHECK(!u.failed && u.bytes.len == 4 && !strcmp(u.name, "file:b/other.csv"));
            unpacked_free(&u);
        }
        for (int i = 0; i < 4; i++) {
            u = unpack_all(packed, n, 100, bad[i]);
            CHECK(u.failed && !u.bytes.len && strstr(u.why, "inside, expected one of: a/data.csv, b/other.csv"));
            unpacked_free(&u);
        }
        free(packed);
        packed = pack(ARCHIVE_FILTER_NONE, format ? ZIP : TAR, mac, "abc\n", 4, &n);
        u = unpack_all(packed, n, 100, NULL);
        CHECK(!u.failed && u.bytes.len == 4);
        unpacked_free(&u);
        free(packed);
    }
    for (int p = 0; packings[p].format == RAW; p++) {
        size_t n;
        char *packed = pack(packings[p].filter, RAW, one, "abc\n", 4, &n);
        unpacked_t u = unpack_all(packed, n, 100, "data.csv");
        CHECK(u.failed && !u.bytes.len && strstr(u.why, "is no zip or tar package"));
        unpacked_free(&u);
        free(packed);
    }
    unpacked_t plain = unpack_all("abc\n", 4, 100, "data.csv");
    CHECK(plain.failed && !plain.bytes.len && strstr(plain.why, "is no zip or tar package"));
    unpacked_free(&plain);
    size_t n;
    char *packed = pack(ARCHIVE_FILTER_NONE, ZIP, none, "", 0, &n);
    unpacked_t u = unpack_all(packed, n, 100, NULL);
    CHECK(u.failed && !strcmp(u.why, "no file inside, expected one"));
    unpacked_free(&u);
    free(packed);
}

TEST(a_whole_name_wins_and_the_end_of_one_must_be_unique)
{
    static const char *const names[] = {"old/data.csv", "x/data.csv", "data.csv", "b/other.csv", "twice", "twice", NULL};
    static const struct { const char *member, *name, *why; } cases[] = {
        {"data.csv", "file:data.csv", NULL}, {"x/data.csv", "file:x/data.csv", NULL}, {"other.csv", "file:b/other.csv", NULL},
        {"twice", NULL, "more than one file twice inside, expected one"},
    };
    for (int format = 0; format < 2; format++) {
        size_t n;
        char *packed = pack(ARCHIVE_FILTER_NONE, format ? ZIP : TAR, names, "abc\n", 4, &n);
        for (int i = 0; i < 4; i++) {
            unpacked_t u = unpack_all(packed, n, 100, cases[i].member);
            CHECK(u.bytes.len == 4 && !memcmp(u.bytes.data, "abc\n", 4));
            if (cases[i].why) CHECK(u.failed && !strcmp(u.why, cases[i].why));
            else CHECK(!u.failed && !strcmp(u.name, cases[i].name));
            unpacked_free(&u);
        }
        free(packed);
        static const char *const alike[] = {"a/data.csv", "b/data.csv", NULL};
        packed = pack(ARCHIVE_FILTER_NONE, format ? ZIP : TAR, alike, "abc\n", 4, &n);
        unpacked_t u = unpack_all(packed, n, 100, "data.csv");
        CHECK(u.failed && !u.bytes.len && !strcmp(u.why, "2 files data.csv inside, expected the whole name of one: a/data.csv, b/data.csv"));
        unpacked_free(&u);
        free(packed);
    }
}

TEST(a_package_that_is_cut_behind_the_file_asked_for_fails)
{
    char *text = sample(5000);
    for (int p = 0; p < PACKINGS; p++) {
        if (packings[p].format == RAW) continue;
        size_t n;
        char *packed = pack(packings[p].filter, packings[p].format, two, text, 5000, &n);
        const char *member[] = {"a/data.csv", "data.csv"};
        for (int i = 0; i < 2; i++) {
            unpacked_t u = unpack_all(packed, packings[p].filter == ARCHIVE_FILTER_NONE ? n * 2 / 3 : n - 40, 100, member[i]);
            CHECK(u.failed);
            unpacked_free(&u);
        }
        free(packed);
    }
    free(text);
}

TEST(a_source_may_be_closed_early)
{
    char *text = sample(3000000), *name = xstrdup("file");
    size_t n;
    char *packed = pack(ARCHIVE_FILTER_ZSTD, RAW, one, text, 3000000, &n), part[10];
    byte_source_t *s = unpack(memory(packed, n, 4096), &name, NULL);
    CHECK(s->read(s, part, sizeof part) == 10 && !memcmp(part, text, 10));
    s->close(s);
    free(name);
    free(packed);
    free(text);
}

/* Lines of 9, 10 and 11 bytes under a limit of 10, in reads of every size. */
static size_t line_step;

static void read_long_lines(void)
{
    static const char text[] = "123456789\n1234567890\r\n12345678901\n";
    lines_t l = in_lines_from(memory(text, sizeof text - 1, line_step), xstrdup("memory"));
    l.max_line = 11; /* with the carriage return */
    while (in_next(&l)) continue;
    in_close(&l);
}

static void read_too_long_line(void)
{
    static const char text[] = "123456789\n1234567890\n12345678901\n";
    lines_t l = in_lines_from(memory(text, sizeof text - 1, line_step), xstrdup("memory"));
    l.max_line = 10;
    for (int i = 0; i < 2; i++)
        if (!in_next(&l)) return;
    in_next(&l);
}

TEST(a_line_s_length_is_bounded)
{
    for (line_step = 1; line_step < 40; line_step++) {
        CHECK(unit_exit_code(read_long_lines) == 0);
        CHECK(unit_exit_code(read_too_long_line) == EX_DATAERR);
    }
}

TEST(lines_of_all_lengths_come_whole)
{
    buf_t b = {0};
    int longest = 400000, count = 0;
    for (int n = 0; n < longest; n = n * 3 / 2 + 1, count++) {
        for (int i = 0; i < n; i++) buf_add(&b, &"abcdefghij"[i % 10], 1);
        buf_puts(&b, count % 2 ? "\r\n" : "\n");
    }
    buf_puts(&b, "end");
    for (size_t step = 1000; step < 1 << 20; step *= 8) {
        lines_t l = in_lines_from(memory(b.data, b.len, step), xstrdup("memory"));
        int n = 0;
        for (int i = 0; i < count; i++, n = n * 3 / 2 + 1) {
            CHECK(in_next(&l) && l.len == (size_t)n && strlen(l.line) == (size_t)n && l.number == i + 1);
            CHECK(!n || (l.line[0] == 'a' && l.line[n - 1] == 'a' + (n - 1) % 10));
        }
        CHECK(in_next(&l) && !strcmp(l.line, "end") && !in_next(&l) && !in_next(&l));
        in_close(&l);
    }
    buf_free(&b);
}

UNIT_MAIN(UNIT(every_packing_comes_back), UNIT(plain_bytes_stay), UNIT(compressed_data_that_is_cut_anywhere_fails),
          UNIT(flipped_bits_fail_or_change_nothing), UNIT(gzip_members_and_what_follows_them),
          UNIT(bytes_behind_the_packed_data_fail), UNIT(packages_of_several_files),
          UNIT(a_whole_name_wins_and_the_end_of_one_must_be_unique),
          UNIT(a_package_that_is_cut_behind_the_file_asked_for_fails), UNIT(a_source_may_be_closed_early),
          UNIT(a_line_s_length_is_bounded), UNIT(lines_of_all_lengths_come_whole))
