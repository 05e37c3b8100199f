#include "base/peek.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static ssize_t peek_read(byte_source_t *s, void *to, size_t n)
{
    peek_t *p = (peek_t *)s;
    if (p->refused) return -1;
    if (p->at < p->n) {
        if (n > p->n - p->at) n = p->n - p->at;
        memcpy(to, p->first + p->at, n);
        p->at += n;
        return (ssize_t)n;
    }
    ssize_t got = p->inner->read(p->inner, to, n);
    p->base.why = p->inner->why;
    return got;
}

static void peek_close(byte_source_t *s)
{
    ((peek_t *)s)->inner->close(((peek_t *)s)->inner);
    free(s);
}

peek_t *peek(byte_source_t *inner)
{
    peek_t *p = NEW(peek_t);
    p->base = (byte_source_t){.read = peek_read, .close = peek_close};
    p->inner = inner;
    for (ssize_t got; p->n < PEEK && (got = inner->read(inner, p->first + p->n, PEEK - p->n)) > 0;) p->n += (size_t)got;
    return p;
}
