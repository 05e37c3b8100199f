#include "page/page.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "page/assets.h"

/* Appends text for between tags. */
static void add_text(buf_t *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<') buf_puts(out, "&lt;");
        else if (*text == '&') buf_puts(out, "&amp;");
        else buf_add(out, text, 1);
    }
}

/* Appends JSON for within a script element. In JSON, '<' stands in strings only, where it may be escaped. */
static void add_json(buf_t *out, const char *json, size_t n)
{
    const char *end = json + n;
    while (json < end) {
        const char *found = memchr(json, '<', (size_t)(end - json));
        buf_add(out, json, (size_t)((found ? found : end) - json));
        if (found) buf_puts(out, "\\u003c");
        json = found ? found + 1 : end;
    }
}

/* Appends bytes packed by gzip, as base64. */
static void add_packed(buf_t *out, const char *bytes, size_t n)
{
    enum { GZIP = 15 + 16 };
    z_stream z = {0};
    if (n > UINT32_MAX || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        die(EX_SOFTWARE, "zlib cannot pack %zu bytes", n);
    }
    const size_t room = deflateBound(&z, (uLong)n);
    unsigned char *packed = xmalloc(room);
    z.next_in = (z_const Bytef *)bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) die(EX_SOFTWARE, "zlib did not pack %zu bytes", n);
    base64_add(out, packed, z.total_out);
    deflateEnd(&z);
    free(packed);
}

/* The page's own scripts as one. */
static buf_t join_scripts(void)
{
    buf_t all = {0};
    buf_puts(&all, "\"use strict\";\nconst sidmill = {};\n");
    for (int i = 0; asset_script(i).n; i++) buf_add(&all, asset_script(i).text, asset_script(i).n);
    return all;
}

/* Appends " 'sha256-...'", by which the policy allows a script or style. */
static void allow(buf_t *out, asset_t a)
{
    unsigned char digest[32];
    sha256_bytes(a.text, a.n, digest, sizeof digest);
    buf_puts(out, " 'sha256-");
    base64_add(out, digest, sizeof digest);
    buf_puts(out, "'");
}

static void add_element(buf_t *out, const char *name, asset_t a)
{
    buf_printf(out, "<%s>", name);
    buf_add(out, a.text, a.n);
    buf_printf(out, "</%s>\n", name);
}

static void add_data(buf_t *out, const page_data_t *d)
{
    if (d->report) {
        buf_puts(out, "<script type=\"application/json\" id=\"report\">");
        add_json(out, d->report, d->report_n);
        buf_puts(out, "</script>\n");
    }
    if (d->catalogue) {
        buf_puts(out, "<script type=\"application/gzip+base64\" id=\"catalogue\">");
        add_packed(out, d->catalogue, d->catalogue_n);
        buf_puts(out, "</script>\n");
    }
}

/* Puts a part of the document in the place of its mark. */
static void add_part(buf_t *out, const char *mark, const char *title, const page_data_t *d, asset_t own)
{
    if (!strcmp(mark, "TITLE")) {
        add_text(out, title);
    } else if (!strcmp(mark, "ALLOWED_SCRIPTS")) {
        allow(out, asset_charts());
        allow(out, own);
    } else if (!strcmp(mark, "ALLOWED_STYLES")) {
        allow(out, asset_style());
    } else if (!strcmp(mark, "STYLE")) {
        add_element(out, "style", asset_style());
    } else if (!strcmp(mark, "DATA")) {
        add_data(out, d);
    } else if (!strcmp(mark, "SCRIPTS")) {
        add_element(out, "script", asset_charts());
        add_element(out, "script", own);
    }
}

void page_write(buf_t *out, const char *title, const page_data_t *d)
{
    buf_t own = join_scripts();
    const asset_t document = asset_document();
    char *text = xstrndup(document.text, document.n), *rest = text;
    for (int i = 0; rest; i++) { /* what stands between marks, and marks, by turns */
        const char *piece = strsep(&rest, "@");
        if (i % 2) add_part(out, piece, title, d, (asset_t){own.data, own.len});
        else buf_puts(out, piece);
    }
    free(text);
    buf_free(&own);
}
