#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "data/st.h"

#include <stdlib.h>

#include "unit.h"

static char path[] = "/tmp/test_st.XXXXXX";

/* Writes header text and data as a safetensors file, with the header length given or, at -1, right. */
static void put_file(const char *header, int64_t length, const void *data, size_t n)
{
    uint64_t len = length < 0 ? strlen(header) : (uint64_t)length;
    buf_t b = {0};
    buf_add(&b, &len, sizeof len);
    buf_puts(&b, header);
    buf_add(&b, data, n);
    out_whole(path, b.data, b.len);
    buf_free(&b);
}

static void open_it(void) { st_close(st_open(path)); }

static int opens(const char *header, size_t n)
{
    char *data = xcalloc(n, 1);
    put_file(header, -1, data, n);
    free(data);
    return unit_exit_code(open_it);
}

/* The first tensor's element i. */
static double value_at(const char *dtype, const void *data, size_t size, int count, int i)
{
    char *header = xasprintf("{\"x\":{\"dtype\":\"%s\",\"shape\":[%d],\"data_offsets\":[0,%zu]}}", dtype, count, size * (size_t)count);
    put_file(header, -1, data, size * (size_t)count);
    st_file_t *f = st_open(path);
    double v = st_value(st_find(f, "x"), i);
    st_close(f);
    free(header);
    return v;
}

#define VALUE(i, dtype, type, ...) \
    value_at(dtype, (type[]){__VA_ARGS__}, sizeof(type), (int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)), i)

TEST(integers_of_every_type_are_read)
{
    CHECK(VALUE(1, "BOOL", uint8_t, 0, 1) == 1);
    CHECK(VALUE(0, "U8", uint8_t, 255) == 255);
    CHECK(VALUE(0, "I8", int8_t, -128) == -128);
    CHECK(VALUE(0, "I16", int16_t, -32768) == -32768);
    CHECK(VALUE(0, "U16", uint16_t, 65535) == 65535);
    CHECK(VALUE(1, "I32", int32_t, 0, -2147483647 - 1) == -2147483648.0);
    CHECK(VALUE(0, "U32", uint32_t, 4294967295u) == 4294967295.0);
    CHECK(VALUE(0, "I64", int64_t, -9007199254740991) == -9007199254740991.0);
    CHECK(VALUE(0, "U64", uint64_t, UINT64_MAX) == 0x1p64);
}

TEST(floats_of_every_type_are_read)
{
    CHECK(VALUE(0, "F32", float, 0.1f) == (double)0.1f);
    CHECK(VALUE(0, "F64", double, 0.1) == 0.1);
    CHECK(VALUE(0, "BF16", uint16_t, 0x3fc0) == 1.5);
    CHECK(VALUE(0, "BF16", uint16_t, 0x0001) == 0x1p-133);
    CHECK(isnan(VALUE(0, "BF16", uint16_t, 0x7fc0)));
    CHECK(VALUE(0, "F16", uint16_t, 0x3c00) == 1);
    CHECK(VALUE(0, "F16", uint16_t, 0xc000) == -2);
    CHECK(VALUE(0, "F16", uint16_t, 0x7bff) == 65504);
    CHECK(VALUE(0, "F16", uint16_t, 0x0001) == 0x1p-24);
    CHECK(VALUE(0, "F16", uint16_t, 0x8400) == -0x1p-14);
    CHECK(VALUE(0, "F16", uint16_t, 0xfc00) == -INFINITY);
    CHECK(isnan(VALUE(0, "F16", uint16_t, 0x7e00)));
    double zero = VALUE(0, "F16", uint16_t, 0x8000);
    CHECK(zero == 0 && signbit(zero));
    CHECK(VALUE(0, "F8_E5M2", uint8_t, 0x7b) == 57344);
    CHECK(VALUE(0, "F8_E5M2", uint8_t, 0x01) == 0x1p-16);
    CHECK(VALUE(0, "F8_E5M2", uint8_t, 0xfc) == -INFINITY);
    CHECK(isnan(VALUE(0, "F8_E5M2", uint8_t, 0x7d)));
    CHECK(VALUE(0, "F8_E4M3", uint8_t, 0x38) == 1);
    CHECK(VALUE(0, "F8_E4M3", uint8_t, 0x7e) == 448);
    CHECK(VALUE(0, "F8_E4M3", uint8_t, 0x81) == -0x1p-9);
    CHECK(isnan(VALUE(0, "F8_E4M3", uint8_t, 0xff)));
}

