/* safetensors files: an 8-byte little-endian header length, a JSON header, raw row-major little-endian data. Read by mmap
 * where the source is a file, from memory where it is a pipe; everything is checked before it is used. */
#ifndef SIDMILL_DATA_ST_H
#define SIDMILL_DATA_ST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/in.h"
#include "base/out.h"
#include "base/spool.h"
#include "data/strtab.h"

typedef enum {
    ST_BOOL, ST_U8, ST_I8, ST_F8_E5M2, ST_F8_E4M3, ST_I16, ST_U16, ST_F16, ST_BF16,
    ST_I32, ST_U32, ST_F32, ST_F64, ST_I64, ST_U64, ST_DTYPES,
    ST_OTHER = ST_DTYPES         /* one that is not known here: see st_open_listing() */
} st_dtype;

enum { ST_MAX_DIMS = 8 };

const char *st_dtype_name(st_dtype t);             /* "F32", ... */
size_t st_dtype_size(st_dtype t);                  /* bytes an element */
bool st_dtype_parse(const char *name, st_dtype *t);
bool st_dtype_is_float(st_dtype t);

typedef struct {
    char *name;
    st_dtype dtype;
    int dims;
    int64_t shape[ST_MAX_DIMS];
    int64_t count;               /* elements */
    size_t size;                 /* bytes, of a tensor of a file */
    const unsigned char *data;   /* may be unaligned */
    char *other;                 /* the type's name where `dtype` is ST_OTHER, else NULL */
} st_tensor_t;

typedef struct {
    char *name;                  /* for messages */
    st_tensor_t *tensors;        /* in file order */
    int count;
    char **meta_keys, **meta_values; /* __metadata__ */
    int meta_count;
    struct st_source *source;
} st_file_t;

/* Opens and checks a file (NULL or "-": standard input). A malformed one ends the process with EX_DATAERR and says what
 * is wrong: header length, JSON, dtype, shape, offsets that overlap, leave holes or run past the end, duplicate names. */
st_file_t *st_open(const char *path);
st_file_t *st_open_bytes(bytes_t bytes);   /* the same for bytes that it takes over */
void st_close(st_file_t *f);

/* The same, only to say what is in the file: of tensors of types that are not known here, as newer files have them, everything but their
 * size is checked, and their elements are not to be looked at. */
st_file_t *st_open_listing(const char *path);

/* True if the first `n` bytes of a file are those of a safetensors file, and of no text. */
bool st_begins(const char *bytes, size_t n);

/* Says that `n` bytes of a tensor's data are not needed soon: of a mapped file they leave the process's memory, to come back
 * from the file when they are looked at again. */
void st_release(const st_file_t *f, const void *data, size_t n);

/* Ends the process with EX_DATAERR: "file: tensor 'name': ...". */
_Noreturn void st_bad(const st_file_t *f, const char *tensor, const char *fmt, ...) PRINTF_LIKE(3, 4);

const st_tensor_t *st_find(const st_file_t *f, const char *name);        /* NULL if absent */
const char *st_meta(const st_file_t *f, const char *key);               /* NULL if absent */

/* Ends the process unless __metadata__ schema, where present, equals `schema` ("sids/1"). Files from elsewhere may lack it. */
void st_check_schema(const st_file_t *f, const char *schema);

/* The named tensor, which must exist, with `dims` dimensions; where shape[i] >= 0 that extent must match, where it is -1 the
 * file's extent is stored there. Otherwise the process ends with EX_DATAERR, naming file, tensor, what was found and expected. */
const st_tensor_t *st_need(const st_file_t *f, const char *name, int dims, int64_t *shape);

/* As st_need(), with the elements copied to fresh memory of the type asked for. Floats are converted from any float type and
 * must be finite (else the error names the row); integers from any integer type, and must fit. Caller frees. */
float *st_need_f32(const st_file_t *f, const char *name, int dims, int64_t *shape);
/* As st_need(), of any float type, whose elements must be finite; nothing is copied, nor kept in memory by having been looked at. */
const st_tensor_t *st_need_finite(const st_file_t *f, const char *name, int dims, int64_t *shape);

