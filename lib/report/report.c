#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/label.h"
#include "base/mem.h"
#include "base/version.h"
#include "data/relpath.h"
#include "report/codebook.h"
#include "report/curves.h"
#include "report/json_file.h"
#include "report/listing.h"
#include "report/results.h"
#include "report/shelf.h"
#include "report/stages.h"
#include "report/users.h"

/* The title that was given, or the results' names. */
static char *title_of(const report_files_t *files)
{
    buf_t title = {0};
    for (int i = 0; i < files->result_count && !files->title; i++) {
        char *name = label_name(files->results[i], ".json", "metrics");
        buf_puts(&title, i ? ", " : "");
        buf_puts(&title, name);
        free(name);
    }
    if (!title.len) buf_puts(&title, files->title ? files->title : "sidmill");
    utf8_mend(title.data, title.len); /* the page has it outside its data as well */
    return title.data;
}

/* The way to the manual from where the report will stand; a URL is itself. Caller frees. */
static char *manual_of(const report_files_t *files)
{
    if (strstr(files->manual, "://")) return xstrdup(files->manual);
    char *inside = xasprintf("%s/.", files->manual), *to = relpath_folder(inside), *from = relpath_folder(files->output);
    if (!to) die(EX_NOINPUT, "%s: no such folder", files->manual);
    char *way = from ? relpath_way(from, to) : xstrdup(to);
    free(inside);
    free(from);
    free(to);
    return way;
}

static void add_manual(buf_t *out, const report_files_t *files)
{
    char *way = files->manual ? manual_of(files) : NULL;
    buf_puts(out, ",\"manual\":");
    json_add_text(out, way && !*way ? "." : way);
    free(way);
}

static void add_catalogue(report_t *r, const report_files_t *files)
{
    shelf_t *s = shelf_open(files);
    users_t users = users_read(files->users, s);
    if (s->sids.levels) {
        buf_puts(&r->report, ",\"codebook\":");
        codebook_add(&r->report, &s->sids);
    }
    if (s->ids) {
        shelf_choose(s, users.rows, users.row_count, files->max_items, files->seed);
        listing_add(&r->catalogue, files, s, &users);
        buf_printf(&r->report, ",\"catalogue\":{\"items\":%lld,\"of\":%lld,\"users\":%lld}", (long long)s->shown,
                   (long long)s->ids->count, (long long)users.count);
    }
    users_free(&users);
    shelf_close(s);
}

report_t report_make(const report_files_t *files)
{
    report_t r = {.title = title_of(files)};
    buf_t *out = &r.report;
    buf_puts(out, "{\"schema\":\"report/1\",\"title\":");
    json_add_text(out, r.title);
    buf_printf(out, ",\"version\":\"%s\",\"results\":", SIDMILL_VERSION);
    results_add(out, files);
    buf_puts(out, ",\"curves\":");
    curves_add(out, files);
    buf_puts(out, ",\"stages\":");
    stages_add(out, files);
    add_manual(out, files);
    add_catalogue(&r, files);
    buf_puts(out, "}");
    return r;
}

void report_free(report_t *r)
{
    free(r->title);
    buf_free(&r->report);
    buf_free(&r->catalogue);
    *r = (report_t){0};
}
