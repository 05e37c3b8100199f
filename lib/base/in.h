/* Input: files, pipes and lines, with every failure a one-line error. */
#ifndef SIDMILL_BASE_IN_H
#define SIDMILL_BASE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A file's bytes: mapped read-only where it is a regular file, read into memory where it is a pipe. */
typedef struct {
    const unsigned char *data;
    size_t len;
    char *name;   /* for messages: the path, or "standard input" */
    bool mapped;
} bytes_t;

/* `path` NULL or "-": standard input. A missing file ends the process with EX_NOINPUT. */
bytes_t in_bytes(const char *path);
void in_free(bytes_t *b);

/* A line reader. */
typedef struct {
    FILE *file;
    char *name;          /* for messages */
    char *line;          /* the current line without its newline, NUL-terminated; may hold NUL bytes before `len` */
    size_t len, cap;
    long long number;    /* 1-based */
    struct XXH3_state_s *digest; /* see in_digest() */
} lines_t;

lines_t in_lines(const char *path);   /* NULL or "-": standard input */
bool in_next(lines_t *l);             /* false at the end; a carriage return before the newline is dropped */
void in_close(lines_t *l);

/* Has every byte read from here on digested; in_digest_hex() gives the xxh3-128 of the bytes so far, in hex, as xxh128sum(1)
 * prints it. Caller frees. */
void in_digest(lines_t *l);
char *in_digest_hex(const lines_t *l);

/* True if the `n` bytes are well-formed UTF-8 (no overlong forms, no surrogates) without NUL. */
bool utf8_valid(const char *s, size_t n);

#endif
