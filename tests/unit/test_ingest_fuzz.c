/* Damaged and hostile input for every reader that ingest has, in every form, packed and not. Each case is read by a child
 * process, which must end with status 0 and no word, or with 65 and one line, within time and memory; what it takes must be
 * valid. Cases are numbered: the same number is the same case. From the environment: FUZZ_CASES (80) for each format and
 * role, FUZZ_FIRST (0) their first number, FUZZ_FORMAT one format only. The input of a case that fails stays in TMPDIR. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/json.h"
#include "formats/formats.h"
#include "unit.h"

enum { RECORDS, EVENTS, ROLES };
enum { MEMORY = 768 << 20, SECONDS = 60 };

static const char *const role_names[ROLES] = {"records", "events"};

/* --- Seeds: small good files --------------------------------------------------------------------------------------------- */

static const struct seed {
    const char *format, *text[ROLES];
} seeds[] = {
    {"neutral",
     {"{\"id\": \"a\", \"title\": \"Pan &amp; lid\", \"categories\": [\"Home\", \"<b>Pans</b>\"], \"price\": 1.5, \"image\": \"x/a.png\"}\n"
      "{\"id\":\"b\",\"intents\":[{\"text\":\"to cook\"}],\"brand\":\"caf\\u00e9 \\ud83d\\ude00\",\"description\":\"x\"}\r\n\n{\"id\":\"c\"}\n",
      "user\titem\ttimestamp\trating\nu1\ta\t1391040000\t5\nu1\tb\t1391030000\t2.5\nu2\tc\t-3\t1e0\n"}},
    {"amazon2014",
     {"{'asin': 'a', 'title': \"Cook's pan\", 'price': 12.99, 'imUrl': 'http://example.org/a.jpg', 'related': {'also_viewed': "
      "['b', 'c']}, 'categories': [['Home'], ['Home', u'Caf\\xe9 \\ud83d\\ude00']], 'description': '<p>It\\'s\\n&eacute;</p>'}\n"
      "{'asin': 'b', 'salesRank': {}, 'brand': None, 'x': (1, -2.5e3, True)}\n{\"asin\": \"c\"}\n",
      "{\"reviewerID\": \"u1\", \"asin\": \"a\", \"helpful\": [2, 3], \"reviewText\": \"Does \\\"it\\\".\\n\", \"overall\": 5.0, "
      "\"unixReviewTime\": 1391040000}\n{'reviewerID': 'u2', 'asin': 'b', 'overall': 4, 'unixReviewTime': 1391040000}\n"
      "u1,c,2.0,1391030000\n"}},
    {"amazon2018",
     {"{\"category\": [\"Home &amp; more\", \"\", \"<span>Pans</span>\"], \"description\": [\"<p>Of iron<script>x()</script>\"], "
      "\"title\": \"var a = (new Date()).getTime();\", \"price\": \"$12.99\", \"asin\": \"a\", \"feature\": [\"x\"], "
      "\"imageURLHighRes\": [\"https://example.org/a.jpg\"]}\n{\"asin\": \"b\", \"brand\": \"by\\n  X\", \"main_cat\": \"Home\"}\n",
      "{\"overall\": 5.0, \"verified\": true, \"reviewerID\": \"u1\", \"asin\": \"a\", \"style\": {\"Size:\": \"M\"}, "
      "\"unixReviewTime\": 1391040000}\na,u2,5.0,1391040000\n"}},
    {"amazon2023",
     {"{\"main_category\": \"Home\", \"title\": \"Pan\", \"features\": [\"Heavy.\"], \"description\": [\"Of iron\"], \"price\": null, "
      "\"images\": [{\"large\": \"https://example.org/l.jpg\", \"variant\": \"MAIN\", \"hi_res\": null}], \"store\": \"X\", "
      "\"categories\": [], \"parent_asin\": \"a\"}\n{\"parent_asin\": \"b\", \"images\": {\"hi_res\": [null, \"https://example.org/h\"], "
      "\"variant\": [\"PT01\", \"MAIN\"]}}\n",
      "user_id,parent_asin,rating,timestamp\n{\"rating\": 5.0, \"parent_asin\": \"a\", \"user_id\": \"u1\", \"timestamp\": "
      "1391040000999}\nu2,b,4.0,1391040000000,a b\n"}},
    {"csv",
     {"item_id,title,categories,price\na,\"Pan, \"\"big\"\"\",Home|Pans,1.5\nb,Sock,,\nc,\"two\nlines\",x,\n",
      "user_id,item_id,timestamp,rating\nu1,a,1391040000,5\nu1,\"b\",1391030000,2\nu2,c,3,1\n"}},
    {"jsonl",
     {"{\"item_id\": \"a\", \"title\": \"Pan\", \"categories\": [\"Home\"]}\n{\"item_id\": 7}\n",
      "{\"user_id\": \"u1\", \"item_id\": \"a\", \"timestamp\": 1391040000, \"rating\": 5}\n{\"user_id\": 3, \"item_id\": \"b\", "
      "\"timestamp\": \"2014-01-30T00:00:00Z\"}\n"}},
    {"recbole",
     {"item_id:token\ttitle:token_seq\tprice:float\tcategories:token_seq\na\tBig pan\t1.5\tHome Pans\nb\t\t\t\n",
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu1\ta\t5\t1391040000.0\nu1\tb\t2\t1391030000\n"}},
    {"lcrec",
     {"{\"0\": {\"title\": \"Pan\", \"description\": \"Of iron\", \"categories\": \"Home,Pans\", \"brand\": \"X\"}, \"1\": {\"title\": \"b\"}}",
      "{\"0\": [0, 1, 1], \"1\": [1]}"}},
};

/* A format that has no seeds of its own gets the neutral ones. */
static const char *seed_of(const char *format, int role)
{
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        if (!strcmp(seeds[i].format, format)) return seeds[i].text[role];
    return seeds[0].text[role];
}

/* --- Damage ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t key, at;
} dice_t;

static size_t below(dice_t *d, size_t n) { return (size_t)rng_below(d->key, d->at++, n ? n : 1); }

/* Replaces `gone` bytes at `at` by `n` others. */
static void replace(buf_t *b, size_t at, size_t gone, const char *bytes, size_t n)
{
    buf_t tail = {0};
    buf_add(&tail, b->data + at + gone, b->len - at - gone);
    b->len = at;
    buf_add(b, bytes, n);
    buf_add(b, tail.data, tail.len);
    buf_free(&tail);
}

static void repeat(buf_t *b, size_t at, const char *bytes, size_t n, size_t times)
{
    buf_t run = {0};
    for (size_t i = 0; i < times; i++) buf_add(&run, bytes, n);
    replace(b, at, 0, run.data, run.len);
    buf_free(&run);
}

#define TOKEN(s) {s, sizeof s - 1}
static const struct { const char *s; size_t n; } tokens[] = {
    TOKEN("\""), TOKEN("'"), TOKEN("\\"), TOKEN("{"), TOKEN("}"), TOKEN("["), TOKEN("]"), TOKEN("("), TOKEN(","), TOKEN(":"), TOKEN("\n"),
    TOKEN("\r\n"), TOKEN("\t"), TOKEN("\0"), TOKEN("\xff"), TOKEN("\xed\xa0\x80"), TOKEN("\xef\xbb\xbf"), TOKEN("\\u0000"), TOKEN("\\ud800"),
    TOKEN("\\u0009"), TOKEN("\\x"), TOKEN("\\N{DOT}"), TOKEN("<b>"), TOKEN("<script>"), TOKEN("<a b='"), TOKEN("<!--"), TOKEN("&amp;"),
    TOKEN("&#x110000;"), TOKEN("&CounterClockwiseContourIntegral"), TOKEN("\xc3\x83\xc2\xa9"), TOKEN("e\xcc\x81"), TOKEN("nan"), TOKEN("inf"),
    TOKEN("1e999"), TOKEN("-1e-999"), TOKEN("9223372036854775808"), TOKEN("-9223372036854775808"), TOKEN("0x7fffffffffffffff"), TOKEN("1e18"),
    TOKEN("0.5"), TOKEN("null"), TOKEN("true"), TOKEN("None"), TOKEN("r'"), TOKEN("'''"), TOKEN("\"asin\""), TOKEN("\"id\""), TOKEN("''")};
enum { TOKENS = sizeof tokens / sizeof *tokens };

static const struct { const char *s; size_t n; } nests[] = {TOKEN("["), TOKEN("{\"a\":"), TOKEN("("), TOKEN("{'a':"), TOKEN("<b>"), TOKEN("<a x='"),
                                                            TOKEN("'' "), TOKEN("[["), TOKEN("\"\"")};

static void damage(dice_t *d, buf_t *b)
{
    size_t at = below(d, b->len + 1), left = b->len - at, t = below(d, TOKENS);
    switch (below(d, 10)) {
    case 0: if (left) b->data[at] = (char)(b->data[at] ^ 1 << below(d, 8)); break;
    case 1: if (left) b->data[at] = (char)below(d, 256); break;
    case 2: replace(b, at, below(d, left < 20 ? left + 1 : 20), "", 0); break;
    case 3: b->len = at; break;
    case 4:
    case 5: replace(b, at, 0, tokens[t].s, tokens[t].n); break;
    case 6: if (left >= tokens[t].n) replace(b, at, tokens[t].n, tokens[t].s, tokens[t].n); break;
    case 7: {
        buf_t copy = {0};
        buf_add(&copy, b->data + at, below(d, left + 1));
        replace(b, below(d, b->len + 1), 0, copy.data, copy.len);
        buf_free(&copy);
        break;
    }
    case 8: {
        size_t k = below(d, sizeof nests / sizeof *nests);
        repeat(b, at, nests[k].s, nests[k].n, (size_t)1 << below(d, 17));
        break;
    }
    default:
        if (below(d, 4)) repeat(b, at, tokens[t].s, tokens[t].n, (size_t)1 << below(d, 14));
        else for (size_t i = 0, n = below(d, 200); i < n; i++) replace(b, at, 0, &(char){(char)below(d, 256)}, 1);
    }
}

/* --- Packing --------------------------------------------------------------------------------------------------------------- */

static ssize_t add_packed(struct archive *a, void *to, const void *bytes, size_t n)
{
    (void)a;
    buf_add(to, bytes, n);
    return (ssize_t)n;
}

static void pack(dice_t *d, buf_t *b)
{
    static int (*const filters[])(struct archive *) = {archive_write_add_filter_gzip, archive_write_add_filter_zstd, archive_write_add_filter_xz,
                                                       archive_write_add_filter_bzip2, archive_write_add_filter_none};
    static int (*const packages[])(struct archive *) = {archive_write_set_format_raw, archive_write_set_format_raw, archive_write_set_format_zip,
                                                        archive_write_set_format_pax_restricted};
    buf_t out = {0};
    struct archive *a = archive_write_new();
    struct archive_entry *e = archive_entry_new();
    filters[below(d, 5)](a);
    packages[below(d, 4)](a);
    archive_write_set_bytes_in_last_block(a, 1);
    archive_entry_set_pathname(e, "file");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, (la_int64_t)b->len);
    if (archive_write_open(a, &out, NULL, add_packed, NULL) == ARCHIVE_OK && archive_write_header(a, e) == ARCHIVE_OK)
        archive_write_data(a, b->data, b->len);
    archive_write_free(a);
    archive_entry_free(e);
    buf_free(b);
    *b = out;
    buf_puts(b, "");
}

/* The input of case `number`. */
static buf_t make_case(const char *format, int role, int64_t number, dice_t *d)
{
    *d = (dice_t){rng_key(rng_key(rng_stream(1, format), (uint64_t)role), (uint64_t)number), 0};
    buf_t b = {0};
    const char *text = seed_of(format, below(d, 40) ? role : !role);
    buf_add(&b, text, strlen(text));
    for (size_t n = below(d, 5); n > 0; n--) damage(d, &b);
    if (below(d, 8) == 0) {
        pack(d, &b);
        for (size_t n = below(d, 3); n > 0; n--) damage(d, &b);
    }
    return b;
}

/* --- Reading, in a child --------------------------------------------------------------------------------------------------- */

static void expect(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "taken, but not right: %s\n", what);
    _exit(1);
}