#define X(dtype, shape, begin, end) "\"x\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"
#define Y(shape, begin, end) "\"y\":{\"dtype\":\"U8\",\"shape\":[" shape "],\"data_offsets\":[" #begin "," #end "]}"

/* All 16-bit floats, by the quick way and one by one. */
TEST(half_floats_in_bulk)
{
    static const char *const dtypes[] = {"F16", "BF16"};
    enum { ALL = 1 << 16 };
    uint16_t *bits = NEW_ARRAY(uint16_t, ALL);
    float *x = xfloats(ALL);
    for (int i = 0; i < ALL; i++) bits[i] = (uint16_t)i;
    for (int d = 0; d < 2; d++) {
        char *header = xasprintf("{\"x\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", dtypes[d]);
        put_file(header, -1, bits, ALL * sizeof *bits);
        st_file_t *f = st_open(path);
        const st_tensor_t *t = st_find(f, "x");
        st_floats(t, x);
        int apart = 0;
        for (int i = 0; i < ALL; i++) {
            double v = st_value(t, i);
            apart += isnan(v) ? !isnan(x[i]) : (double)x[i] != v || !signbit(x[i]) != !signbit(v);
        }
        CHECK(apart == 0);
        st_close(f);
        free(header);
    }
    free(bits);
    free(x);
}

TEST(what_the_format_allows_opens)
{
    CHECK(opens("{}", 0) == 0);
    CHECK(opens("{}     ", 0) == 0);
    CHECK(opens("{" X("F32", "2,3", 0, 24) "}", 24) == 0);
    CHECK(opens("{" X("F32", "", 0, 4) "}", 4) == 0);                             /* a scalar */
    CHECK(opens("{" X("F32", "0,7", 0, 0) "}", 0) == 0);                          /* nothing */
    CHECK(opens("{" X("F32", "2", 1, 9) "," Y("1", 0, 1) "}", 9) == 0);           /* unaligned, any order */
    CHECK(opens("{" X("F32", "0", 1, 1) "," Y("1", 0, 1) "}", 1) == 0);           /* empty at the end */
    CHECK(opens("{" X("F32", "0", 0, 0) "," Y("1", 0, 1) "}", 1) == 0);           /* empty at the start */
    CHECK(opens("{\"__metadata__\":{\"a\":\"b\"}," Y("1", 0, 1) "}", 1) == 0);
    CHECK(opens("{\"x\":{\"shape\":[1],\"more\":[{}],\"data_offsets\":[0,1],\"dtype\":\"U8\"}}", 1) == 0);
}

TEST(what_the_format_forbids_is_refused)
{
    static const struct { const char *header; size_t n; } bad[] = {
        {"", 0}, {" {}", 0}, {"[]", 0}, {"{", 0}, {"{}x", 0}, {"{\"x\":1}", 0}, {"{\"\xff\":{}}", 0},
        {"{" Y("1", 0, 1) "}", 2},                                   /* bytes left over */
        {"{" Y("2", 0, 2) "}", 1},                                   /* past the end */
        {"{" Y("1", 1, 2) "}", 2},                                   /* a hole at the start */
        {"{" X("U8", "1", 0, 1) "," Y("1", 2, 3) "}", 3},            /* and in the middle */
        {"{" X("U8", "2", 0, 2) "," Y("2", 1, 3) "}", 3},            /* overlap */
        {"{" X("U8", "2", 0, 2) "," Y("2", 0, 2) "}", 2},            /* the same bytes twice */
        {"{" X("U8", "2", 0, 2) "," Y("0", 1, 1) "}", 2},            /* an empty one inside another */
        {"{" X("U8", "1", 0, 1) "," X("U8", "1", 1, 2) "}", 2},      /* a name twice */
        {"{" Y("1", 1, 0) "}", 1}, {"{" Y("1", -1, 0) "}", 1}, {"{" Y("1", 0.5, 1.5) "}", 1},
        {"{" Y("-1", 0, 1) "}", 1}, {"{" Y("1.5", 0, 1) "}", 1}, {"{" Y("\"1\"", 0, 1) "}", 1}, {"{" Y("2", 0, 1) "}", 1},
        {"{" Y("1099511627776,1099511627776", 0, 1) "}", 1},         /* overflows 64 bits */
        {"{" X("F64", "4611686018427387904", 0, 0) "}", 0},          /* beyond what JSON numbers hold exactly */
        {"{" X("F64", "2251799813685248,4096", 0, 0) "}", 0},        /* elements fit, bytes do not */
        {"{" Y("1e300", 0, 1) "}", 1}, {"{" Y("1", 0, 1e300) "}", 1},
        {"{" Y("1,1,1,1,1,1,1,1,1", 0, 1) "}", 1},
        {"{" X("F31", "1", 0, 4) "}", 4}, {"{" X("f32", "1", 0, 4) "}", 4},
        {"{\"x\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,1]}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{\"a\":0,\"b\":1}}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":null}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}", 1},
        {"{\"__metadata__\":{\"a\":1}}", 0}, {"{\"__metadata__\":[]}", 0},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0}, {"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int code = opens(bad[i].header, bad[i].n);
        if (code != EX_DATAERR) printf("# header %s: exit code %d\n", bad[i].header, code);
        CHECK(code == EX_DATAERR);
    }
}