int32_t *st_need_i32(const st_file_t *f, const char *name, int dims, int64_t *shape);
int64_t *st_need_i64(const st_file_t *f, const char *name, int dims, int64_t *shape);
uint8_t *st_need_u8(const st_file_t *f, const char *name, int dims, int64_t *shape);

/* A U8 string table; `count` >= 0: that many strings are expected. */
strtab_t st_need_strings(const st_file_t *f, const char *name, int64_t count);

/* As st_need_strings(), for ids: no string may repeat. The table comes indexed. */
strtab_t st_need_ids(const st_file_t *f, const char *name, int64_t count);

/* Element i of a tensor of any dtype as a double (integers beyond 2^53 are rounded). */
double st_value(const st_tensor_t *t, int64_t i);

/* All elements, as st_value() has them, rounded to floats: out [t->count]. Quick for F32, F16 and BF16. */
void st_floats(const st_tensor_t *t, float *out);

/* n floats as BF16, rounded to nearest even; none is NaN. And back, exactly. */
void st_bf16_of(int64_t n, const float *src, uint16_t *out);
void st_floats_of_bf16(int64_t n, const uint16_t *src, float *out);

/* Element i of an integer (or BOOL) tensor, exactly; false for a U64 beyond the range. */
bool st_integer(const st_tensor_t *t, int64_t i, int64_t *v);

/* Writing. Tensors are borrowed until st_commit(), which writes header and data and commits the output atomically. */
typedef struct st_writer st_writer_t;

/* `path` NULL or "-": stdout. `schema` may be NULL. Sets the metadata `tool` and `version` as well. */
st_writer_t *st_create(const char *path, const char *schema);
void st_set_meta(st_writer_t *w, const char *key, const char *value);
void st_add(st_writer_t *w, const char *name, st_dtype dtype, int dims, const int64_t *shape, const void *data);

/* Appends `rows` more rows to a tensor added before: its first extent grows. `data` is borrowed likewise. */
void st_extend(st_writer_t *w, const char *name, int64_t rows, const void *data);
void st_add_bf16(st_writer_t *w, const char *name, int dims, const int64_t *shape, const float *values); /* copied, as BF16 */
void st_add_strings(st_writer_t *w, const char *name, const strtab_t *t);
void st_add_spool(st_writer_t *w, const char *name, st_dtype dtype, const spool_t *s);   /* one dimension, written from its file */
void st_add_spool2(st_writer_t *w, const char *name, st_dtype dtype, int64_t cols, const spool_t *s); /* rows of cols elements */

/* Of elements that are not at hand in one piece: while the tensor is written, `read` fills bytes [at, at + n) of it, one piece after the
 * other from the first on. `ctx` is borrowed until st_commit(). */
typedef void (*st_read_fn)(const void *ctx, size_t at, size_t n, void *bytes);
void st_add_source(st_writer_t *w, const char *name, st_dtype dtype, int dims, const int64_t *shape, st_read_fn read, const void *ctx);

/* Writes everything, without syncing it; nothing may be added afterwards. `written`, unless NULL, is called with what st_add() and the like
 * were given, as soon as it is not needed any more. */
void st_write(st_writer_t *w, void (*written)(const void *data, size_t bytes));

/* Writes and syncs everything, so that st_commit() only has a rename left to do; nothing may be added afterwards. For tools
 * whose several outputs belong together: see out_prepare(). */
void st_prepare(st_writer_t *w);
void st_commit(st_writer_t *w);

/* Hex digest (xxh3-128) of a file's bytes. Caller frees. */
char *st_digest(const st_file_t *f);

/* A view of rows [first, end) of a tensor with at least one dimension. */
st_tensor_t st_rows(const st_tensor_t *t, int64_t first, int64_t end);

/* Short-hand: st_add() of one or two dimensions. */
void st_add1(st_writer_t *w, const char *name, st_dtype dtype, int64_t n, const void *data);
void st_add2(st_writer_t *w, const char *name, st_dtype dtype, int64_t rows, int64_t cols, const void *data);

#endif
