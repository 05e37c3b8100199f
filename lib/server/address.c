#include "server/address.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"

static const char authorization[] = "Authorization";

static void check_url(const char *url)
{
    if (!url || !*url) die(EX_USAGE, "--url: expected a server's base, such as http://127.0.0.1:8080/v1");
    CURLU *u = curl_url();
    char *scheme = NULL, *user = NULL, *password = NULL;
    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        (strcmp(scheme, "http") && strcmp(scheme, "https")))
        die(EX_USAGE, "--url: not an http:// or https:// address");
    if (!curl_url_get(u, CURLUPART_USER, &user, 0) || !curl_url_get(u, CURLUPART_PASSWORD, &password, 0))
        die(EX_USAGE, "--url: holds a user or password, expected the key in $SIDMILL_API_KEY");
    if (strchr(url, '#')) die(EX_USAGE, "--url: has a fragment, expected a base such as http://127.0.0.1:8080/v1");
    curl_free(scheme);
    curl_url_cleanup(u);
}

static char *take_key(void)
{
    const char *key = getenv("SIDMILL_API_KEY"), *name = "SIDMILL_API_KEY";
    if (!key || !*key) key = getenv(name = "OPENAI_API_KEY");
    if (!key || !*key) return NULL;
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c > '~') die(EX_USAGE, "$%s: holds a blank or a character that is not plain ASCII", name);
    return xstrdup(key);
}

static bool leaves_in_clear(const char *url)
{
    const char *host = url + strlen("http://");
    return !strncasecmp(url, "http://", 7) && strncmp(host, "127.", 4) && strncasecmp(host, "localhost", 9) &&
           strncmp(host, "[::1]", 5);
}

/* --- Headers ----------------------------------------------------------------------------------------------------------- */

static void add_header(address_t *a, int *count, char *line)
{
    a->headers = xreallocarray(a->headers, (size_t)*count + 2, sizeof *a->headers);
    a->headers[(*count)++] = line;
    a->headers[*count] = NULL;
}

static bool is_named(const char *line, const char *name)
{
    size_t n = strlen(name);
    return !strncasecmp(line, name, n) && line[n] == ':';
}

/* A header line of a file, by the letter of RFC 9110, and none of those that the client makes. */
static void check_header(const lines_t *l)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char *const own[] = {"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Host", "Connection",
                                      "Accept-Encoding", "Expect"};
    size_t n = strspn(l->line, token);
    if (!n || l->line[n] != ':' || strlen(l->line) != l->len) die_at(l->name, l->number, "not a header, expected Name: value");
    for (const char *c = l->line + n; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 127) die_at(l->name, l->number, "a control character in a header");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (is_named(l->line, own[i])) die_at(l->name, l->number, "%s is not to be set", own[i]);
}

static void read_headers(address_t *a, const char *path, int *count)
{
    lines_t l = in_lines(path);
    l.max_line = 1 << 16;
    while (in_next_text(&l)) {
        check_header(&l);
        secrets_add_words(&a->secrets, strchr(l.line, ':') + 1, " \t,;");
        add_header(a, count, xstrdup(l.line));
    }
    in_close(&l);
}

static bool has_header(const address_t *a, const char *name)
{
    for (char **h = a->headers; *h; h++)
        if (is_named(*h, name)) return true;
    return false;
}

static void add_key(address_t *a, int *count)
{
    char *key = has_header(a, authorization) ? NULL : take_key();
    if (!key) return;
    add_header(a, count, xasprintf("%s: Bearer %s", authorization, key));
    secrets_add(&a->secrets, key, strlen(key));
    free(key);
}

/* --- The whole --------------------------------------------------------------------------------------------------------- */

address_t address_read(const char *url, const char *headers)
{
    address_t a = {0};
    int count = 0;
    check_url(url);
    size_t n = strcspn(url, "?");
    a.query = xstrdup(url + n);
    while (n && url[n - 1] == '/') n--;
    a.base = xstrndup(url, n);
    secrets_add_words(&a.secrets, a.query, "?&=");
    add_header(&a, &count, xstrdup("Content-Type: application/json"));
    if (headers) read_headers(&a, headers, &count);
    add_key(&a, &count);
    if (a.headers[1] && leaves_in_clear(a.base))
        warn("the API %s sent unencrypted: %s is not https", headers ? "key and the headers are" : "key is", a.base);
    return a;
}

char *address_of(const address_t *a, const char *path) { return xasprintf("%s%s%s", a->base, path, a->query); }
char *address_shown(const address_t *a, const char *path) { return xasprintf("%s%s", a->base, path); }

const char *address_key_hint(const address_t *a)
{
    return a->headers[1] ? "it does not take the API key" : "no API key in $SIDMILL_API_KEY or $OPENAI_API_KEY";
}

void address_free(address_t *a)
{
    for (char **h = a->headers; h && *h; h++) free(*h);
    free(a->headers);
    free(a->base);
    free(a->query);
    secrets_free(&a->secrets);
}
