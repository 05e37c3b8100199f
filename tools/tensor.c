/* tensor: look into, slice, make, join and check tensor files (safetensors). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cli_commands.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/out.h"
#include "data/describe.h"
#include "data/join.h"
#include "data/npy.h"
#include "data/provenance.h"
#include "data/schema.h"
#include "data/st.h"
#include "data/tsv.h"
#include "gen/generator.h"
#include "net/unpack.h"
#include "score/recs.h"

/* Parses a subcommand's line; errors after it, and metadata, name the tool alone. */
static int parse(const cli_t *cli, int argc, char **argv)
{
    int n = cli_parse(cli, argc, argv);
    err_program("tensor");
    return n;
}

static int list(int argc, char **argv)
{
    static bool json, brief;
    static const cli_option_t options[] = {
        CLI_OUTPUT,
        OPT_FLAG(0, "json", &json, "one JSON object a file"),
        OPT_FLAG('b', "brief", &brief, "names, types and shapes only: data is not read"),
    };
    static const cli_t cli = {"tensor ls", "[options] [FILE ...]", "Lists tensors, a few statistics, and metadata.",
                              options, CLI_COUNT(options)};
    int n = parse(&cli, argc, argv);
    out_t *out = out_open(cli_common.output, false);
    buf_t text = {0};
    for (int i = 0; i < (n ? n : 1); i++) {
        st_file_t *f = st_open_listing(n ? argv[1 + i] : NULL);
        if (n > 1 && !json) buf_printf(&text, "%s%s:\n", i ? "\n" : "", f->name);
        if (json) describe_json(&text, f, brief);
        else describe_text(&text, f, brief);
        out_write(out, text.data, text.len);
        buf_clear(&text);
        st_close(f);
    }
    out_commit(out);
    buf_free(&text);
    return 0;
}

/* Reads the digits at *p as a number, which stops growing far beyond any row; false where there are none. */
static bool take_number(const char **p, int64_t *v)
{
    const char *start = *p;
    for (*v = 0; **p >= '0' && **p <= '9'; (*p)++)
        if (*v < INT64_MAX / 20) *v = *v * 10 + (**p - '0');
    return *p > start;
}

/* Reads "A:B", where either side may be missing, or "A" alone, within `rows`. */
static void parse_rows(const char *text, int64_t rows, int64_t *first, int64_t *end)
{
    const char *p = text;
    bool good = take_number(&p, first) || *p == ':';
    *end = *first + 1;
    if (*p == ':') {
        p++;
        if (!take_number(&p, end)) *end = rows;
    }
    if (!good || *p) die(EX_USAGE, "--rows %s: expected FIRST:END, FIRST:, :END or ROW", text);
    if (*first > *end || *end > rows)
        die(EX_DATAERR, "--rows %s: outside the tensor, which has %lld rows", text, (long long)rows);
}

/* Cuts the rows out; of a string table the strings' bytes, since its rows are strings to whoever asks. */
static st_tensor_t slice(const st_tensor_t *t, const strtab_t *table, const char *rows)
{
    if (!rows) return *t;
    if (!t->dims) die(EX_DATAERR, "--rows %s: '%s' is a single number", rows, t->name);
    int64_t first, end;
    parse_rows(rows, table ? table->count : t->shape[0], &first, &end);
    if (table) return table->count ? st_rows(t, table->offsets[first], table->offsets[end]) : *t;
    return st_rows(t, first, end);
}

