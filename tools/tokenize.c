/* tokenize: trains byte-pair tokenizers, and turns texts into token ids and back. */
#include <stdlib.h>
#include <string.h>

#include "base/cli_commands.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "bpe/encoder.h"
#include "bpe/tokenizer_write.h"
#include "data/json.h"
#include "formats/when.h"
#include "net/unpack.h"
#include "text/texts.h"

static const char *tokenizer_path, *form = "lines", *fields = "title,description,categories,caption,intents";

#define OPT_TOKENIZER OPT_STRING('t', "tokenizer", "FILE", &tokenizer_path, "tokenizer.json")
#define OPT_FORM      OPT_CHOICE(0, "form", texts_forms, &form, "what a text is")
#define OPT_FIELDS    OPT_STRING('f', "fields", "LIST", &fields, "items: what goes in")

/* Parses a subcommand's line; errors after it name the tool alone. */
static int parse(const cli_t *cli, int argc, char **argv)
{
    const int n = cli_parse(cli, argc, argv);
    err_program("tokenize");
    if (cli_given("fields") && strcmp(form, "items") != 0) die(EX_USAGE, "--fields goes with --form items");
    return n;
}

static tokenizer_t *load(void)
{
    if (!tokenizer_path) die(EX_USAGE, "no --tokenizer, expected a tokenizer.json");
    return tokenizer_load(tokenizer_path);
}

/* --- Many texts ----------------------------------------------------------------------------------------------------------------- */

typedef struct {
    texts_t *texts;
    texts_batch_t batch;
    int64_t count, bytes;   /* texts of all batches */
} input_t;

static input_t open_input(char **paths, int count) { return (input_t){.texts = texts_open(form, fields, paths, count)}; }

static bool next_batch(input_t *in)
{
    enum { BATCH = 1 << 22 /* bytes */ };
    if (!texts_read(in->texts, &in->batch, BATCH)) return false;
    in->count += in->batch.count;
    in->bytes += (int64_t)in->batch.bytes.len;
    progress_add((int64_t)in->batch.bytes.len);
    return true;
}

static void close_input(input_t *in)
{
    texts_close(in->texts);
    texts_batch_free(&in->batch);
}

/* --- train -------------------------------------------------------------------------------------------------------------------- */

static struct {
    int64_t vocab, least;
    const char *pattern, *normalise;
    cli_list_t special;
} want = {.vocab = 8192, .least = 2, .pattern = "llama3", .normalise = "none"};

static pattern_t chosen_pattern(void)
{
    pattern_t p;
    const char *text = want.pattern;
    for (pattern_kind_t k = 0; pattern_name(k); k++)
        if (!strcmp(pattern_name(k), want.pattern)) text = pattern_text(k);
    char *why = utf8_valid(text, strlen(text)) ? pattern_compile(&p, text, strlen(text), false) : xstrdup("not valid UTF-8");
    if (why) die(EX_USAGE, "--pattern: %s; the names are gpt2, llama3, qwen2 and gpt4o", why);
    return p;
}

static void check_special(void)
{
    enum { LONGEST = 1 << 10 };
    const cli_list_t *s = &want.special;
    if (want.vocab < 256 + s->count)
        die(EX_USAGE, "--vocab %lld: expected 256 for the bytes, and %d for --special", (long long)want.vocab, s->count);
    for (int i = 0; i < s->count; i++) {
        const size_t n = strlen(s->items[i]);
        if (!n || n > LONGEST || !utf8_valid(s->items[i], n)) die(EX_USAGE, "--special: expected 1 to %d bytes of UTF-8", LONGEST);
        for (int j = 0; j < i; j++)
            if (!strcmp(s->items[i], s->items[j])) die(EX_USAGE, "--special %s: is given twice", s->items[i]);
    }
}

typedef struct {
    counter_t *counter;
    input_t in;
} counting_t;