TEST(cut_files_and_wrong_lengths_are_refused)
{
    static const char header[] = "{" Y("4", 0, 4) "}";
    static const int64_t lengths[] = {0, 1, sizeof header - 2, sizeof header, 1000, 100000001, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        put_file(header, lengths[i], "abcd", 4);
        CHECK(unit_exit_code(open_it) == EX_DATAERR);
    }
    put_file(header, -1, "abcd", 4);
    CHECK(unit_exit_code(open_it) == 0);
    for (size_t n = 0; n < 8 + sizeof header - 1 + 4; n++) {
        put_file(header, -1, "abcd", 4);
        CHECK(truncate(path, (off_t)n) == 0);
        CHECK(unit_exit_code(open_it) == EX_DATAERR);
    }
    unlink(path);
    CHECK(unit_exit_code(open_it) == EX_NOINPUT);
}

TEST(deep_nesting_is_refused)
{
    enum { DEPTH = 100000 };
    char *text = xcalloc(2 * DEPTH + 8, 1);
    memcpy(text, "{\"x\":", 5);
    memset(text + 5, '[', DEPTH);
    CHECK(opens(text, 0) == EX_DATAERR);
    free(text);
}

static st_file_t *write_sample(void)
{
    static const double wide[3] = {1, 2, 3};
    static const float matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};
    static const uint8_t bytes[3] = {7, 8, 9};
    static const int64_t scalar = 5;
    st_writer_t *w = st_create(path, "sample/1");
    st_set_meta(w, "note", "old");
    st_set_meta(w, "note", "a \"quoted\"\nline");
    st_add1(w, "b", ST_U8, 3, bytes);
    st_add2(w, "m", ST_F32, 2, 3, matrix);
    st_add1(w, "wide", ST_F64, 3, wide);
    st_add(w, "scalar", ST_I64, 0, NULL, &scalar);
    st_add1(w, "none", ST_F32, 0, NULL);
    st_commit(w);
    return st_open(path);
}

TEST(what_is_written_reads_back)
{
    st_file_t *f = write_sample();
    CHECK(f->count == 5);
    CHECK(!strcmp(st_meta(f, "note"), "a \"quoted\"\nline"));
    CHECK(!strcmp(st_meta(f, "schema"), "sample/1"));
    CHECK(st_meta(f, "version") && st_meta(f, "tool") && !st_meta(f, "absent"));
    CHECK(!st_find(f, "absent") && !st_find(f, ""));
    for (int i = 0; i < f->count; i++) CHECK((uintptr_t)f->tensors[i].data % st_dtype_size(f->tensors[i].dtype) == 0);
    int64_t shape[2] = {2, -1};
    float *m = st_need_f32(f, "m", 2, shape);
    CHECK(shape[1] == 3 && m[0] == 1 && m[5] == 6);
    free(m);
    int64_t n = -1;
    float *wide = st_need_f32(f, "wide", 1, &n);
    CHECK(n == 3 && wide[2] == 3);
    free(wide);
    int64_t *scalar = st_need_i64(f, "scalar", 0, NULL);
    CHECK(*scalar == 5);
    free(scalar);
    n = -1;
    int32_t *b = st_need_i32(f, "b", 1, &n);
    CHECK(n == 3 && b[2] == 9);
    free(b);
    n = -1;
    CHECK(st_need(f, "none", 1, &n)->count == 0 && n == 0);
    char *first = st_digest(f);
    st_close(f);
    f = write_sample();
    char *second = st_digest(f);
    CHECK(strlen(first) == 32 && !strcmp(first, second));
    free(first);
    free(second);
    st_close(f);
}

static void (*need_fn)(const st_file_t *f);

static void need_it(void)
{
    st_file_t *f = st_open(path);
    need_fn(f);
}

static int needs(const char *header, const void *data, size_t n, void (*fn)(const st_file_t *f))
{
    need_fn = fn;
    put_file(header, -1, data, n);
    return unit_exit_code(need_it);
}

