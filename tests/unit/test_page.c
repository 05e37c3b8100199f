#include "base/base64.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "page/page.h"

#include <nettle/base64.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "unit.h"

#define HOSTILE "{\"a\":\"</script><script>x()</script><!-- \\u2028 \xe2\x80\xa8 <\"}"

static buf_t written(const char *title, const char *report, const char *catalogue)
{
    buf_t out = {0};
    page_write(&out, title, &(page_data_t){report, catalogue, report ? strlen(report) : 0, catalogue ? strlen(catalogue) : 0});
    return out;
}

static int occurrences(const char *text, const char *of)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, of)); at++) n++;
    return n;
}

/* What stands between two texts; the caller frees it. NULL if it is not there. */
static char *between(const char *text, const char *before, const char *after)
{
    const char *from = strstr(text, before);
    if (from) from += strlen(before);
    const char *to = from ? strstr(from, after) : NULL;
    return to ? xstrndup(from, (size_t)(to - from)) : NULL;
}

TEST(nothing_in_the_data_ends_its_element)
{
    buf_t page = written("<b>&amp;</title>", HOSTILE, HOSTILE);
    CHECK(occurrences(page.data, "</script") == 4 && occurrences(page.data, "<script") == 4);
    CHECK(occurrences(page.data, "<!--") == 0);
    CHECK(occurrences(page.data, "</title") == 1 && strstr(page.data, "<title>&lt;b>&amp;amp;&lt;/title></title>"));
    char *report = between(page.data, "id=\"report\">", "</script>");
    CHECK(report && !strcmp(report, "{\"a\":\"\\u003c/script>\\u003cscript>x()\\u003c/script>\\u003c!-- \\u2028 \xe2\x80\xa8 \\u003c\"}"));
    free(report);
    buf_free(&page);
}

TEST(the_catalogue_comes_back)
{
    buf_t page = written("t", NULL, HOSTILE);
    char *text = between(page.data, "id=\"catalogue\">", "</script>");
    CHECK(text);
    if (!text) return;
    struct base64_decode_ctx c;
    base64_decode_init(&c);
    size_t n = BASE64_DECODE_LENGTH(strlen(text));
    unsigned char *packed = xmalloc(n), back[1000] = {0};
    CHECK(base64_decode_update(&c, &n, packed, strlen(text), text) && base64_decode_final(&c));
    z_stream z = {.next_in = packed, .avail_in = (uInt)n, .next_out = back, .avail_out = sizeof back};
    CHECK(inflateInit2(&z, 15 + 16) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
    CHECK(z.total_out == strlen(HOSTILE) && !memcmp(back, HOSTILE, z.total_out));
    inflateEnd(&z);
    free(packed);
    free(text);
    buf_free(&page);
}

/* Whether the policy names by its digest what stands behind a tag. */
static bool allowed(const char *policy, const char *page, const char *tag, const char *end)
{
    char *body = between(page, tag, end);
    if (!body) return false;
    unsigned char digest[32];
    buf_t name = {0};
    sha256_bytes(body, strlen(body), digest, sizeof digest);
    buf_puts(&name, "'sha256-");
    base64_add(&name, digest, sizeof digest);
    buf_puts(&name, "'");
    const bool found = strstr(policy, name.data);
    buf_free(&name);
    free(body);
    return found;
}

TEST(its_own_scripts_and_style_are_allowed_and_no_others)
{
    buf_t page = written("t", HOSTILE, NULL);
    char *policy = between(page.data, "Content-Security-Policy\" content=\"", "\"");
    CHECK(policy && !strncmp(policy, "default-src 'none'; ", 20) && !strstr(policy, "unsafe"));
    CHECK(occurrences(policy, "sha256-") == 3);
    CHECK(allowed(policy, page.data, "<style>", "</style>"));
    CHECK(allowed(policy, page.data, "<script>", "</script>"));
    CHECK(allowed(policy, strstr(page.data, "<script>") + 1, "<script>", "</script>"));
    free(policy);
    buf_free(&page);
}

TEST(without_data_it_has_none_and_the_same_data_give_the_same_bytes)
{
    buf_t live = written("t", NULL, NULL), one = written("t", HOSTILE, HOSTILE), two = written("t", HOSTILE, HOSTILE);
    CHECK(!strstr(live.data, "id=\"report\"") && !strstr(live.data, "id=\"catalogue\""));
    CHECK(!strncmp(live.data, "<!doctype html>", 15) && live.data[live.len - 1] == '\n');
    CHECK(one.len == two.len && !memcmp(one.data, two.data, one.len));
    buf_free(&live);
    buf_free(&one);
    buf_free(&two);
}

UNIT_MAIN(UNIT(nothing_in_the_data_ends_its_element), UNIT(the_catalogue_comes_back),
          UNIT(its_own_scripts_and_style_are_allowed_and_no_others),
          UNIT(without_data_it_has_none_and_the_same_data_give_the_same_bytes))