static int get(int argc, char **argv)
{
    static bool npy, as_strings;
    static const char *rows;
    static const cli_option_t options[] = {
        CLI_OUTPUT,
        CONFIG_STRING(0, "rows", "A:B", &rows, "rows A to before B, from 0 (all)"),
        CONFIG_FLAG(0, "npy", &npy, "as a NumPy file"),
        CONFIG_FLAG(0, "strings", &as_strings, "a string table, whatever its name"),
    };
    static const cli_t cli = {"tensor get", "[options] FILE NAME", "Writes a tensor: TSV, string tables a string a line, or .npy.",
                              options, CLI_COUNT(options)};
    if (parse(&cli, argc, argv) != 2) die(EX_USAGE, "get: expected FILE and NAME; 'tensor get --help' says more");
    st_file_t *f = st_open(argv[1]);
    const st_tensor_t *t = st_find(f, argv[2]);
    if (!t) die_at(f->name, 0, "no tensor '%s'; 'tensor ls' lists them", argv[2]);
    strtab_t table = {0};
    bool strings = as_strings || st_strings(t, &table);
    if (as_strings) table = st_need_strings(f, t->name, -1);
    st_tensor_t view = slice(t, strings ? &table : NULL, rows);
    out_t *out = out_open(cli_common.output, npy);
    if (npy) npy_write(out, &view);
    else if (strings) out_write(out, view.data, (size_t)view.count);
    else tsv_write(out, &view);
    out_commit(out);
    strtab_free(&table);
    st_close(f);
    return 0;
}

/* Options of put. */
static const char *text_dtype = "F32", *onto;
static cli_list_t string_names, metadata;

static bool is_string_name(const char *name)
{
    for (int i = 0; i < string_names.count; i++)
        if (!strcmp(string_names.items[i], name)) return true;
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, "_ids");
}

static void put_array(st_writer_t *w, const char *name, const bytes_t *b)
{
    st_tensor_t t = npy_parse(b);
    st_add(w, name, t.dtype, t.dims, t.shape, t.data);
}

/* What the array of a .npz file is called. */
static char *array_name(const char *member)
{
    const size_t n = strlen(member), end = n > 4 && !strcmp(member + n - 4, ".npy") ? n - 4 : n;
    return xstrndup(member, end);
}

static void put_member(st_writer_t *w, const char *name, const char *path, const char *member)
{
    bytes_t b = in_bytes_unpacked(path, member);
    put_array(w, name, &b);
}

/* Of the arrays in a .npz file, adds the only one, or the one of that name. */
static void put_from_package(st_writer_t *w, const char *name, const char *path, char *const *members, int count)
{
    for (int i = 0; i < count; i++) {
        char *own = array_name(members[i]);
        const bool meant = count == 1 || !strcmp(own, name);
        if (meant) put_member(w, name, path, members[i]);
        free(own);
        if (meant) return;
    }
    buf_t all = {0};
    for (int i = 0; i < count; i++) buf_printf(&all, "%s%s", i ? ", " : "", members[i]);
    die_at(path, 0, "no array '%s' among %s; FILE alone takes all of them", name, all.data ? all.data : "none");
}

static void free_names(char **names, int count)
{
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
}

/* Adds NAME=FILE; the file's bytes stay until the writer is done. */
static void put_operand(st_writer_t *w, const char *name, const char *path)
{
    st_dtype dtype;
    int members = 0;
    char **names = strcmp(path, "-") ? unpack_names(path, &members) : NULL;
    if (names) {
        put_from_package(w, name, path, names, members);
        free_names(names, members);
        return;
    }
    bytes_t b = in_bytes(path);
    if (b.len > 4 && !memcmp(b.data, "PK\3\4", 4)) die_at(b.name, 0, "is a package that is read from a pipe, expected a .npz file by its path");
    if (npy_is(&b)) {
        put_array(w, name, &b);
    } else if (is_string_name(name)) {
        strtab_t t = tsv_parse_strings(&b);
        st_add_strings(w, name, &t);
    } else if (st_dtype_parse(text_dtype, &dtype)) {
        st_tensor_t t = tsv_parse(&b, dtype);
        st_add(w, name, t.dtype, t.dims, t.shape, t.data);
    }
}