static bool is_id(const char *s, size_t n)
{
    return n && utf8_valid(s, n) && !memchr(s, '\t', n) && !memchr(s, '\n', n) && !memchr(s, '\r', n);
}

static void read_records(const format_t *f, const source_options_t *o, bool clean)
{
    record_source_t *s = f->records(o);
    if (clean) s = record_source_clean(s);
    json_error_t e;
    for (record_t r; s->next(s, &r);) {
        expect(is_id(r.id, r.id_len), "an id");
        expect(json_check(r.line, r.line_len, &e) && utf8_valid(r.line, r.line_len), "a record's line");
        expect(!memchr(r.line, '\n', r.line_len), "a record of one line");
    }
    free(s->digest(s));
    s->close(s);
}

static void read_events(const format_t *f, const source_options_t *o)
{
    event_source_t *s = f->events(o);
    for (event_t e; s->next(s, &e);) expect(is_id(e.user, e.user_len) && is_id(e.item, e.item_len) && isfinite(e.rating), "an event");
    free(s->digest(s));
    s->close(s);
}

static _Noreturn void child(const char *format, int role, dice_t *d, int input, int messages)
{
    if (dup2(messages, STDERR_FILENO) < 0 || dup2(input, STDIN_FILENO) < 0) _exit(2);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = SECONDS}, NULL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
