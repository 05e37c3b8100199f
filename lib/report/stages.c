#include "report/stages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "report/json_file.h"
#include "report/stage_name.h"

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A file of a folder as text; NULL where there is none. */
static char *text_of(const char *folder, const char *ending)
{
    char *path = xasprintf("%s%s", folder, ending), *text = NULL;
    if (!access(path, F_OK)) {
        bytes_t b = in_bytes(path);
        text = xstrndup((const char *)b.data, b.len);
        in_free(&b);
    }
    free(path);
    return text;
}

/* Appends a member that is a whole number of a file's, null where there is none. */
static void add_number(buf_t *out, const char *member, const char *folder, const char *file)
{
    char *text = text_of(folder, file), *end = text;
    const long long value = text ? strtoll(text, &end, 10) : -1;
    if (text && (end == text || *end != '\n' || end[1] || value < 0))
        die(EX_DATAERR, "%s%s: expected a whole number on a line", folder, file);
    if (text) buf_printf(out, ",\"%s\":%lld", member, value);
    else buf_printf(out, ",\"%s\":null", member);
    free(text);
}

/* Cuts off what says which scripts the command names. */
static void cut_scripts(char *args)
{
    char *file = strstr(args, "\nfile ");
    if (file) file[1] = 0;
    for (size_t n = strlen(args); n && args[n - 1] == '\n';) args[--n] = 0;
}

/* Tells whether a command names a file of a folder. */
static bool reads(const char *args, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = args; (at = strstr(at, name)); at += n)
        if (at[n] == '/' && (at == args || !strchr("/.-", at[-1]))) return true;
    return false;
}

static void add_stage(buf_t *out, char *const *folders, int count, int at)
{
    const char *folder = folders[at];
    char *args = text_of(folder, "/args"), *begun = args ? NULL : text_of(folder, ".part/args");
    const bool made = !access(folder, F_OK);
    char *known = args ? args : begun;
    if (known) cut_scripts(known);
    buf_puts(out, "{");
    stage_name_add(out, name_of(folder));
    buf_printf(out, ",\"state\":\"%s\"", made ? "made" : begun ? "begun" : "to do");
    add_number(out, "seconds", folder, "/seconds");
    add_number(out, "memory_kib", folder, "/memory");
    buf_puts(out, ",\"command\":");
    json_add_text(out, known ? known : "");
    buf_puts(out, ",\"inputs\":[");
    int64_t inputs = 0;
    for (int i = 0; known && i < count; i++) {
        if (i == at || !reads(known, name_of(folders[i]))) continue;
        buf_puts(out, inputs++ ? "," : "");
        json_add_text(out, name_of(folders[i]));
    }
    buf_puts(out, "]}");
    free(args);
    free(begun);
}

void stages_add(buf_t *out, const report_files_t *files)
{
    const int count = files->stages.count;
    char **folders = NEW_ARRAY(char *, count + 1);
    for (int i = 0; i < count; i++) folders[i] = stage_folder(files->stages.items[i]);
    buf_puts(out, "[");
    for (int i = 0; i < count; i++) {
        buf_puts(out, i ? "," : "");
        add_stage(out, folders, count, i);
    }
    buf_puts(out, "]");
    for (int i = 0; i < count; i++) free(folders[i]);
    free(folders);
}
