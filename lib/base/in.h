/* Input: files, pipes and lines, with every failure a one-line error. */
#ifndef SIDMILL_BASE_IN_H
#define SIDMILL_BASE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where bytes come from, one stretch after the other: a file, a pipe, or what unpacks another source (net/unpack.h). */
typedef struct byte_source byte_source_t;
struct byte_source {
    /* Up to `n` bytes, at least one but at the end, where it gives 0; -1: `why`, or errno where `why` is NULL. */
    ssize_t (*read)(byte_source_t *s, void *to, size_t n);
    void (*close)(byte_source_t *s);   /* frees the source as well */
    const char *why;                   /* what is wrong with the data */
};

/* The bytes of a file, as they are; `path` NULL or "-": standard input. A missing file ends the process with EX_NOINPUT. */
byte_source_t *in_source(const char *path);

/* As the path, for messages: "standard input" where it is that. Caller frees. */
char *in_name(const char *path);

/* s->read(), its failures ending the process: EX_DATAERR or EX_IOERR. */
size_t in_read(byte_source_t *s, const char *name, void *to, size_t n);

/* A file's bytes: mapped read-only where it is a regular file, read into memory where it is a pipe. */
typedef struct {
    const unsigned char *data;
    size_t len;
    char *name;   /* for messages: the path, or "standard input" */
    bool mapped;
} bytes_t;

/* `path` NULL or "-": standard input. A missing file ends the process with EX_NOINPUT. */
bytes_t in_bytes(const char *path);

/* All bytes of a source, which is closed; `name` for messages, taken over. */
bytes_t in_bytes_from(byte_source_t *source, char *name);

/* Their xxh3-128 in hex, as xxh128sum(1) prints it. Caller frees. */
char *in_bytes_hex(const bytes_t *b);
void in_free(bytes_t *b);

/* A line reader. */
typedef struct {
    byte_source_t *source;
    char *name;                  /* for messages */
    char *line;                  /* the current line without its newline, NUL-terminated; may hold NUL bytes before `len`. It
                                    lies in `buffer` and is the caller's to change until the next in_next() */
    size_t len;
    long long number;            /* 1-based */
    size_t max_line;             /* a longer line ends the process with EX_DATAERR; 0: as long as memory lasts */
    char *buffer;                /* [cap + 1], bytes [at, end) are still to come */
    size_t at, end, cap;
    struct XXH3_state_s *digest; /* see in_digest() */
} lines_t;

lines_t in_lines(const char *path);   /* NULL or "-": standard input */

/* Lines of a source, which in_close() closes; `name` is taken over. */
lines_t in_lines_from(byte_source_t *source, char *name);

/* The next line, without the carriage return before its newline, and the first without the byte order mark that some editors
 * put before it; false at the end. */
bool in_next(lines_t *l);

/* The same, passing over lines of nothing but blanks and tabs. */
bool in_next_text(lines_t *l);
void in_close(lines_t *l);

/* Has every byte digested; call it before the first in_next(). in_digest_hex(), after the last, gives their xxh3-128 in hex,
 * as xxh128sum(1) prints it. Caller frees. */
void in_digest(lines_t *l);
char *in_digest_hex(const lines_t *l);

/* True if the `n` bytes are well-formed UTF-8 (no overlong forms, no surrogates) without NUL. */
bool utf8_valid(const char *s, size_t n);

/* Puts a blank in the place of every byte that keeps the text from being that; false where there is none. */
bool utf8_mend(char *s, size_t n);

#endif
