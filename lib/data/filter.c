#include "data/filter.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "data/filter_input.h"
#include "data/item_errors.h"

enum { USUAL_WINDOW = 4096 };

struct filter_job {
    items_t item;     /* its text and parsed record; no reader behind it */
    buf_t changed;    /* the record with what was set, empty: nothing was */
    buf_t errors;     /* entries, joined by commas */
    const char *tool;
    void *data;
    bool kept, done;
};

const items_t *filter_item(const filter_job_t *job) { return &job->item; }
void **filter_data(filter_job_t *job) { return &job->data; }
void filter_keep(filter_job_t *job) { job->kept = true; }

void filter_set(filter_job_t *job, const char *key, const char *json)
{
    if (!job->changed.len) buf_add(&job->changed, job->item.text.data, job->item.text.len);
    items_splice(&job->changed, key, json);
}

void filter_error(filter_job_t *job, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    item_errors_add(&job->errors, job->tool, text);
}

void filter_done(filter_job_t *job)
{
    if (job->done) die(EX_SOFTWARE, "item \"%s\" was finished twice", job->item.id);
    job->done = true;
}

static void write_job(filter_job_t *job, out_t *out, filter_summary_t *s)
{
    bool set = job->changed.len && !job->kept, failed = job->errors.len && !job->kept;
    s->items++;
    s->kept += job->kept;
    s->annotated += set;
    s->errors += failed;
    buf_t *text = set ? &job->changed : &job->item.text;
    if (!job->kept) item_errors_put(text, job->tool, &job->errors);
    out_write(out, text->data, text->len);
    out_write(out, "\n", 1);
    progress_add(1);
}

static void free_job(filter_job_t *job)
{
    cJSON_Delete(job->item.json);
    buf_free(&job->item.text);
    buf_free(&job->changed);
    buf_free(&job->errors);
    free(job);
}

/* Takes the reader's current record over. */
static filter_job_t *new_job(const filter_t *f, items_t *reader)
{
    filter_job_t *job = NEW(filter_job_t);
    job->tool = f->tool;
    job->item = (items_t){.text = reader->text, .json = reader->json, .id = reader->id};
    reader->text = (buf_t){0};
    reader->json = NULL;
    reader->id = NULL;
    return job;
}

static void wait_for_some(const filter_t *f)
{
    if (!f->wait) die(EX_SOFTWARE, "%s: an item was started and neither finished nor waited for", f->tool);
    f->wait(f->ctx);
}

filter_summary_t filter_run(const filter_t *f, const char *path, const char *output)
{
    filter_summary_t summary = {0};
    int64_t window = f->window > 0 ? f->window : USUAL_WINDOW, head = 0, tail = 0;
    filter_job_t **ring = NEW_ARRAY(filter_job_t *, window);
    items_t reader = filter_input_open(path, f->shard);
    out_t *out = out_open(output, false);
    bool more = true;
    progress_start(f->doing, "items", 0);
    while (more || head < tail) {
        if (more && tail - head < window && (!f->has_room || f->has_room(f->ctx))) {
            more = items_next(&reader);
            if (!more && f->last) f->last(f->ctx);
            if (!more) continue;
            filter_job_t *job = ring[tail++ % window] = new_job(f, &reader);
            f->start(f->ctx, job);
        } else {
            wait_for_some(f);
        }
        for (; head < tail && ring[head % window]->done; head++) {
            write_job(ring[head % window], out, &summary);
            free_job(ring[head % window]);
        }
    }
    progress_end();
    out_commit(out);
    items_close(&reader);
    free(ring);
    return summary;
}

void filter_print(const filter_summary_t *s, const char *noun)
{
    int64_t without = s->items - s->annotated - s->kept - s->errors;
    note("%lld items: %lld were given %s, %lld had one, %lld failed, %lld had nothing to go by", (long long)s->items,
         (long long)s->annotated, noun, (long long)s->kept, (long long)s->errors, (long long)(without > 0 ? without : 0));
}