#ifndef SIDMILL_SANITIZE
    setrlimit(RLIMIT_AS, &(struct rlimit){(rlim_t)MEMORY + (512 << 20), (rlim_t)MEMORY + (512 << 20)}); /* libraries and stacks */
#endif
    err_quiet(true);
    source_options_t o = {.path = "-", .bad_lines = below(d, 2) ? 1000000000 : 0, .rating = below(d, 2), .mend = below(d, 2)};
    if (role == RECORDS) read_records(format_find(format), &o, below(d, 2));
    else read_events(format_find(format), &o);
    exit(0);
}

/* NULL, or what is wrong with how the child ended. */
static const char *verdict(int status, const struct rusage *used, const char *said, size_t n)
{
    static char text[100];
    if (!WIFEXITED(status)) {
        snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(status));
        return text;
    }
    int code = WEXITSTATUS(status);
    const char *newline = memchr(said, '\n', n);
    if (code != 0 && code != EX_DATAERR) {
        snprintf(text, sizeof text, "exit status %d", code);
        return text;
    }
    if (code == 0 && n) return "a message and status 0";
    if (code && (!newline || newline + 1 != said + n || memcmp(said, "sidmill: ", 9) != 0)) return "not one line of error";
#ifdef SIDMILL_SANITIZE
    const long most = 2L * MEMORY;
