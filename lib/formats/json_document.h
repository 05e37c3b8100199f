/* A file that is one JSON object, read as a whole, and a walk through its members. */
#ifndef SIDMILL_FORMATS_JSON_DOCUMENT_H
#define SIDMILL_FORMATS_JSON_DOCUMENT_H

#include "base/buf.h"
#include "base/in.h"
#include "data/json.h"

typedef struct {
    bytes_t bytes;
    const char *text;      /* behind a byte order mark */
    char *before;          /* the text before it was mended, NULL where there was nothing to mend */
    const char *counted;   /* `line` counts the line breaks before this */
    long long line;        /* of the member at hand, for messages */
    json_member_t member;
    buf_t key;             /* the member's, its escapes undone */
} json_document_t;

/* Takes the bytes over, mended by json_mend() where `mend` says so. What is empty, no JSON, no object or not UTF-8 ends the process with EX_DATAERR;
 * `encoding_option` as charset_why() takes it. */
json_document_t json_document_open(bytes_t bytes, bool mend, const char *encoding_option);

/* Steps to the next member; false at the end. */
bool json_document_next(json_document_t *d);

/* Moves `line` on to a place in the text that is not before the last. */
void json_document_to(json_document_t *d, const char *place);

void json_document_close(json_document_t *d);

#endif