static void vector_f32(const st_file_t *f) { free(st_need_f32(f, "x", 1, (int64_t[]){-1})); }
static void three_f32(const st_file_t *f) { free(st_need_f32(f, "x", 1, (int64_t[]){3})); }
static void matrix_f32(const st_file_t *f) { free(st_need_f32(f, "x", 2, (int64_t[]){-1, -1})); }
static void vector_i32(const st_file_t *f) { free(st_need_i32(f, "x", 1, (int64_t[]){-1})); }
static void vector_i64(const st_file_t *f) { free(st_need_i64(f, "x", 1, (int64_t[]){-1})); }
static void vector_u8(const st_file_t *f) { free(st_need_u8(f, "x", 1, (int64_t[]){-1})); }
static void absent(const st_file_t *f) { free(st_need_u8(f, "z", 1, (int64_t[]){-1})); }
static void schema(const st_file_t *f) { st_check_schema(f, "sids/1"); }

static size_t asked_to; /* bytes that the source was asked for, from the first on */

/* Byte i is i mod 251. */
static void fill_from(const void *ctx, size_t at, size_t n, void *bytes)
{
    CHECK(ctx == &asked_to && at == asked_to && n > 0);
    for (size_t i = 0; i < n; i++) ((uint8_t *)bytes)[i] = (uint8_t)((at + i) % 251);
    asked_to = at + n;
}

TEST(a_source_is_written_piece_by_piece)
{
    enum { N = 5 * 1000 * 1000 };
    int64_t shape[] = {N / 4, 4}, none[] = {0, 3};
    st_writer_t *w = st_create(path, NULL);
    st_add1(w, "behind", ST_U8, 3, "abc");
    st_add_source(w, "large", ST_I8, 2, shape, fill_from, &asked_to);
    st_add_source(w, "none", ST_F32, 2, none, fill_from, NULL);
    CHECK(!asked_to);
    st_commit(w);
    CHECK(asked_to == N);
    st_file_t *f = st_open(path);
    const st_tensor_t *t = st_need(f, "large", 2, shape);
    for (int64_t i = 0; i < N; i++) CHECK(t->data[i] == i % 251);
    CHECK(!memcmp(st_find(f, "behind")->data, "abc", 3) && st_find(f, "none")->count == 0);
    st_close(f);
}

TEST(needs_are_checked)
{
    const float floats[2] = {1, 2}, hole[2] = {1, NAN}, inf[2] = {INFINITY, 1};
    const double big[1] = {1e300};
    const int64_t wide[1] = {(int64_t)1 << 40}, small[1] = {-5};
    const uint64_t huge[1] = {UINT64_MAX};
    CHECK(needs("{" X("F32", "2", 0, 8) "}", floats, 8, vector_f32) == 0);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", floats, 8, three_f32) == EX_DATAERR);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", floats, 8, matrix_f32) == EX_DATAERR);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", floats, 8, vector_i32) == EX_DATAERR);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", floats, 8, absent) == EX_DATAERR);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", hole, 8, vector_f32) == EX_DATAERR);
    CHECK(needs("{" X("F32", "2", 0, 8) "}", inf, 8, vector_f32) == EX_DATAERR);
    CHECK(needs("{" X("F64", "1", 0, 8) "}", big, 8, vector_f32) == EX_DATAERR);
    CHECK(needs("{" X("I64", "1", 0, 8) "}", wide, 8, vector_f32) == EX_DATAERR);
    CHECK(needs("{" X("I64", "1", 0, 8) "}", wide, 8, vector_i64) == 0);
    CHECK(needs("{" X("I64", "1", 0, 8) "}", wide, 8, vector_i32) == EX_DATAERR);
    CHECK(needs("{" X("I64", "1", 0, 8) "}", small, 8, vector_i32) == 0);
    CHECK(needs("{" X("I64", "1", 0, 8) "}", small, 8, vector_u8) == EX_DATAERR);
    CHECK(needs("{" X("U64", "1", 0, 8) "}", huge, 8, vector_i64) == EX_DATAERR);
    CHECK(needs("{\"__metadata__\":{\"schema\":\"quality/1\"}}", "", 0, schema) == EX_DATAERR);
    CHECK(needs("{\"__metadata__\":{\"schema\":\"sids/1\"}}", "", 0, schema) == 0);
    CHECK(needs("{}", "", 0, schema) == 0);
}

static void strings(const st_file_t *f)
{
    strtab_t t = st_need_strings(f, "x", -1);
    strtab_free(&t);
}

