#include "report/curves.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/in.h"
#include "base/label.h"
#include "base/mem.h"
#include "report/json_file.h"
#include "report/stage_name.h"

enum { LINES = 1000 };

/* The lines of a log, one behind the other. */
typedef struct {
    buf_t text;
    size_t *end; /* [count] of each */
    int64_t count, cap;
} log_t;

static log_t log_read(const char *path)
{
    log_t log = {0};
    lines_t in = in_lines(path);
    while (in_next_text(&in)) {
        cJSON_Delete(json_file_line(in.name, in.number, in.line, in.len));
        GROW(log.end, log.count, log.cap);
        buf_add(&log.text, in.line, in.len);
        log.end[log.count++] = log.text.len;
    }
    in_close(&in);
    return log;
}

static void add_curve(buf_t *out, const char *operand)
{
    char *name = label_name(operand, ".jsonl", "log");
    log_t log = log_read(label_file(operand));
    const int64_t shown = log.count < LINES ? log.count : LINES;
    buf_puts(out, "{");
    stage_name_add(out, name);
    buf_puts(out, ",\"lines\":[");
    for (int64_t i = 1; i <= shown; i++) {
        const int64_t line = i * log.count / shown - 1;
        const size_t begin = line ? log.end[line - 1] : 0;
        buf_puts(out, i > 1 ? "," : "");
        buf_add(out, log.text.data + begin, log.end[line] - begin);
    }
    buf_puts(out, "]}");
    buf_free(&log.text);
    free(log.end);
    free(name);
}

void curves_add(buf_t *out, const report_files_t *files)
{
    int64_t shown = 0;
    buf_puts(out, "[");
    for (int i = 0; i < files->logs.count; i++) {
        buf_puts(out, shown++ ? "," : "");
        add_curve(out, files->logs.items[i]);
    }
    for (int i = 0; i < files->stages.count; i++) {
        char *folder = stage_folder(files->stages.items[i]), *path = xasprintf("%s/log.jsonl", folder);
        if (!access(path, F_OK)) {
            buf_puts(out, shown++ ? "," : "");
            add_curve(out, path);
        }
        free(path);
        free(folder);
    }
    buf_puts(out, "]");
}
