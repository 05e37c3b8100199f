#include "formats/json_document.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "base/err.h"
#include "base/mem.h"

void json_document_to(json_document_t *d, const char *place)
{
    while ((d->counted = memchr(d->counted, '\n', (size_t)(place - d->counted)))) {
        d->counted++;
        d->line++;
    }
    d->counted = place;
}

static size_t length(const json_document_t *d) { return d->bytes.len - (size_t)(d->text - (const char *)d->bytes.data); }

/* Puts blanks in the place of what is malformed. */
static void mend(json_document_t *d)
{
    const size_t n = length(d);
    d->before = xstrndup(d->text, n);
    if (json_mend((char *)(uintptr_t)d->text, n)) return; /* bytes that were read, not mapped */
    free(d->before);
    d->before = NULL;
}

json_document_t json_document_open(bytes_t bytes, bool may_mend, const char *encoding_option)
{
    json_document_t d = {.bytes = bytes, .text = (const char *)bytes.data, .counted = (const char *)bytes.data, .line = 1};
    if (bytes.len >= 3 && !memcmp(d.text, "\xef\xbb\xbf", 3)) d.text += 3;
    const size_t n = length(&d);
    json_error_t e;
    if (!n) die_at(bytes.name, 0, "is empty, expected one JSON object");
    if (may_mend) mend(&d);
    if (!utf8_valid(d.text, n)) die_at(bytes.name, 0, "%s", charset_why(d.text, n, encoding_option));
    if (!json_check(d.text, n, &e)) {
        json_document_to(&d, d.text + e.at);
        die_at(bytes.name, d.line, "not JSON: %s", e.why);
    }
    if (d.text[strspn(d.text, " \t\r\n")] != '{') die_at(bytes.name, 0, "not an object, expected {...}");
    return d;
}

bool json_document_next(json_document_t *d)
{
    if (!json_next_member(d->text, length(d), &d->member)) return false;
    json_document_to(d, d->member.key);
    buf_clear(&d->key);
    buf_add(&d->key, "", 0);
    json_unescape(d->member.key, d->member.key_end, &d->key);
    return true;
}

void json_document_close(json_document_t *d)
{
    in_free(&d->bytes);
    buf_free(&d->key);
    free(d->before);
}
