#include "net/gunzip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct {
    byte_source_t base, *packed;
    z_stream z;
    bool between;               /* at the start, or behind the end of a member */
    bool any;                   /* a member was there */
    char why[128];
    unsigned char in[1 << 17];
} gunzip_t;

/* Makes sure that there is a packed byte to look at: 1, 0 at the end, -1. */
static int more(gunzip_t *g)
{
    if (g->z.avail_in) return 1;
    ssize_t n = g->packed->read(g->packed, g->in, sizeof g->in);
    g->z.next_in = g->in;
    g->z.avail_in = n > 0 ? (uInt)n : 0;
    g->base.why = g->packed->why;
    return n > 0 ? 1 : (int)n;
}

static ssize_t damaged(gunzip_t *g, const char *why)
{
    g->base.why = why;
    return -1;
}

/* To the next member's first byte: 1; 0 if none follows, -1. */
static int next_member(gunzip_t *g)
{
    int left;
    while ((left = more(g)) > 0 && g->any && !*g->z.next_in) {
        g->z.next_in++;
        g->z.avail_in--;
    }
    if (left <= 0) return left;
    if (*g->z.next_in != 0x1f) return (int)damaged(g, "gzip: bytes behind the packed data that do not belong to it");
    if (inflateReset(&g->z) != Z_OK) return (int)damaged(g, "gzip: cannot go on");
    g->between = false;
    g->any = true;
    return 1;
}

static ssize_t gunzip_read(byte_source_t *s, void *to, size_t n)
{
    gunzip_t *g = (gunzip_t *)s;
    g->z.next_out = to;
    g->z.avail_out = n < 1 << 30 ? (uInt)n : 1 << 30;
    uInt room = g->z.avail_out;
    while (g->z.avail_out == room) {
        int left = g->between ? next_member(g) : more(g);
        if (left < 0) return -1;
        if (left == 0) return g->between ? 0 : damaged(g, "gzip: the packed data is cut off");
        int r = inflate(&g->z, Z_NO_FLUSH);
        if (r == Z_STREAM_END) g->between = true;
        else if (r != Z_OK && r != Z_BUF_ERROR) {
            if (g->z.avail_out != room) break; /* what came out before; the next call meets the damage again */
            snprintf(g->why, sizeof g->why, "gzip: the packed data is damaged: %s", g->z.msg ? g->z.msg : "no gzip data");
            return damaged(g, g->why);
        }
    }
    return (ssize_t)(room - g->z.avail_out);
}

static void gunzip_close(byte_source_t *s)
{
    gunzip_t *g = (gunzip_t *)s;
    inflateEnd(&g->z);
    g->packed->close(g->packed);
    free(g);
}

byte_source_t *gunzip(byte_source_t *packed)
{
    gunzip_t *g = NEW(gunzip_t);
    g->base = (byte_source_t){.read = gunzip_read, .close = gunzip_close};
    g->packed = packed;
    g->between = true;
    if (inflateInit2(&g->z, 15 + 16) != Z_OK) die(EX_OSERR, "out of memory"); /* the largest window; gzip, not zlib */
    return &g->base;
}
