#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/items.h"
#include "formats/columns.h"
#include "formats/formats.h"
#include "formats/tables.h"
#include "formats/when.h"
#include "unit.h"

static int64_t when(const char *text, int64_t ticks)
{
    int64_t seconds;
    return when_parse(text, strlen(text), ticks, &seconds) ? INT64_MIN : seconds;
}

TEST(times)
{
    CHECK(when("1406073600", 1) == 1406073600);
    CHECK(when("-1", 1) == -1);
    CHECK(when("1406073600999", 1000) == 1406073600);
    CHECK(when("-1", 1000) == -1 && when("-1000", 1000) == -1 && when("-1001", 1000) == -2);
    CHECK(when("1.4060736e9", 1) == 1406073600);
    CHECK(when("-0.5", 1) == -1);
    CHECK(when("1406073600500.5", 1000) == 1406073600);
    CHECK(when("2014-07-23", 1000) == 1406073600);
    CHECK(when("2014-07-23T02:00:00+02:00", 1) == 1406073600);
    CHECK(when("253402300799", 1) == 253402300799 && when("253402300800", 1) == INT64_MIN);
    const char *const bad[] = {"", " 1", "1 ", "x", "0x10", "1e", "1e999", "nan", "inf", "9223372036854775807", "2014-02-30",
                               "--1", "1.5.5", "99999999999999999999999999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(when(bad[i], 1) == INT64_MIN);
    int64_t seconds;
    CHECK(when_parse("1\0", 2, 1, &seconds));
}

TEST(numbers)
{
    double v;
    CHECK(decimal_parse("4.5", 3, &v) && v == 4.5);
    CHECK(decimal_parse("-1e2xyz", 4, &v) && v == -100);
    CHECK(!decimal_parse("", 0, &v) && !decimal_parse("four", 4, &v));
    CHECK(!decimal_parse("1e999", 5, &v) && !decimal_parse("+", 1, &v));
}

static int found(const char *spec, const char *const *names, int role)
{
    strtab_t header = {0};
    int at[RECORD_ROLES];
    for (; *names; names++) strtab_add(&header, *names, strlen(*names));
    columns_t c = columns_parse(record_roles, RECORD_ROLES, spec, "--item-columns");
    columns_find(&c, &header, "file", 1, at);
    columns_free(&c);
    strtab_free(&header);
    return at[role];
}

/* Every decimal of up to 18 digits reads as strtod() has it, to the bit; and what is none is none. */
TEST(decimals_as_strtod)
{
    static const char letters[] = "0123456789012345678901234567890123456789..-+e";
    int read = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        char text[24], *end;
        const size_t n = 1 + rng_below(7, i, 18);
        for (size_t c = 0; c < n; c++) text[c] = letters[rng_below(8, i * 32 + c, i % 2 ? 42 : sizeof letters - 1)];
        text[n] = '\0';
        double v, want = strtod(text, &end);
        const bool good = decimal_parse(text, n, &v);
        CHECK(good == (end > text && !*end && isfinite(want)));
        CHECK(!good || !memcmp(&v, &want, sizeof v));
        read += good;
    }
    CHECK(read > 50000);
}

TEST(usual_names_are_found_in_their_order)
{
    const char *const names[] = {"asin", "Parent-ASIN", "name", "Image URL", "x", NULL};
    CHECK(found(NULL, names, RECORD_ID) == 1 && found(NULL, names, RECORD_TITLE) == 2);
    CHECK(found(NULL, names, RECORD_IMAGE_URL) == 3 && found(NULL, names, RECORD_IMAGE) == -1);
    CHECK(found("id=asin,title=x", names, RECORD_ID) == 0 && found("id=asin,title=x", names, RECORD_TITLE) == 4);
    CHECK(found("brand=name", names, RECORD_BRAND) == 2 && found("brand=name", names, RECORD_TITLE) == -1);
}

