#include "gen/templates.h"

#include <stdlib.h>
#include <string.h>

#include "base/asset.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "bpe/encoder.h"

ASSET(ours, "lib/gen/templates.txt");
ASSET(minionerec, "lib/gen/templates_minionerec.txt");
ASSET(lcrec, "lib/gen/templates_lcrec.txt");

static const char input[] = "{input}";
static const char *const names[TASKS] = {
    [TASK_NEXT] = "next", [TASK_TITLES_NEXT] = "titles-next", [TASK_NEXT_TITLE] = "next-title", [TASK_TITLE_SID] = "title-item",
    [TASK_SID_TITLE] = "item-title", [TASK_ABOUT_SID] = "about-item", [TASK_CAPTION_SID] = "caption-item",
    [TASK_CAPTION_TITLE] = "caption-title"};

static const char *const builtin[] = {"sidmill", "minionerec", "lcrec", NULL};

static asset_t builtin_file(int i)
{
    const asset_t files[] = {ASSET_SPAN(ours), ASSET_SPAN(minionerec), ASSET_SPAN(lcrec)};
    return files[i];
}

/* --- Reading ------------------------------------------------------------------------------------------------------------------ */

/* A line that is read. */
typedef struct {
    const char *file, *at, *end;
    int64_t number;
} line_t;

/* Finds the task that a line is for, and goes behind its colon and blank. */
static task_t task_of(line_t *l)
{
    const char *colon = memchr(l->at, ':', (size_t)(l->end - l->at));
    int t = 0;
    const size_t n = colon ? (size_t)(colon - l->at) : 0;
    while (t < TASKS && (strlen(names[t]) != n || memcmp(names[t], l->at, n) != 0)) t++;
    if (t == TASKS) die_at(l->file, l->number, "expected a task's name and a colon, as in \"next: Bought so far: {input}\"");
    l->at = colon + 1;
    if (l->at < l->end && *l->at == ' ') l->at++;
    return (task_t)t;
}

/* Returns text with its escapes undone. */
static char *plain(const line_t *l, const char *from, const char *to)
{
    char *out = xmalloc((size_t)(to - from) + 1), *end = out;
    for (; from < to; from++) {
        const bool escape = *from == '\\' && from + 1 < to;
        if (*from == '\\' && !(escape && (from[1] == 'n' || from[1] == '\\')))
            die_at(l->file, l->number, "a backslash before what is neither n nor another backslash");
        if (escape) from++;
        *end++ = escape && *from == 'n' ? '\n' : *from;
    }
    *end = 0;
    return out;
}

static void read_line(line_t *l, templates_t *t)
{
    const size_t mark = strlen(input);
    const task_t task = task_of(l);
    wording_t *w;
    const char *at = memmem(l->at, (size_t)(l->end - l->at), input, mark);
    if (!at || memmem(at + mark, (size_t)(l->end - at) - mark, input, mark))
        die_at(l->file, l->number, "expected %s once", input);
    t->wording[task] = xreallocarray(t->wording[task], (size_t)t->count[task] + 1, sizeof *w);
    w = &t->wording[task][t->count[task]++];
    *w = (wording_t){plain(l, l->at, at), plain(l, at + mark, l->end)};
    if (task == TASK_NEXT && !*w->after != !*t->wording[task]->after)
        die_at(l->file, l->number, "task \"next\": some wordings end with %s, and some go on behind it", input);
}

static templates_t read_text(const char *name, const char *text, size_t n)
{
    templates_t t = {0};
    line_t l = {.file = name};
    if (n && (!tokenizer_is_text(text, n) || memchr(text, 0, n))) die_at(name, 0, "is not text in UTF-8");
    for (const char *at = text, *end = n ? text + n : text; at < end; at = l.end + 1) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        l = (line_t){name, at, newline ? newline : end, l.number + 1};
        if (l.at < l.end && *l.at != '#') read_line(&l, &t);
    }
    return t;
}

templates_t templates_parse(const char *name, const char *text, size_t n)
{
    const asset_t own = builtin_file(0);
    templates_t t = read_text(name, text, n), rest = read_text(builtin[0], own.text, own.n);
    for (int i = 0; i < TASKS; i++) {
        if (t.count[i]) continue;
        t.wording[i] = rest.wording[i];
        t.count[i] = rest.count[i];
        rest.wording[i] = NULL;
        rest.count[i] = 0;
    }
    templates_free(&rest);
    return t;
}

templates_t templates_open(const char *name)
{
    for (int i = 0; builtin[i]; i++) {
        const asset_t own = builtin_file(i);
        if (!name || !strcmp(name, builtin[i])) return templates_parse(builtin[i], own.text, own.n);
    }
    bytes_t file = in_bytes(name);
    const templates_t t = templates_parse(file.name, (const char *)file.data, file.len);
    in_free(&file);
    return t;
}

void templates_free(templates_t *t)
{
    for (int i = 0; i < TASKS; i++) {
        for (int w = 0; w < t->count[i]; w++) {
            free(t->wording[i][w].before);
            free(t->wording[i][w].after);
        }
        free(t->wording[i]);
    }
    *t = (templates_t){0};
}

/* --- Writing ------------------------------------------------------------------------------------------------------------------ */

static void add_escaped(buf_t *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') buf_puts(out, "\\n");
        else if (*text == '\\') buf_puts(out, "\\\\");
        else buf_add(out, text, 1);
    }
}

static void add_wording(buf_t *out, const char *name, const wording_t *w)
{
    buf_printf(out, "%s: ", name);
    add_escaped(out, w->before);
    buf_puts(out, input);
    add_escaped(out, w->after);
    buf_puts(out, "\n");
}

char *templates_text(const templates_t *t)
{
    buf_t out = {0};
    for (int i = 0; i < TASKS; i++)
        for (int w = 0; w < t->count[i]; w++) add_wording(&out, names[i], &t->wording[i][w]);
    char *text = xstrdup(out.data);
    buf_free(&out);
    return text;
}

/* --- Putting to use ----------------------------------------------------------------------------------------------------------- */

/* Writes the tokens of a wording, and returns how many stand before the input. */
static int64_t wording_tokens(const wording_t *w, encoder_t *e, const frame_t *frame, int32_t first_text, ids_t *ids)
{
    ids->count = 0;
    ids_add(ids, frame->before.id, frame->before.count);
    encoder_add(e, w->before, strlen(w->before), ids);
    const size_t before = ids->count;
    encoder_add(e, w->after, strlen(w->after), ids);
    for (size_t j = 0; j < ids->count; j++) ids->id[j] += first_text;
    return (int64_t)before;
}

void templates_apply(const templates_t *t, const tokenizer_t *tokenizer, const frame_t *frame, space_t *space)
{
    encoder_t *e = encoder_new(tokenizer);
    ids_t ids = {0};
    for (int i = 0; i < TASKS; i++)
        for (int w = 0; w < t->count[i]; w++) {
            const int64_t before = wording_tokens(&t->wording[i][w], e, frame, space->vocab.first_text, &ids);
            if (!ids.count) die(EX_DATAERR, "template of task \"%s\": expected some text around %s", names[i], input);
            (w ? space_surround_also : space_surround)(space, (task_t)i, ids.id, (int64_t)ids.count, before);
        }
    ids_free(&ids);
    encoder_free(e);
}
