#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/out.h"
#include "base/progress.h"

static const char *program = "sidmill";
static bool quiet_notes;

void err_program(const char *name) { program = name; }
const char *err_program_name(void) { return program; }
void err_quiet(bool quiet) { quiet_notes = quiet; }
bool err_is_quiet(void) { return quiet_notes; }

/* A message is one line, whatever a file's bytes or a library's words have brought into it. */
static void keep_one_line(char *text)
{
    size_t n = strlen(text);
    while (n && (unsigned char)text[n - 1] <= ' ') text[--n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) text[i] = ' ';
}

/* One write per line, so that lines of parallel stages do not interleave. */
static void say(const char *kind, const char *where, const char *fmt, va_list ap, const char *tail)
{
    char text[4096];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n < 0) text[0] = '\0';
    keep_one_line(text);
    char line[8192];
    n = snprintf(line, sizeof line, "%s: %s%s%s%s%s\n", program, kind, where, text, tail ? ": " : "", tail ? tail : "");
    if (n >= (int)sizeof line) {
        n = (int)sizeof line - 1;
        line[n - 1] = '\n';
    }
    progress_clear();
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) return;
}

static _Noreturn void leave(int code)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&once); /* never unlocked: a second failing thread waits for the exit of the first */
    out_discard_all();
    _exit(code);
}

void die(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, NULL);
    va_end(ap);
    leave(code);
}

void die_errno(int code, const char *fmt, ...)
{
    const char *why = strerror(errno);
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, why);
    va_end(ap);
    leave(code);
}

void die_at(const char *file, long long line, const char *fmt, ...)
{
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
    va_list ap;
    va_start(ap, fmt);
    say("warning: ", "", fmt, ap, NULL);
    va_end(ap);
}

void note(const char *fmt, ...)
{
    if (quiet_notes) return;
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap, NULL);
    va_end(ap);
}