#else
    const long most = MEMORY;
#endif
    return used->ru_maxrss * 1024 > most ? "too much memory" : NULL;
}

static int temporary_file(void)
{
    char name[] = "/tmp/test_ingest_fuzz.XXXXXX";
    int fd = mkstemp(name);
    if (fd >= 0) unlink(name);
    return fd;
}

static void keep_input(const char *format, int role, int64_t number, const buf_t *b)
{
    const char *folder = getenv("TMPDIR");
    char *name = xasprintf("%s/fuzz-%s-%s-%lld", folder ? folder : "/tmp", format, role_names[role], (long long)number);
    FILE *f = fopen(name, "wb");
    if (f) {
        fwrite(b->data, 1, b->len, f);
        fclose(f);
    }
    printf("# its input is in %s\n", name);
    free(name);
}

static int exit_codes[2];   /* how many cases were taken, and refused */

static bool run_input(const char *format, int role, const buf_t *b, dice_t *d, int64_t number)
{
    int input = temporary_file(), messages = temporary_file();
    if (input < 0 || messages < 0 || (b->len && write(input, b->data, b->len) != (ssize_t)b->len)) die_errno(EX_IOERR, "temporary file");
    lseek(input, 0, SEEK_SET);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) child(format, role, d, input, messages);
    int status = 0;
    struct rusage used = {0};
    wait4(pid, &status, 0, &used);
    char said[9000];
    ssize_t n = pread(messages, said, sizeof said, 0);
    const char *wrong = verdict(status, &used, said, n > 0 ? (size_t)n : 0);
    if (wrong) {
        printf("# case %lld of %s %s: %s: %.*s\n", (long long)number, format, role_names[role], wrong, (int)(n > 300 ? 300 : n > 0 ? n : 0), said);
        keep_input(format, role, number, b);
    } else {
        exit_codes[WEXITSTATUS(status) != 0]++;
    }
    close(input);
    close(messages);
    return !wrong;
}