/* What a reader is given: a valid file of each form. */
static const struct sample {
    const char *format, *items, *events;
} samples[] = {
    {"csv",
     "item_id,title,categories,\"an, other\"\na,Shoe,A|B,1\nb,\"Sock, \"\"wool\"\"\nlong\",,\nc,caf\xc3\xa9,C,x\n",
     "user_id,item_id,timestamp,rating\nu,a,1,5\nu,\"b\",2014-07-23,4.5\nv,c,3,1\n"},
    {"jsonl",
     "{\"item_id\":\"a\",\"title\":\"caf\\u00e9\",\"x\":[1,{\"y\":null}],\"intents\":[{\"text\":\"t\"}]}\n"
     "{\"item_id\":7,\"categories\":\"A|B\",\"price\":1.5,\"description\":[\"d\",\"e\"],"
     "\"image\":\"i.png\"}\n",
     "{\"user\":\"u\",\"item\":\"a\",\"time\":1,\"rating\":5}\n{\"user\":8,\"item\":7,\"time\":\"2014-07-23\",\"rating\":\"4\"}\n"},
    {"recbole",
     "item_id:token\ttitle:token_seq\tclass:token_seq\tprice:float\na\tA shoe\tX Y\t1.5\nb\t\t\t\n",
     "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ta\t5.0\t1.0\nu\tb\t1\t2e0\n"},
    {"lcrec",
     "{\"0\":{\"title\":\"T\",\"categories\":\"A,B\",\"z\":{\"a\":[1]}},\n\"1\":{\"brand\":3,\"categories\":[\"C\"]}}",
     "{\"u\":[0,\"1\",1],\n\"v\":[1]}"},
    {"csv", "item_id\na\nb\n", "user,prev_items,item\nu,\"['a' \"\"b\\\"\"\"\"]\",a\nv,a|b,b\n"},
    {"jsonl", "{\"item_id\":\"a\"}\n{\"item_id\":7}\n", "{\"user\":\"u\",\"items\":[\"a\",7,\"\\u0061\"]}\n{\"user\":8,\"items\":\"[7, 'a']\"}\n"},
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static char path[] = "/tmp/test_tables.XXXXXX", lines_path[] = "/tmp/test_tables.XXXXXX";
static const struct sample *sample;
static bool mend;
static int64_t events_taken, records_taken;

static bool is_text(const char *s, size_t n) { return utf8_valid(s, n) && table_is_id(s, n); }

static void read_events(void)
{
    event_source_t *s = format_find(sample->format)->events(&(source_options_t){.path = path, .bad_lines = 1000, .mend = mend});
    for (event_t e; s->next(s, &e); events_taken++)
        if (!is_text(e.user, e.user_len) || !is_text(e.item, e.item_len)) exit(99);
    free(s->digest(s));
    s->close(s);
}

/* Every line that comes out must be one that readers of records take, with the id and the picture that were said. */
static void read_records(void)
{
    record_source_t *s = format_find(sample->format)->records(&(source_options_t){.path = path, .bad_lines = 1000, .mend = mend});
    FILE *f = fopen(lines_path, "w");
    strtab_t ids = {0}, images = {0};
    for (record_t r; s->next(s, &r); records_taken++) {
        if (!is_text(r.id, r.id_len)) exit(98);
        strtab_add(&ids, r.id, r.id_len);
        strtab_add(&images, r.image ? r.image : "", r.image ? strlen(r.image) : 0);
        fprintf(f, "%.*s\n", (int)r.line_len, r.line);
    }
    fclose(f);
    free(s->digest(s));
    s->close(s);
    items_t items = items_open(lines_path);
    items.repeated_ids = true;
    for (int64_t i = 0; i < ids.count; i++) {
        char *id = strtab_dup(&ids, i), *image = strtab_dup(&images, i);
        if (!items_next(&items) || strcmp(items.id, id) != 0) exit(97);
        const char *there = items_string(&items, "image");
        if (strcmp(there ? there : "", image) != 0) exit(96);
        free(id);
        free(image);
    }
    items_close(&items);
    strtab_free(&ids);
    strtab_free(&images);
}

static void write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    fwrite(text, 1, n, f);
    fclose(f);
}

TEST(samples_are_read_whole)
{
    for (int i = 0; i < SAMPLES; i++) {
        sample = &samples[i];
        events_taken = records_taken = 0;
        write_file(sample->events, strlen(sample->events));
        read_events();
        CHECK(events_taken == (i == 0 ? 3 : i == 3 ? 4 : i == 4 ? 6 : i == 5 ? 5 : 2));
        write_file(sample->items, strlen(sample->items));
        read_records();
        CHECK(records_taken == (i == 0 ? 3 : 2));
    }
}

/* Taken or refused: nothing else may become of it. (test_ingest_fuzz goes further; here every record is read again.) */
static void check_read(void (*read)(void), const char *what, const char *text, size_t n)
{
    write_file(text, n);
    int code = unit_exit_code(read);
    CHECK(code == 0 || code == EX_DATAERR);
    if (code != 0 && code != EX_DATAERR) printf("# %s, %s: exit code %d for %.*s\n", sample->format, what, code, (int)n, text);
}

static void mutate(uint64_t key, const char *text, void (*read)(void), const char *what)
{
    static const char spice[] = "\"\\\n\r\t,;:|{}[]#-0 \xff\xc3\x00\xef\xbb\xbf" "e";
    size_t n = strlen(text);
    uint64_t draw = 0;
    char *copy = xmalloc(n);
    memcpy(copy, text, n);
    for (uint64_t changes = 1 + rng_below(key, draw++, 3); changes--;) {
        size_t at = rng_below(key, draw++, n), bit = rng_below(key, draw++, 8);
        if (rng_below(key, draw++, 2)) copy[at] = spice[rng_below(key, draw++, sizeof spice - 1)];
        else copy[at] = (char)(copy[at] ^ 1 << bit);
    }
    check_read(read, what, copy, rng_below(key, draw, 4) ? n : rng_below(key, draw + 1, n));
    free(copy);
}

TEST(damaged_files_are_read_or_refused)
{
    for (int i = 0; i < SAMPLES; i++) {
        sample = &samples[i];
        for (uint64_t n = 0; n < 80; n++) {
            mend = n % 2;
            mutate(rng_key(1, n), sample->events, read_events, "events");
            mutate(rng_key(2, n), sample->items, read_records, "records");
        }
    }
}

int main(void)
{
    static const unit_test_t tests[] = {
        UNIT(times), UNIT(numbers), UNIT(decimals_as_strtod), UNIT(usual_names_are_found_in_their_order), UNIT(samples_are_read_whole),
        UNIT(damaged_files_are_read_or_refused)};
    err_quiet(true);
    if (mkstemp(path) < 0 || mkstemp(lines_path) < 0) return 1;
    int failed = unit_run(tests, sizeof tests / sizeof *tests);
    remove(path);
    remove(lines_path);
    return failed;
}