static void count_chunk(void *ctx, int64_t shard, int worker)
{
    counting_t *c = ctx;
    const texts_batch_t *b = &c->in.batch;
    for (int64_t i = b->chunk[shard]; i < b->chunk[shard + 1]; i++) {
        size_t n;
        const char *text = texts_get(b, i, &n);
        counter_add(c->counter, worker, text, n);
    }
}

static void save_trained(const trained_t *t, const pattern_t *pattern)
{
    buf_t file = {0};
    tokenizer_write(t, pattern, !strcmp(want.normalise, "nfc"), want.special.items, want.special.count, &file);
    out_t *out = out_open(cli_common.output, false);
    out_write(out, file.data, file.len);
    out_commit(out);
    buf_free(&file);
}

static int train_command(int argc, char **argv)
{
    static const char *const forms_of_text[] = {"none", "nfc", NULL};
    static const cli_option_t options[] = {
        OPT_FORM,
        OPT_FIELDS,
        CONFIG_INT(0, "vocab", "N", &want.vocab, 256, 1 << 22, "tokens in all, with 256 bytes and --special"),
        CONFIG_INT(0, "min-count", "N", &want.least, 1, 1e15, "merge pairs that come N times or more"),
        CONFIG_LIST(0, "special", "TEXT", &want.special, "a special token; repeatable"),
        CONFIG_STRING(0, "pattern", "NAME|REGEX", &want.pattern, "what words are: gpt2, llama3, qwen2, gpt4o"),
        CONFIG_CHOICE(0, "normalise", forms_of_text, &want.normalise, "Unicode's normal form C first"),
        CLI_THREADS,
        CLI_OUTPUT,
    };
    static const cli_t cli = {"tokenize train", "[options] [items.jsonl ...] -o tokenizer.json",
                              "Trains a tokenizer on the texts of a catalogue, or any others.", options, CLI_COUNT(options)};
    form = "items";
    const int n = parse(&cli, argc, argv);
    check_special();
    pattern_t pattern = chosen_pattern();
    out_check(cli_common.output, false);
    counting_t c = {counter_new(&pattern, !strcmp(want.normalise, "nfc"), parallel_workers()), open_input(argv + 1, n)};
    progress_start("counting words", "bytes", 0);
    while (next_batch(&c.in)) parallel_for(c.in.batch.chunks, count_chunk, &c);
    progress_end();
    word_counts_t words = counter_end(c.counter);
    if (!words.word.count) die(EX_DATAERR, "no text to train on");
    trained_t t = bpe_train(&words, (int32_t)(want.vocab - want.special.count), want.least);
    note("%lld tokens by %lld merges, of %lld different words in %lld texts, %.1f MB", (long long)t.piece.count + want.special.count,
         (long long)t.merges, (long long)words.word.count, (long long)c.in.count, (double)c.in.bytes / 1e6);
    save_trained(&t, &pattern);
    trained_free(&t);
    word_counts_free(&words);
    close_input(&c.in);
    pattern_free(&pattern);
    return 0;
}

/* --- encode ------------------------------------------------------------------------------------------------------------------- */

typedef struct {
    input_t in;
    encoder_t **encoder;   /* [workers], as the next */
    ids_t *ids;
    buf_t *out;            /* [chunks] */
    int64_t outs;
    int64_t tokens;
} encoding_t;

static encoding_t open_encoding(const tokenizer_t *t, char **paths, int count)
{
    const int workers = parallel_workers();
    encoding_t e = {.in = open_input(paths, count), .encoder = NEW_ARRAY(encoder_t *, workers), .ids = NEW_ARRAY(ids_t, workers)};
    for (int i = 0; i < workers; i++) e.encoder[i] = encoder_new(t);
    return e;
}

static void close_encoding(encoding_t *e)
{
    for (int i = 0; i < parallel_workers(); i++) {
        encoder_free(e->encoder[i]);
        ids_free(&e->ids[i]);
    }
    for (int64_t i = 0; i < e->outs; i++) buf_free(&e->out[i]);
    free(e->encoder);
    free(e->ids);
    free(e->out);
    close_input(&e->in);
}

