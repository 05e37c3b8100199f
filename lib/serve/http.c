#include "serve/http.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "page/page.h"
#include "serve/pages.h"
#include "serve/route.h"
#include "serve/token.h"
#include "serve/watch.h"

/* OPEN until it drains: then connections close after their answer; CLOSED when all is answered: whoever still comes is refused. */
typedef enum { OPEN, DRAINING, CLOSED } stage_t;

struct http {
    http_options_t o;
    struct MHD_Daemon *daemon;
    current_t *current;
    queue_t *queue;
    meter_t *meter;
    watch_t *watch;
    buf_t explorer; /* what browsers get */
    atomic_int stage;
};

/* A request. */
typedef struct {
    job_t job;          /* first: what the queue gives back */
    http_t *http;
    struct MHD_Connection *connection;
    double begun;
    route_t route;
    const char *rest;   /* of its path, behind what the route says */
    bool allowed, known, too_long, ordered, browser;
    int status;
    buf_t body, reply;
} call_t;

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static bool takes_html(const char *accept) { return accept && strcasestr(accept, "text/html"); }

static call_t *call_new(http_t *h, struct MHD_Connection *connection, const char *url, const char *method)
{
    call_t *c = NEW(call_t);
    *c = (call_t){.http = h, .connection = connection, .begun = seconds_now()};
    c->route = route_of(url, &c->rest);
    c->known = route_takes(c->route, method);
    c->browser = c->route == ROUTE_HOME && takes_html(header(connection, "Accept"));
    const bool open = c->route == ROUTE_HEALTH || c->route == ROUTE_HOME; /* hold nothing that needs a token */
    c->allowed = !h->o.token || open || token_borne(h->o.token, header(connection, "Authorization"));
    const char *length = header(connection, "Content-Length");
    c->too_long = length && strtoull(length, NULL, 10) > (unsigned long long)h->o.body;
    meter_begin(h->meter);
    watch_again(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
    return c;
}

static void call_free(call_t *c)
{
    if (c->ordered) order_free(&c->job.order);
    free(c->job.items);
    free(c->job.scores);
    buf_free(&c->body);
    buf_free(&c->reply);
    free(c);
}

static const char *content_type(const call_t *c, int status)
{
    if (status != 200) return "application/json";
    if (c->browser) return "text/html; charset=utf-8";
    return c->route == ROUTE_HOME || c->route == ROUTE_METRICS ? "text/plain; charset=utf-8" : "application/json";
}

/* Sends what stands in c->reply, which goes over to the response. */
static enum MHD_Result send_reply(call_t *c, int status)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(c->reply.len, c->reply.data, MHD_RESPMEM_MUST_FREE);
    if (!r) return MHD_NO;
    c->reply = (buf_t){0};
    c->status = status;
    MHD_add_response_header(r, "Content-Type", content_type(c, status));
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    if (c->browser) MHD_add_response_header(r, "Content-Security-Policy", "frame-ancestors 'none'"); /* the page itself has the rest */
    if (status == 401) MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
    if (status == 405) MHD_add_response_header(r, "Allow", route_methods(c->route));
    if (status == 503) MHD_add_response_header(r, "Retry-After", "1");
    if (c->http->stage != OPEN) MHD_add_response_header(r, "Connection", "close");
    const enum MHD_Result queued = MHD_queue_response(c->connection, (unsigned)status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result send_error(call_t *c, int status, const char *what)
{
    buf_clear(&c->reply);
    return send_reply(c, page_error(&c->reply, status, what));
}

static void job_done(job_t *j) { MHD_resume_connection(((call_t *)j)->connection); }

/* Puts the order into the queue: the connection sleeps until it is answered. */
static enum MHD_Result wait_for_answer(call_t *c)
{
    const order_t *o = &c->job.order;
    c->job.items = NEW_ARRAY(int32_t, o->n * o->k + 1);
    c->job.scores = NEW_ARRAY(float, o->n * o->k + 1);
    c->job.done = job_done;
    MHD_suspend_connection(c->connection);
    if (queue_add(c->http->queue, &c->job)) return MHD_YES;
    c->status = 503;
    MHD_resume_connection(c->connection);
    return MHD_YES;
}

static enum MHD_Result recommend(call_t *c)
{
    edition_t *e = current_hold(c->http->current);
    c->ordered = order_read(&c->job.order, e, c->body.data ? c->body.data : "", c->body.len, &c->http->o.order, &c->reply);
    edition_release(e);
    buf_free(&c->body);
    if (c->ordered) return wait_for_answer(c);
    buf_t why = c->reply;
    c->reply = (buf_t){0};
    const enum MHD_Result sent = send_error(c, 400, why.data);
    buf_free(&why);
    return sent;
}

static enum MHD_Result show(call_t *c)
{
    http_t *h = c->http;
    edition_t *e = current_hold(h->current);
    int status = 404;
    switch (c->route) {
    case ROUTE_HOME: status = page_home(c->browser ? &h->explorer : NULL, &c->reply); break;
    case ROUTE_HEALTH: status = page_health(e, h->stage != OPEN, &c->reply); break;
    case ROUTE_ITEM: status = page_item(e, c->rest, &c->reply); break;
    case ROUTE_CODES: status = page_codes(e, c->rest, &c->reply); break;
    case ROUTE_METRICS: status = 200, meter_write(h->meter, &c->reply); break;
    case ROUTE_RECOMMEND:
    case ROUTE_OTHER:
    case ROUTES: status = page_error(&c->reply, 404, "no such page; / says which there are"); break;
    }
    edition_release(e);
    return send_reply(c, status);
}

/* Answers a request that is all there, or an order that has been answered. */
static enum MHD_Result answer(call_t *c)
{
    if (c->status == 503) return send_error(c, 503, "too many requests wait");
    if (c->ordered) {
        order_write(&c->job.order, c->job.items, c->job.scores, &c->reply);
        return send_reply(c, 200);
    }
    if (!c->allowed) return send_error(c, 401, "expected the header Authorization: Bearer TOKEN");
    if (!c->known) return send_error(c, 405, "this page does not take that method");
    if (c->too_long) return send_error(c, 413, "the request's body is too long");
    if (c->route != ROUTE_RECOMMEND) return show(c);
    if (c->http->stage == CLOSED) return send_error(c, 503, "stopping");
    return recommend(c);
}

static void take_body(call_t *c, const char *data, size_t n)
{
    c->too_long = c->too_long || c->body.len + n > (size_t)c->http->o.body;
    if (!c->too_long && c->allowed && c->known) buf_add(&c->body, data, n);
}

/* What libmicrohttpd calls when a request's head is there, for pieces of its body, when all is there, and after a rest. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                  const char *data, size_t *n, void **request)
{
    (void)version;
    call_t *c = *request;
    if (!c) {
        *request = c = call_new(cls, connection, url, method);
        return c->too_long ? answer(c) : MHD_YES; /* before a body that nobody will look at comes */
    }
    if (!*n) return answer(c);
    take_body(c, data, *n);
    *n = 0;
    return MHD_YES;
}

