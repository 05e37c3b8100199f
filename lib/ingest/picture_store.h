/* A folder of pictures by content: XX/HASH.EXT, HASH being the first 128 bits of the SHA-256 in hex and XX its beginning; and
 * an index that only grows, index.tsv, which says what became of every URL that was asked for. A process that is killed
 * leaves nothing that another would take for a picture. */
#ifndef SIDMILL_INGEST_PICTURE_STORE_H
#define SIDMILL_INGEST_PICTURE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { PICTURE_UNKNOWN, PICTURE_JPEG, PICTURE_PNG, PICTURE_GIF, PICTURE_WEBP, PICTURE_BMP, PICTURE_AVIF, PICTURE_TIFF } picture_store_kind_t;

/* Bytes from the start of a file that decide. */
enum { PICTURE_HEAD = 18 };

/* What a file that begins with these bytes is; nothing behind the first PICTURE_HEAD counts. */
picture_store_kind_t picture_kind(const void *bytes, size_t n);

/* A picture of the store: its name follows from the digest and the kind. */
typedef struct {
    unsigned char hash[16];
    picture_store_kind_t kind;
} picture_store_file_t;

enum { PICTURE_NAME = 48 };

/* "XX/HASH.EXT", relative to the store's folder. */
void picture_name(const picture_store_file_t *file, char name[PICTURE_NAME]);

/* A line of the index: of a URL with a picture (`file` set), or with a failure that is final (`reason` set). */
typedef struct {
    const char *url;
    size_t url_len;
    bool found;
    picture_store_file_t file;
    int64_t bytes;        /* of the file; of a reply that was refused for its length, as far as it is known */
    const char *reason;   /* one word */
    const char *why;      /* for the record */
} picture_store_line_t;

typedef struct picture_store picture_store_t;

/* Opens the store in `folder`, which is made if need be, and locks it: another process waits. */
picture_store_t *picture_store_open(const char *folder);

/* Goes through the index, oldest line first: a URL's last line counts. Lines that are damaged are passed over. */
void picture_store_read(picture_store_t *s, void (*line)(void *ctx, const picture_store_line_t *line), void *ctx);

/* True if the file is there and has so many bytes. */
bool picture_store_has(const picture_store_t *s, const picture_store_file_t *file, int64_t bytes);

/* Stores a picture, unless the same bytes are there; true if they were. */
bool picture_store_put(picture_store_t *s, const void *bytes, size_t n, picture_store_kind_t kind, picture_store_file_t *file);

/* Adds a line to the index, after its file has come into the store. */
void picture_store_note(picture_store_t *s, const picture_store_line_t *line);

void picture_store_close(picture_store_t *s);

#endif
