#include "server/answers.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/mem.h"
#include "base/progress.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    APPLICATION_ID = 0x53444d41, /* "SDMA", in the file's header */
    VERSION = 1,
    BUSY_MS = 60000 /* how long another process may hold the file */
};

struct answers {
    sqlite3 *db;
    sqlite3_stmt *get, *put, *begin, *commit;
    char *path;
    bool open; /* a transaction is */
};

static _Noreturn void fail(const answers_t *a)
{
    int code = sqlite3_errcode(a->db) & 0xff;
    const char *why = sqlite3_errmsg(a->db);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        die_at(a->path, 0, "not an answer cache, or damaged (%s); name another with --cache, or remove it", why);
    if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) die(EX_CANTCREAT, "%s: %s", a->path, why);
    if (code == SQLITE_BUSY) die(EX_UNAVAILABLE, "%s: another process has held it for %d s", a->path, BUSY_MS / 1000);
    die(EX_IOERR, "%s: %s", a->path, why);
}

static void run(const answers_t *a, const char *sql)
{
    if (sqlite3_exec(a->db, sql, NULL, NULL, NULL)) fail(a);
}

/* Two processes that switch a new file over at once would wait for each other: SQLite refuses one of them without waiting. */
static void use_write_ahead_log(const answers_t *a)
{
    const double end = seconds_now() + BUSY_MS / 1000.0;
    int code;
    while ((code = sqlite3_exec(a->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL)) == SQLITE_BUSY && seconds_now() < end) sqlite3_sleep(1);
    if (code) fail(a);
}

static sqlite3_stmt *prepare(const answers_t *a, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(a->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL)) fail(a);
    return s;
}

static void step(const answers_t *a, sqlite3_stmt *s)
{
    int code = sqlite3_step(s);
    if (code != SQLITE_DONE && code != SQLITE_ROW) fail(a);
    sqlite3_reset(s);
}

static int64_t number(const answers_t *a, const char *sql)
{
    sqlite3_stmt *s = prepare(a, sql);
    if (sqlite3_step(s) != SQLITE_ROW) fail(a);
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

/* Makes the table in a new file; refuses a database of something else. */
static void check_schema(const answers_t *a)
{
    run(a, "BEGIN IMMEDIATE");
    if (!number(a, "SELECT count(*) FROM sqlite_schema")) {
        run(a, "CREATE TABLE answers(key BLOB NOT NULL UNIQUE, digest INTEGER NOT NULL, reply BLOB NOT NULL)");
        char *sql = xasprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, VERSION);
        run(a, sql);
        free(sql);
    }
    if (number(a, "PRAGMA application_id") != APPLICATION_ID || number(a, "PRAGMA user_version") != VERSION)
        die_at(a->path, 0, "a database, but not an answer cache of version %d; name another with --cache", VERSION);
    run(a, "COMMIT");
}

/* The user's own cache, in a folder that others cannot read. */
static char *default_path(void)
{
    char *folder = folder_cache("name a file with --cache, or none");
    char *path = xasprintf("%s/answers.db", folder);
    free(folder);
    return path;
}

answers_t *answers_open(const char *path)
{
    if (path && !strcmp(path, "none")) return NULL;
    answers_t *a = NEW(answers_t);
    a->path = path ? xstrdup(path) : default_path();
    if (sqlite3_open_v2(a->path, &a->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)) {
        if (!a->db) die(EX_OSERR, "SQLite does not start");
        fail(a);
    }
    sqlite3_busy_timeout(a->db, BUSY_MS);
    /* The log is written before a commit returns, so a killed process loses nothing; a machine that loses power may lose the
     * last commits, and never the file. */
    use_write_ahead_log(a);
    run(a, "PRAGMA synchronous = NORMAL");
    run(a, "PRAGMA trusted_schema = OFF");
    check_schema(a);
    a->get = prepare(a, "SELECT digest, reply FROM answers WHERE key = ?1");
    a->put = prepare(a, "INSERT OR IGNORE INTO answers(key, digest, reply) VALUES(?1, ?2, ?3)");
    a->begin = prepare(a, "BEGIN IMMEDIATE");
    a->commit = prepare(a, "COMMIT");
    return a;
}

static int64_t digest(const void *reply, size_t n) { return (int64_t)XXH3_64bits(reply, n); }

bool answers_get(answers_t *a, answers_key_t key, buf_t *out)
{
    if (!a) return false;
    sqlite3_bind_blob(a->get, 1, key.bytes, sizeof key.bytes, SQLITE_STATIC);
    int code = sqlite3_step(a->get);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail(a);
    if (code == SQLITE_ROW) {
        const void *reply = sqlite3_column_blob(a->get, 1);
        size_t n = (size_t)sqlite3_column_bytes(a->get, 1);
        if (digest(n ? reply : "", n) != sqlite3_column_int64(a->get, 0))
            die_at(a->path, 0, "an answer is damaged; name another cache with --cache, or remove this one");
        buf_clear(out);
        buf_add(out, n ? reply : "", n);
    }
    sqlite3_reset(a->get);
    return code == SQLITE_ROW;
}

void answers_put(answers_t *a, answers_key_t key, const void *reply, size_t n)
{
    if (!a) return;
    if (!a->open) step(a, a->begin);
    a->open = true;
    sqlite3_bind_blob(a->put, 1, key.bytes, sizeof key.bytes, SQLITE_STATIC);
    sqlite3_bind_int64(a->put, 2, digest(reply, n));
    sqlite3_bind_blob64(a->put, 3, reply, n, SQLITE_STATIC);
    step(a, a->put);
    sqlite3_clear_bindings(a->put);
}

void answers_commit(answers_t *a)
{
    if (!a || !a->open) return;
    step(a, a->commit);
    a->open = false;
}

void answers_close(answers_t *a)
{
    if (!a) return;
    answers_commit(a);
    sqlite3_finalize(a->get);
    sqlite3_finalize(a->put);
    sqlite3_finalize(a->begin);
    sqlite3_finalize(a->commit);
    sqlite3_close(a->db);
    free(a->path);
    free(a);
}