static void on_end(void *cls, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
    http_t *h = cls;
    call_t *c = *request;
    if (!c) return;
    watch_again(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
    meter_end(h->meter, c->route, how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? c->status : 0, seconds_now() - c->begun);
    call_free(c);
    *request = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
    http_t *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = watch_add(h->watch, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else watch_remove(*context);
}

http_t *http_start(const http_options_t *o, int socket, current_t *current, queue_t *queue, meter_t *meter)
{
    http_t *h = NEW(http_t);
    *h = (http_t){.o = *o, .current = current, .queue = queue, .meter = meter, .watch = watch_new((double)o->seconds)};
    page_write(&h->explorer, "sidmill", &(page_data_t){0});
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, socket,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->seconds,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
    if (!h->daemon) die(EX_OSERR, "libmicrohttpd does not start");
    return h;
}

/* Takes in the connections that the system has made and nobody has looked at yet, and closes their way in. */
static void take_in(http_t *h, int socket)
{
    struct sockaddr_storage a;
    for (;;) {
        socklen_t n = sizeof a;
        const int fd = accept4(socket, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 || MHD_add_connection(h->daemon, fd, (struct sockaddr *)&a, n) != MHD_YES) break;
    }
    close(socket);
}

static void rest_a_little(void) { nanosleep(&(struct timespec){0, 5000000}, NULL); }

void http_drain(http_t *h)
{
    const double end = seconds_now() + (double)h->o.seconds;
    h->stage = DRAINING;
    const int socket = MHD_quiesce_daemon(h->daemon);
    if (socket >= 0) take_in(h, socket);
    rest_a_little();
    while (meter_in_flight(h->meter) && seconds_now() < end) rest_a_little();
    h->stage = CLOSED;
}

void http_stop(http_t *h)
{
    MHD_stop_daemon(h->daemon);
    watch_free(h->watch);
    buf_free(&h->explorer);
    free(h);
}
