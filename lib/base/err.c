#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HOOKS = 4, GRACE = 2 }; /* seconds that a follower waits */

static const char *program = "sidmill";
static bool quiet_notes, follows, copies;
static int words_to = STDERR_FILENO;
static _Atomic(err_hook_fn) before_message[MAX_HOOKS], before_exit[MAX_HOOKS];

void err_program(const char *name) { program = name; }
const char *err_program_name(void) { return program; }
void err_quiet(bool quiet) { quiet_notes = quiet; }
bool err_is_quiet(void) { return quiet_notes || follows; }
void err_follow(void) { follows = true; }

static void add_hook(_Atomic(err_hook_fn) *hooks, err_hook_fn hook)
{
    for (int i = 0; i < MAX_HOOKS; i++) {
        err_hook_fn there = NULL;
        if (atomic_compare_exchange_strong(&hooks[i], &there, hook) || there == hook) return;
    }
    die(EX_SOFTWARE, "more than %d functions to call before a message or an exit", MAX_HOOKS);
}

static void run_hooks(_Atomic(err_hook_fn) *hooks)
{
    for (int i = 0; i < MAX_HOOKS; i++) {
        err_hook_fn hook = atomic_load(&hooks[i]);
        if (hook) hook();
    }
}

void err_before_message(err_hook_fn hook) { add_hook(before_message, hook); }
void err_before_exit(err_hook_fn hook) { add_hook(before_exit, hook); }

static void trim_end(char *text)
{
    size_t n = strlen(text);
    while (n && (unsigned char)text[n - 1] <= ' ') text[--n] = '\0';
}

/* A message is one line and moves no cursor, whatever a file's bytes or name, or a library's words, have brought into it: controls
 * become blanks, those from U+0080 to U+009F as well. */
static void keep_one_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 0x7f) *c = ' ';
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) c[0] = c[1] = ' ';
    }
}

/* One write per line, so that lines of parallel stages do not interleave. */
static void say(const char *kind, const char *where, const char *fmt, va_list ap, const char *tail)
{
    char text[4096];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n < 0) text[0] = '\0';
    trim_end(text);
    char line[8192];
    n = snprintf(line, sizeof line - 1, "%s%s%s%s%s%s%s", copies ? "" : program, copies ? "" : ": ", kind, where, text, tail ? ": " : "",
                 tail ? tail : "");
    if (n < 0) return;
    keep_one_line(line);
    size_t length = strlen(line);
    if (!copies) line[length++] = '\n';
    run_hooks(before_message);
    if (write(words_to, line, length) < 0) return;
}

static void (*end_process)(int code) = _exit;
void err_end_by(void (*end)(int code)) { end_process = end; }

static _Noreturn void leave(int code)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&once); /* never unlocked: a second failing thread waits for the exit of the first */
    run_hooks(before_exit);
    end_process(code);
    _exit(code);
}

void err_copy(int fd)
{
    for (int i = 0; i < MAX_HOOKS; i++) {
        atomic_store(&before_message[i], NULL);
        atomic_store(&before_exit[i], NULL);
    }
    end_process = _exit;
    follows = false;
    copies = true;
    words_to = fd;
}

/* Lets the process that this one follows speak first. */
static void defer(void)
{
    if (follows) sleep(GRACE);
}

void die(int code, const char *fmt, ...)
{
    defer();
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, NULL);
    va_end(ap);
    leave(code);
}

void die_errno(int code, const char *fmt, ...)
{
    const char *why = strerror(errno);
    defer();
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, why);
    va_end(ap);
    leave(code);
}

void die_at(const char *file, long long line, const char *fmt, ...)
{
    defer();
    char where[2048];
    if (line > 0)
        snprintf(where, sizeof where, "%s:%lld: ", file, line);
    else
        snprintf(where, sizeof where, "%s: ", file);
    va_list ap;
    va_start(ap, fmt);
    say("", where, fmt, ap, NULL);
    va_end(ap);
    leave(EX_DATAERR);
}

void warn(const char *fmt, ...)
{
    if (follows) return;
    va_list ap;
    va_start(ap, fmt);
    say("warning: ", "", fmt, ap, NULL);
    va_end(ap);
}

void note(const char *fmt, ...)
{
    if (err_is_quiet()) return;
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, NULL);
    va_end(ap);
}
