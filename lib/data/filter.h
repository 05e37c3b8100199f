/* The loop of an evidence filter: item records in, the same records out in the same order, each with a key added or an
 * entry in `errors`, every other byte as it was. Items are worked on several at a time, by engines that answer in any
 * order: workers, a server, or at once. Memory is bounded by the window of items under way, whatever the catalogue's size.
 *
 * A tool gives callbacks; filter_run() does the rest:
 *
 *     static void start(void *ctx, filter_job_t *job)       // an item's turn has come
 *     {
 *         const char *path = items_string(filter_item(job), "image");
 *         if (path) sandbox_send(..., answered, job);        // ... to be finished later
 *         else filter_done(job);                             // nothing to add
 *     }
 *     static void answered(void *job, ..., const char *error) // called from within wait()
 *     {
 *         if (error) filter_error(job, "%s", error);
 *         else filter_set(job, "caption", json);
 *         filter_done(job);                                  // exactly once a job, last
 *     }
 *     static bool has_room(void *ctx) { return sandbox_has_room(s); }
 *     static void wait(void *ctx) { sandbox_wait(s); }
 *
 * An item that needs several requests, later ones made from earlier answers, sends the next one from within the answer to
 * the one before and calls filter_done() when it has come to its end. A filter that works on many items at once (threads)
 * collects jobs in start() while has_room() says yes, and finishes them all in wait(). */
#ifndef SIDMILL_DATA_FILTER_H
#define SIDMILL_DATA_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "data/items.h"

/* An item under way, from start() to filter_done(). */
typedef struct filter_job filter_job_t;

typedef struct {
    const char *tool;     /* in the entries of `errors`, and the meter's */
    const char *doing;    /* what the progress meter says, e.g. "captioning" */
    int64_t window;       /* most items between the oldest unfinished one and the newest; 0: 4096 */
    const char *shard;    /* "K/N", 1 <= K <= N; NULL: everything */
    /* An item's turn: finish the job, or see to it that wait() will. */
    void (*start)(void *ctx, filter_job_t *job);
    /* May another item be started now? NULL: always. Where no job is under way the answer must be true. */
    bool (*has_room)(void *ctx);
    /* Called while jobs are under way: returns once it finished some, or has made room. NULL where start() finishes every
     * job. */
    void (*wait)(void *ctx);
    /* Called once, when the last item has been started. May be NULL. */
    void (*last)(void *ctx);
    void *ctx;
} filter_t;

typedef struct {
    int64_t items;      /* written */
    int64_t annotated;  /* filter_set() gave them something */
    int64_t kept;       /* filter_keep(): had it already */
    int64_t errors;     /* filter_error(): one or more entries in `errors` */
} filter_summary_t;     /* the rest had nothing to go by */

/* Runs the filter from `path` (NULL or "-": standard input) to `output` (likewise standard output; a file appears whole or
 * not at all). Ends the process on unreadable records, as items_next() does, except that ids are not compared with each
 * other: they need only be unique for tools that join by them, and this keeps memory constant. */
filter_summary_t filter_run(const filter_t *f, const char *path, const char *output);

/* Prints "N items: A annotated, K had one before, E with errors, R without" by note(); `noun` is what was added ("a
 * caption"). */
void filter_print(const filter_summary_t *s, const char *noun);

/* The job's item: its strings and JSON, for items_string(), items_field_text() and cJSON's readers, until filter_done(). */
const items_t *filter_item(const filter_job_t *job);

/* A place for the tool's own data about the job; NULL at start(). Free it before filter_done(). */
void **filter_data(filter_job_t *job);

/* Sets a top-level key to `json`, valid JSON text on one line, as items_splice() does; counts the item as annotated. May be
 * called for several keys. */
void filter_set(filter_job_t *job, const char *key, const char *json);

/* Adds {"tool": ..., "message": ...} to the item's `errors`; those that this tool left there before are gone in any case.
 * The message may hold any bytes; it is made valid UTF-8 and cut to a sane length. */
void filter_error(filter_job_t *job, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The item has what the tool would add, and keeps it: no byte of the record changes, whatever else was called. */
void filter_keep(filter_job_t *job);

/* The job is finished; it must not be used afterwards. */
void filter_done(filter_job_t *job);

#endif