/* Appends "1,2,3". */
static void add_ids(buf_t *out, const ids_t *ids)
{
    enum { MANY = 4096, DIGITS = 12 };
    char text[MANY], *to = text;
    for (size_t i = 0; i < ids->count; i++) {
        char digits[DIGITS], *d = digits + sizeof digits;
        uint32_t v = (uint32_t)ids->id[i];
        do *--d = (char)('0' + v % 10);
        while (v /= 10);
        if (i) *to++ = ',';
        while (d < digits + sizeof digits) *to++ = *d++;
        if (to <= text + MANY - DIGITS - 1) continue;
        buf_add(out, text, (size_t)(to - text));
        to = text;
    }
    buf_add(out, text, (size_t)(to - text));
}

static void encode_chunk(void *ctx, int64_t shard, int worker)
{
    encoding_t *e = ctx;
    const texts_batch_t *b = &e->in.batch;
    ids_t *ids = &e->ids[worker];
    buf_t *out = &e->out[shard];
    buf_clear(out);
    for (int64_t i = b->chunk[shard]; i < b->chunk[shard + 1]; i++) {
        size_t n, id_n;
        const char *text = texts_get(b, i, &n), *id = texts_id(b, i, &id_n);
        ids->count = 0;
        encoder_add(e->encoder[worker], text, n, ids);
        buf_puts(out, "{");
        buf_add(out, id, id_n);
        buf_puts(out, "\"ids\": [");
        add_ids(out, ids);
        buf_puts(out, "]}\n");
    }
}

static void encode_batch(encoding_t *e)
{
    const int64_t chunks = e->in.batch.chunks;
    if (chunks > e->outs) e->out = xreallocarray(e->out, (size_t)chunks, sizeof *e->out);
    while (e->outs < chunks) e->out[e->outs++] = (buf_t){0};
    parallel_for(chunks, encode_chunk, e);
}

static int encode_command(int argc, char **argv)
{
    static const cli_option_t options[] = {OPT_TOKENIZER, OPT_FORM, OPT_FIELDS, CLI_THREADS, CLI_OUTPUT};
    static const cli_t cli = {"tokenize encode", "-t tokenizer.json [options] [FILE ...] > ids.jsonl",
                              "Writes the token ids of texts, one JSON object a text.", options, CLI_COUNT(options)};
    const int n = parse(&cli, argc, argv);
    tokenizer_t *t = load();
    encoding_t e = open_encoding(t, argv + 1, n);
    out_t *out = out_open(cli_common.output, false);
    progress_start("encoding", "bytes", 0);
    while (next_batch(&e.in)) {
        encode_batch(&e);
        for (int64_t i = 0; i < e.in.batch.chunks; i++) out_write(out, e.out[i].data, e.out[i].len);
    }
    progress_end();
    out_commit(out);
    close_encoding(&e);
    tokenizer_free(t);
    return 0;
}

/* --- decode ------------------------------------------------------------------------------------------------------------------- */

/* Reads the ids of a line: {"ids": [...]}. */
static void read_ids(const lines_t *l, json_want_t *found, ids_t *ids)
{
    json_error_t error;
    ids->count = 0;
    if (!json_pick(l->line, l->len, found, 2, &error)) die_at(l->name, l->number, "not JSON at column %zu: %s", error.at + 1, error.why);
    if (!found->value || *found->value != '[') die_at(l->name, l->number, "no array \"ids\", expected one");
    for (json_element_t e = {0}; json_next_element(found->value, (size_t)(found->value_end - found->value), &e);) {
        int64_t id;
        const size_t n = (size_t)(e.value_end - e.value);
        if (!integer_parse(e.value, n, &id) || id < 0 || id > INT32_MAX)
            die_at(l->name, l->number, "\"ids\" holds %.*s, expected ids of tokens", n < 40 ? (int)n : 40, e.value);
        ids_add(ids, &(int32_t){(int32_t)id}, 1);
    }
}

