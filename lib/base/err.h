/* Errors: one line on stderr, a sysexits(3) code, and nothing half-written left behind. */
#ifndef SIDMILL_BASE_ERR_H
#define SIDMILL_BASE_ERR_H

#include <stdbool.h>
#include <sysexits.h>

#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Name that starts every line on stderr; called once, by cli_parse(). */
void err_program(const char *name);
const char *err_program_name(void);

/* After err_quiet(true), note() is silent; warnings and errors still show. */
void err_quiet(bool quiet);
bool err_is_quiet(void);

/* From now on another process says all that this one would, too: note() and warn() are silent, and die() first waits a little, to be
 * ended by that one if it has met the same. */
void err_follow(void);

/* Prints "tool: message", runs what err_before_exit() was given and ends the process with `code` (EX_USAGE, EX_DATAERR,
 * EX_NOINPUT, EX_IOERR ...). Safe from any thread; the first caller wins. */
_Noreturn void die(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* As die(), with ": " and strerror(errno) appended. */
_Noreturn void die_errno(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* As die(EX_DATAERR), for line `line` (1-based; 0: the file as a whole) of `file`. */
_Noreturn void die_at(const char *file, long long line, const char *fmt, ...) PRINTF_LIKE(3, 4);

void warn(const char *fmt, ...) PRINTF_LIKE(1, 2);  /* "tool: warning: ..." */
void note(const char *fmt, ...) PRINTF_LIKE(1, 2);  /* "tool: ...", unless quiet */

/* For modules that have something to put in order first: called before every line that is printed (wiping a meter's), or by die()
 * before the process ends (removing unfinished output). Safe from any thread; a function given again is called once. */
typedef void (*err_hook_fn)(void);
void err_before_message(err_hook_fn hook);
void err_before_exit(err_hook_fn hook);

/* What ends the process then, in place of _exit(); it may return. */
void err_end_by(void (*end)(int code));

/* For a copy that fork() has made of the process: forgets what was to be put in order, which the process itself will do, and how it ends; what is
 * said goes to `fd`, without the program's name and the line's end, to be said again by the process. */
void err_copy(int fd);

#endif