static int64_t from_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoll(text, NULL, 10) : otherwise;
}

static bool is_chosen(const char *format)
{
    const char *only = getenv("FUZZ_FORMAT");
    return !only || !*only || !strcmp(only, format);
}

static void run_cases(const char *format, int role, int64_t first, int64_t cases)
{
    int before[2] = {exit_codes[0], exit_codes[1]};
    for (int64_t number = first; number < first + cases; number++) {
        dice_t d;
        buf_t b = make_case(format, role, number, &d);
        CHECK(run_input(format, role, &b, &d, number));
        buf_free(&b);
    }
    printf("# %s %s: %d taken, %d refused\n", format, role_names[role], exit_codes[0] - before[0], exit_codes[1] - before[1]);
}

TEST(damaged_input_is_taken_or_refused)
{
    int64_t first = from_environment("FUZZ_FIRST", 0), cases = from_environment("FUZZ_CASES", 80);
    for (int f = 0; format_names[f]; f++)
        for (int role = 0; role < ROLES && is_chosen(format_names[f]); role++) run_cases(format_names[f], role, first, cases);
    if (cases >= 80) CHECK(exit_codes[0] > 0 && exit_codes[1] > 0);
}

/* Lines of 100 MB, in and around the seeds. */
TEST(giant_lines_are_refused_in_little_memory)
{
    static const char *const what[] = {"x", "[", "{'a': ", "9", "\\u00e9", "\"a\",", "\t"};
    for (int f = 0, k = 0; format_names[f]; f++)
        for (int role = 0; role < ROLES && is_chosen(format_names[f]); role++, k++) {
            const char *text = seed_of(format_names[f], role), *unit = what[(size_t)k % (sizeof what / sizeof *what)];
            dice_t d = {0};
            buf_t b = {0};
            buf_add(&b, text, strlen(text) / 2);
            buf_t block = {0};
            while (block.len < 1 << 16) buf_puts(&block, unit);
            while (b.len < 100 << 20) buf_add(&b, block.data, block.len);
            buf_free(&block);
            CHECK(run_input(format_names[f], role, &b, &d, -1));
            buf_free(&b);
        }
}

UNIT_MAIN(UNIT(damaged_input_is_taken_or_refused), UNIT(giant_lines_are_refused_in_little_memory))
