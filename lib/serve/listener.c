#include "serve/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

static struct addrinfo *look_up(const char *where)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(where, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon) > 6 || atoi(colon + 1) > 65535)
        die(EX_USAGE, "--listen %s: expected ADDRESS:PORT", where);
    const bool bracketed = *where == '[' && colon > where + 1 && colon[-1] == ']';
    char *host = bracketed ? xstrndup(where + 1, (size_t)(colon - where) - 2) : xstrndup(where, (size_t)(colon - where));
    const int failed = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found);
    free(host);
    if (failed) die(EX_USAGE, "--listen %s: %s", where, gai_strerror(failed));
    return found;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* The address that a socket has, as one writes it. */
static char *socket_address(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&a, &n) ||
        getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        die(EX_OSERR, "the socket has no address");
    return xasprintf(a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

listener_t listener_open(const char *where)
{
    struct addrinfo *found = look_up(where);
    const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) || bind(fd, found->ai_addr, found->ai_addrlen) ||
        listen(fd, SOMAXCONN))
        die_errno(EX_UNAVAILABLE, "--listen %s", where);
    listener_t l = {fd, is_loopback(found->ai_addr), socket_address(fd)};
    freeaddrinfo(found);
    return l;
}
