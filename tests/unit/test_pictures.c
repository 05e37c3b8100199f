#include <stdlib.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "data/item_errors.h"
#include "ingest/picture_store.h"
#include "unit.h"

TEST(kinds_by_their_first_bytes)
{
    const struct { const char *bytes; size_t n; picture_store_kind_t kind; } cases[] = {
        {"\xff\xd8\xff\xe0", 4, PICTURE_JPEG}, {"\xff\xd8", 2, PICTURE_UNKNOWN}, {"\xff\xd8\xfe", 3, PICTURE_UNKNOWN},
        {"\x89PNG\r\n\x1a\n", 8, PICTURE_PNG}, {"\x89PNG\n\x1a\n\0", 8, PICTURE_UNKNOWN}, {"\x89PNG\r\n\x1a", 7, PICTURE_UNKNOWN},
        {"GIF87a", 6, PICTURE_GIF}, {"GIF89a", 6, PICTURE_GIF}, {"GIF88a", 6, PICTURE_UNKNOWN},
        {"RIFF\1\2\3\4WEBPVP8L", 16, PICTURE_WEBP}, {"RIFF\1\2\3\4WAVEfmt ", 16, PICTURE_UNKNOWN},
        {"BM\1\2\3\4\0\0\0\0\x36\0\0\0\x28\0\0\0", 18, PICTURE_BMP}, {"BM\1\2\3\4\0\0\0\0\x36\0\0\0\x28\0\0", 17, PICTURE_UNKNOWN},
        {"\0\0\0\x1c" "ftypavif\0\0\0\0", 16, PICTURE_AVIF}, {"\0\0\0\x1c" "ftypavis", 12, PICTURE_AVIF}, {"\0\0\0\x1c" "ftypisom", 12, PICTURE_UNKNOWN},
        {"II*\0\x08\0\0\0", 8, PICTURE_TIFF}, {"MM\0*\0\0\0\x08", 8, PICTURE_TIFF}, {"MM*\0", 4, PICTURE_UNKNOWN},
        {"BM is the beginning of this", 27, PICTURE_UNKNOWN}, {"<!DOCTYPE html>   ", 18, PICTURE_UNKNOWN}, {"", 0, PICTURE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) CHECK(picture_kind(cases[i].bytes, cases[i].n) == cases[i].kind);
}

/* FIPS 180-4's example, whole and as the first half. */
TEST(sha256)
{
    static const unsigned char expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                             0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    unsigned char digest[32] = {0};
    sha256_bytes("abc", 3, digest, 32);
    CHECK(!memcmp(digest, expected, 32));
    memset(digest, 0, sizeof digest);
    sha256_bytes("abc", 3, digest, 16);
    CHECK(!memcmp(digest, expected, 16) && digest[16] == 0);
    CHECK(sha256_valid("ba7816bf8f01cfea414140de5dae2223b00361A396177A9CB410FF61F20015AD"));
    CHECK(!sha256_valid("ba7816bf") && !sha256_valid("") && !sha256_valid("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

typedef struct {
    int lines, found;
    char last[64];
} read_t;

static void on_line(void *ctx, const picture_store_line_t *l)
{
    read_t *r = ctx;
    r->lines++;
    r->found += l->found;
    snprintf(r->last, sizeof r->last, "%.*s %s", (int)l->url_len, l->url, l->found ? "" : l->why);
}

TEST(a_store)
{
    char folder[] = "/tmp/sidmill-test.XXXXXX", name[PICTURE_NAME];
    CHECK(mkdtemp(folder) != NULL);
    picture_store_t *s = picture_store_open(folder);
    picture_store_file_t file, other;
    CHECK(!picture_store_put(s, "abc", 3, PICTURE_GIF, &file) && picture_store_put(s, "abc", 3, PICTURE_GIF, &other));
    CHECK(!memcmp(file.hash, other.hash, sizeof file.hash));
    picture_name(&file, name);
    CHECK(!strcmp(name, "ba/ba7816bf8f01cfea414140de5dae2223.gif"));
    CHECK(picture_store_has(s, &file, 3) && !picture_store_has(s, &file, 4));
    picture_store_note(s, &(picture_store_line_t){.url = "http://a", .url_len = 8, .found = true, .file = file, .bytes = 3});
    picture_store_note(s, &(picture_store_line_t){.url = "http://b", .url_len = 8, .reason = "refused", .why = "HTTP\n403"});
    read_t r = {0};
    picture_store_read(s, on_line, &r);
    CHECK(r.lines == 2 && r.found == 1 && !strcmp(r.last, "http://b HTTP 403"));
    picture_store_close(s);

    char *index = xasprintf("%s/index.tsv", folder), *command = xasprintf("rm -r %s", folder);
    FILE *f = fopen(index, "a");
    fputs("file\tba/ba7816bf8f01cfea414140de5dae2223.exe\t3\thttp://c\nfile\tba/ba7816", f); /* the second has been cut */
    fclose(f);
    s = picture_store_open(folder);
    picture_store_note(s, &(picture_store_line_t){.url = "http://d", .url_len = 8, .found = true, .file = file, .bytes = 3});
    r = (read_t){0};
    picture_store_read(s, on_line, &r);
    CHECK(r.lines == 3 && r.found == 2 && !strcmp(r.last, "http://d "));
    picture_store_close(s);
    CHECK(system(command) == 0);
    free(index);
    free(command);
}

static void put_errors(const char *record, const char *tool, const char *message, const char *expected)
{
    buf_t text = {0}, entries = {0};
    buf_puts(&text, record);
    if (message) item_errors_add(&entries, tool, message);
    item_errors_put(&text, tool, &entries);
    CHECK(!strcmp(text.data, expected));
    buf_free(&text);
    buf_free(&entries);
}

TEST(errors_of_records)
{
    put_errors("{\"id\":\"a\"}", "t", NULL, "{\"id\":\"a\"}");
    put_errors("{\"id\":\"a\"}", "t", "no\xff", "{\"id\":\"a\",\"errors\":[{\"tool\":\"t\",\"message\":\"no?\"}]}");
    put_errors("{\"errors\":[{\"tool\":\"t\"}],\"id\":\"a\"}", "t", NULL, "{\"id\":\"a\"}");
    put_errors("{\"errors\":[ 1.10 , {\"tool\":\"t\"}, {\"tool\": \"u\"} ]}", "t", "x",
               "{\"errors\":[1.10,{\"tool\": \"u\"},{\"tool\":\"t\",\"message\":\"x\"}]}");
    put_errors("{\"errors\":[ 1.10 ]}", "t", NULL, "{\"errors\":[ 1.10 ]}");
    put_errors("{\"errors\":null}", "t", "x", "{\"errors\":[{\"tool\":\"t\",\"message\":\"x\"}]}");
}

UNIT_MAIN(UNIT(kinds_by_their_first_bytes), UNIT(sha256), UNIT(a_store), UNIT(errors_of_records))