/* Appends bytes as a string of JSON, with U+FFFD for every byte that is no UTF-8. */
static void add_json_text(buf_t *out, const buf_t *text)
{
    buf_t mended = {0};
    for (size_t i = 0, n; i < text->len; i += n) {
        for (n = 4; n && (n > text->len - i || !tokenizer_is_text(text->data + i, n)); n--) {}
        buf_add(&mended, n ? text->data + i : "\xef\xbf\xbd", n ? n : 3);
        n += !n;
    }
    buf_json_string(out, mended.data ? mended.data : "", mended.len);
    buf_free(&mended);
}

static void add_decoded(buf_t *out, const buf_t *text, const json_want_t *id)
{
    if (strcmp(form, "json") != 0) {
        buf_add(out, text->data, text->len);
        if (!strcmp(form, "lines")) buf_puts(out, "\n");
        return;
    }
    buf_puts(out, "{");
    if (id->value) {
        buf_puts(out, "\"id\": ");
        buf_add(out, id->value, (size_t)(id->value_end - id->value));
        buf_puts(out, ", ");
    }
    buf_puts(out, "\"text\": ");
    add_json_text(out, text);
    buf_puts(out, "}\n");
}

static int decode_command(int argc, char **argv)
{
    static const char *const forms_out[] = {"lines", "json", "whole", NULL};
    static const cli_option_t options[] = {
        OPT_TOKENIZER,
        OPT_CHOICE(0, "form", forms_out, &form, "a text a line; a JSON object; one after the other"),
        CLI_OUTPUT,
    };
    static const cli_t cli = {"tokenize decode", "-t tokenizer.json [options] [ids.jsonl] > texts",
                              "Writes the texts of token ids: the inverse of encode.", options, CLI_COUNT(options)};
    const int n = parse(&cli, argc, argv);
    if (n > 1) die(EX_USAGE, "unexpected '%s': expected one file", argv[2]);
    tokenizer_t *t = load();
    lines_t l = in_lines_unpacked(n ? argv[1] : NULL, NULL);
    out_t *out = out_open(cli_common.output, false);
    ids_t ids = {0};
    buf_t text = {0}, line = {0};
    json_want_t want_ids[] = {{.name = "ids"}, {.name = "id"}};
    while (in_next_text(&l)) {
        read_ids(&l, want_ids, &ids);
        buf_clear(&text);
        buf_clear(&line);
        const size_t decoded = tokenizer_decode(t, ids.id, ids.count, &text);
        if (decoded < ids.count) die_at(l.name, l.number, "%d is no token's id", ids.id[decoded]);
        add_decoded(&line, &text, &want_ids[1]);
        out_write(out, line.data, line.len);
    }
    out_commit(out);
    in_close(&l);
    ids_free(&ids);
    buf_free(&text);
    buf_free(&line);
    tokenizer_free(t);
    return 0;
}

/* --- show --------------------------------------------------------------------------------------------------------------------- */

/* Appends a token: its id and its bytes in quotes, those that are no text in hexadecimal. */
static void add_piece(buf_t *out, const tokenizer_t *t, int32_t id)
{
    size_t n;
    const char *piece = tokenizer_piece(t, id, &n);
    const bool text = utf8_valid(piece, n);
    buf_printf(out, "%d\t\"", id);
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)piece[i];
        if (c == '"' || c == '\\') buf_add(out, (char[]){'\\', (char)c}, 2);
        else if (c == '\n') buf_puts(out, "\\n");
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !text)) buf_printf(out, "\\x%02x", c);
        else buf_add(out, &piece[i], 1);
    }
    buf_puts(out, tokenizer_is_special(t, id) ? "\"\tspecial\n" : "\"\n");
}