/* Cuts "KEY=VALUE" at its first '='; returns the value. */
static char *cut(char *text, const char *what)
{
    char *eq = strchr(text, '=');
    if (!eq || eq == text) die(EX_USAGE, "put: '%s': expected %s", text, what);
    *eq = '\0';
    return eq + 1;
}

/* What put is to make tensors of, and their names. */
typedef struct {
    char **names, **paths;
    int count, cap;
} operands_t;

static void add_operand(operands_t *o, char *name, char *path)
{
    const int cap = o->cap;
    GROW(o->names, o->count, o->cap);
    if (o->cap > cap) o->paths = xreallocarray(o->paths, (size_t)o->cap, sizeof *o->paths);
    o->names[o->count] = name;
    o->paths[o->count++] = path;
}

static bool is_npz_name(const char *path)
{
    const size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".npz");
}

/* Takes NAME=FILE, or a .npz file with all that is in it. */
static void take_operand(operands_t *o, char *text)
{
    int members = 0;
    const bool pair = strchr(text, '='), there = !pair && !access(text, F_OK);
    if (!pair && !there && is_npz_name(text)) die_errno(EX_NOINPUT, "%s", text);
    char **names = there ? unpack_names(text, &members) : NULL;
    if (names) {
        if (!members) die_at(text, 0, "holds no arrays");
        for (int i = 0; i < members; i++) add_operand(o, array_name(names[i]), text);
        free_names(names, members);
        return;
    }
    char *path = cut(text, "NAME=FILE, or a .npz file");
    add_operand(o, text, path);
}

/* Adds the tensors and metadata of --onto that the command line does not replace. */
static void put_base(st_writer_t *w, const st_file_t *f, const operands_t *o)
{
    for (int i = 0; i < f->meta_count; i++)
        if (strcmp(f->meta_keys[i], "tool") != 0 && strcmp(f->meta_keys[i], "version") != 0)
            st_set_meta(w, f->meta_keys[i], f->meta_values[i]);
    provenance_t from = {0};
    provenance_add(&from, "onto", f);
    provenance_write(&from, w);
    provenance_free(&from);
    for (int t = 0; t < f->count; t++) {
        const st_tensor_t *old = &f->tensors[t];
        bool replaced = false;
        for (int i = 0; i < o->count && !replaced; i++) replaced = !strcmp(o->names[i], old->name);
        if (!replaced) st_add(w, old->name, old->dtype, old->dims, old->shape, old->data);
    }
}

static void check_operands(const operands_t *o)
{
    for (int i = 0; i < o->count; i++)
        for (int j = 0; j < i; j++) {
            if (!strcmp(o->names[i], o->names[j])) die(EX_USAGE, "put: '%s' is given twice", o->names[i]);
            if (!strcmp(o->paths[i], "-") && !strcmp(o->paths[j], "-")) die(EX_USAGE, "put: standard input is given twice");
        }
}