static void two_strings(const st_file_t *f)
{
    strtab_t t = st_need_strings(f, "x", 2);
    strtab_free(&t);
}

static void ids(const st_file_t *f)
{
    strtab_t t = st_need_ids(f, "x", -1);
    strtab_free(&t);
}

TEST(string_tables_are_checked)
{
    CHECK(needs("{" X("U8", "4", 0, 4) "}", "a\nb\n", 4, two_strings) == 0);
    CHECK(needs("{" X("U8", "0", 0, 0) "}", "", 0, strings) == 0);
    CHECK(needs("{" X("U8", "2", 0, 2) "}", "a\n", 2, two_strings) == EX_DATAERR);
    CHECK(needs("{" X("U8", "3", 0, 3) "}", "a\nb", 3, strings) == EX_DATAERR);     /* unended */
    CHECK(needs("{" X("U8", "3", 0, 3) "}", "a\n\n", 3, strings) == EX_DATAERR);    /* an empty one */
    CHECK(needs("{" X("U8", "3", 0, 3) "}", "\ta\n", 3, strings) == EX_DATAERR);
    CHECK(needs("{" X("U8", "3", 0, 3) "}", "\xff" "a\n", 3, strings) == EX_DATAERR);
    CHECK(needs("{" X("U8", "3", 0, 3) "}", "\0a\n", 3, strings) == EX_DATAERR);
    CHECK(needs("{" X("I8", "2", 0, 2) "}", "a\n", 2, strings) == EX_DATAERR);
    CHECK(needs("{" X("U8", "4", 0, 4) "}", "a\na\n", 4, strings) == 0);
    CHECK(needs("{" X("U8", "4", 0, 4) "}", "a\na\n", 4, ids) == EX_DATAERR);
}

TEST(string_tables_find_their_strings)
{
    strtab_t t = {0}, copy = {0};
    char name[32];
    strtab_index(&t);
    CHECK(strtab_find(&t, "", 0) == -1);
    for (int i = 0; i < 5000; i++) strtab_add(&t, name, (size_t)snprintf(name, sizeof name, "item %d", i * 7));
    for (int i = 0; i < 5000; i++) CHECK(strtab_find(&t, name, (size_t)snprintf(name, sizeof name, "item %d", i * 7)) == i);
    CHECK(strtab_find(&t, "item 1", 6) == -1);
    strtab_add(&t, "item 7", 6); /* the first of equals is found */
    CHECK(strtab_find(&t, "item 7", 6) == 1 && t.count == 5001);
    CHECK(strtab_index(&t) == 5000);
    CHECK(strtab_parse(&copy, t.bytes, (size_t)t.offsets[t.count]));
    CHECK(strtab_equal(&t, &copy) && copy.count == 5001);
    strtab_add(&copy, "more", 4);
    CHECK(!strtab_equal(&t, &copy));
    char *s = strtab_dup(&copy, 5001);
    CHECK(!strcmp(s, "more"));
    free(s);
    strtab_free(&t);
    strtab_free(&copy);
    CHECK(strtab_equal(&t, &copy));
}

static void write_bad_meta(void) { st_set_meta(st_create(path, NULL), "key", "\xff"); }
static void write_to_full(void)
{
    st_writer_t *w = st_create("/dev/full", NULL);
    st_add1(w, "x", ST_F32, 0, NULL);
    st_commit(w);
}
static void write_nowhere(void) { st_create("/dev/null/x.st", NULL); }

TEST(writing_fails_cleanly)
{
    CHECK(unit_exit_code(write_bad_meta) == EX_DATAERR);
    CHECK(unit_exit_code(write_to_full) == EX_IOERR);
    CHECK(unit_exit_code(write_nowhere) == EX_CANTCREAT);
}

static const unit_test_t tests[] = {
    UNIT(integers_of_every_type_are_read), UNIT(floats_of_every_type_are_read), UNIT(half_floats_in_bulk),
    UNIT(what_the_format_allows_opens),
    UNIT(what_the_format_forbids_is_refused), UNIT(cut_files_and_wrong_lengths_are_refused), UNIT(deep_nesting_is_refused),
    UNIT(what_is_written_reads_back), UNIT(a_source_is_written_piece_by_piece), UNIT(needs_are_checked), UNIT(string_tables_are_checked),
    UNIT(string_tables_find_their_strings), UNIT(writing_fails_cleanly),
};

int main(void)
{
    close(mkstemp(path)); /* each test writes it anew */
    int failed = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    unlink(path);
    return failed;
}