static void show_text(const tokenizer_t *t, const char *text, buf_t *out)
{
    encoder_t *e = encoder_new(t);
    ids_t ids = {0};
    if (!tokenizer_is_text(text, strlen(text))) die(EX_DATAERR, "the text is not valid UTF-8");
    encoder_add(e, text, strlen(text), &ids);
    for (size_t i = 0; i < ids.count; i++) add_piece(out, t, ids.id[i]);
    ids_free(&ids);
    encoder_free(e);
}

static void count_tokens(void *ctx, int64_t shard, int worker)
{
    encoding_t *e = ctx;
    ids_t *ids = &e->ids[worker];
    ids->count = 0;
    const texts_batch_t *b = &e->in.batch;
    for (int64_t i = b->chunk[shard]; i < b->chunk[shard + 1]; i++) {
        size_t n;
        const char *text = texts_get(b, i, &n);
        encoder_add(e->encoder[worker], text, n, ids);
    }
    __atomic_fetch_add(&e->tokens, (int64_t)ids->count, __ATOMIC_RELAXED);
}

/* Appends how long tokens are in the texts of a file. */
static void measure(const tokenizer_t *t, char *path, buf_t *out)
{
    encoding_t e = open_encoding(t, &path, 1);
    const double began = seconds_now();
    while (next_batch(&e.in)) parallel_for(e.in.batch.chunks, count_tokens, &e);
    const double seconds = seconds_now() - began;
    if (!e.tokens) die_at(path, 0, "no text to measure");
    buf_printf(out, "measured    %lld texts, %lld bytes, %lld tokens: %.3f bytes a token; %.1f MB/s\n", (long long)e.in.count,
               (long long)e.in.bytes, (long long)e.tokens, (double)e.in.bytes / (double)e.tokens, (double)e.in.bytes / 1e6 / seconds);
    close_encoding(&e);
}

static int show_command(int argc, char **argv)
{
    static bool all;
    static const char *measured;
    static const cli_option_t options[] = {
        OPT_TOKENIZER,
        OPT_FLAG('a', "all", &all, "every token"),
        OPT_STRING('m', "measure", "FILE", &measured, "bytes a token in a file's texts, and the speed"),
        OPT_FORM,
        OPT_FIELDS,
        CLI_THREADS,
        CLI_OUTPUT,
    };
    static const cli_t cli = {"tokenize show", "-t tokenizer.json [options] [TEXT ...]",
                              "Shows the tokens of texts; without one, what is in the file.", options, CLI_COUNT(options)};
    const int n = parse(&cli, argc, argv);
    tokenizer_t *t = load();
    buf_t text = {0};
    for (int i = 0; i < n; i++) show_text(t, argv[1 + i], &text);
    if (!n && !all) tokenizer_describe(t, &text);
    if (measured) measure(t, (char *)(uintptr_t)measured, &text);
    for (int32_t id = 0; all && id < tokenizer_size(t); id++)
        if (tokenizer_piece(t, id, &(size_t){0})) add_piece(&text, t, id);
    out_t *out = out_open(cli_common.output, false);
    out_write(out, text.data, text.len);
    out_commit(out);
    buf_free(&text);
    tokenizer_free(t);
    return 0;
}

static const cli_command_t commands[] = {{"train", train_command}, {"encode", encode_command}, {"decode", decode_command}, {"show", show_command}};

static const cli_t top = {"tokenize", "COMMAND ...",
                          "Trains byte-pair tokenizers, and turns texts into token ids and back. 'tokenize COMMAND --help' says more.\n\n"
                          "  train [items.jsonl ...] -o tokenizer.json    from a catalogue's texts, or any others\n"
                          "  encode -t tokenizer.json [FILE ...]          token ids of texts\n"
                          "  decode -t tokenizer.json [ids.jsonl]         texts of token ids\n"
                          "  show -t tokenizer.json [TEXT ...]            a text's tokens; what is in the file",
                          NULL, 0};

int main(int argc, char **argv) { return cli_commands(&top, commands, (int)(sizeof commands / sizeof *commands), argc, argv); }