static int put(int argc, char **argv)
{
    static const char *const dtypes[] = {"F32", "F64", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL", NULL};
    static const cli_option_t options[] = {
        CLI_OUTPUT,
        CONFIG_CHOICE(0, "dtype", dtypes, &text_dtype, "type of numbers in text"),
        CONFIG_LIST(0, "strings", "NAME", &string_names, "NAME holds strings, as *_ids do; repeatable"),
        CONFIG_LIST(0, "meta", "KEY=VALUE", &metadata, "add metadata; repeatable"),
        OPT_STRING(0, "onto", "FILE", &onto, "start from FILE's tensors and metadata"),
    };
    static const cli_t cli = {"tensor put", "[options] NAME=FILE|FILE.npz ... -o OUT",
                              "Makes a tensor file from .npy and .npz files and text (TSV numbers; lines of strings).",
                              options, CLI_COUNT(options)};
    int n = parse(&cli, argc, argv);
    if (!n && !onto) die(EX_USAGE, "put: expected NAME=FILE; 'tensor put --help' says more");
    operands_t o = {0};
    for (int i = 0; i < n; i++) take_operand(&o, argv[1 + i]);
    check_operands(&o);
    st_writer_t *w = st_create(cli_common.output, NULL);
    st_file_t *base = onto ? st_open(onto) : NULL;
    if (base) put_base(w, base, &o);
    for (int i = 0; i < o.count; i++) put_operand(w, o.names[i], o.paths[i]);
    for (int i = 0; i < metadata.count; i++) {
        char *key = xstrdup(metadata.items[i]);
        const char *value = cut(key, "--meta KEY=VALUE");
        st_set_meta(w, key, value);
        free(key);
    }
    st_commit(w);
    st_close(base);
    free(o.names);
    free(o.paths);
    return 0;
}

static int join(int argc, char **argv)
{
    static bool merge;
    static const cli_option_t options[] = {
        CLI_OUTPUT,
        CONFIG_FLAG(0, "merge", &merge, "different tensors of the same items, side by side"),
    };
    static const cli_t cli = {"tensor join", "[options] FILE ... -o OUT",
                              "Joins shards row after row, or with --merge tensors of the same items.",
                              options, CLI_COUNT(options)};
    int n = parse(&cli, argc, argv);
    if (!n) die(EX_USAGE, "join: expected FILE ...; 'tensor join --help' says more");
    st_file_t **files = NEW_ARRAY(st_file_t *, n);
    for (int i = 0; i < n; i++) files[i] = st_open(argv[1 + i]);
    st_writer_t *w = st_create(cli_common.output, NULL);
    join_meta(w, files, n);
    if (merge) join_merge(w, files, n);
    else join_rows(w, files, n);
    st_commit(w);
    for (int i = 0; i < n; i++) st_close(files[i]);
    free(files);
    return 0;
}

/* Checks what the tools themselves check when they read the file. */
static void check_by_tools(const st_file_t *f, const char *schema)
{
    if (!strcmp(schema, "model/1")) generator_check(f);
    if (!strcmp(schema, "recs/1")) {
        recs_t r = recs_read(f);
        recs_check(&r);
        recs_free(&r);
    }
}

static int verify(int argc, char **argv)
{
    static const cli_t cli = {"tensor verify", "[FILE ...]",
                              "Checks files against the format and, where metadata names one, their schema.", NULL, 0};
    int n = parse(&cli, argc, argv);
    out_t *out = out_open(NULL, false);
    for (int i = 0; i < (n ? n : 1); i++) {
        st_file_t *f = st_open(n ? argv[1 + i] : NULL);
        const schema_t *s = schema_check(f);
        if (s) check_by_tools(f, s->name);
        const char *named = st_meta(f, "schema");
        fprintf(out_file(out), "%s: ok (%s%s)\n", f->name, s ? "" : named ? "unknown schema " : "no schema", named ? named : "");
        out_flush(out_file(out), out_name(out)); /* said before the next file may end the process */
        st_close(f);
    }
    out_commit(out);
    return 0;
}

static const cli_command_t commands[] = {{"ls", list}, {"get", get}, {"put", put}, {"join", join}, {"verify", verify}};

static const cli_t top = {"tensor", "COMMAND ...",
                          "Looks into, slices, makes, joins and checks tensor files (safetensors). 'tensor COMMAND --help' says more.\n\n"
                          "  ls [--json] [FILE ...]               names, types, shapes, statistics, metadata\n"
                          "  get [--rows A:B] [--npy] FILE NAME   one tensor as TSV or .npy\n"
                          "  put NAME=FILE ... -o OUT             from .npy, .npz, TSV and lines of strings\n"
                          "  join [--merge] FILE ... -o OUT       shards row after row, or tensors side by side\n"
                          "  verify [FILE ...]                    format and schema",
                          NULL, 0};

int main(int argc, char **argv) { return cli_commands(&top, commands, (int)(sizeof commands / sizeof *commands), argc, argv); }
