#include "gen/templates.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "bpe/encoder.h"

ASSET(templates, "lib/gen/templates.txt");

static const char input[] = "{input}";
static const char *const names[TASKS] = {
    [TASK_NEXT] = "next", [TASK_TITLES_NEXT] = "titles-next", [TASK_NEXT_TITLE] = "next-title", [TASK_TITLE_SID] = "title-item",
    [TASK_SID_TITLE] = "item-title", [TASK_ABOUT_SID] = "about-item", [TASK_CAPTION_SID] = "caption-item",
    [TASK_CAPTION_TITLE] = "caption-title"};

asset_t templates_builtin(void) { return (asset_t)ASSET_SPAN(templates); }

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
    const char *at = memmem(l->at, (size_t)(l->end - l->at), input, mark);
    if (!at || memmem(at + mark, (size_t)(l->end - at) - mark, input, mark))
        die_at(l->file, l->number, "expected %s once", input);
    if (t->before[task]) die_at(l->file, l->number, "task \"%s\" comes twice", names[task]);
    t->before[task] = plain(l, l->at, at);
    t->after[task] = plain(l, at + mark, l->end);
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
    const asset_t ours = templates_builtin();
    templates_t t = read_text(name, text, n), rest = read_text("templates", ours.text, ours.n);
    for (int i = 0; i < TASKS; i++) {
        if (t.before[i]) continue;
        t.before[i] = rest.before[i];
        t.after[i] = rest.after[i];
        rest.before[i] = rest.after[i] = NULL;
    }
    templates_free(&rest);
    return t;
}

void templates_free(templates_t *t)
{
    for (int i = 0; i < TASKS; i++) {
        free(t->before[i]);
        free(t->after[i]);
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

char *templates_text(const templates_t *t)
{
    buf_t out = {0};
    for (int i = 0; i < TASKS; i++) {
        buf_printf(&out, "%s: ", names[i]);
        add_escaped(&out, t->before[i]);
        buf_puts(&out, input);
        add_escaped(&out, t->after[i]);
        buf_puts(&out, "\n");
    }
    char *text = xstrdup(out.data);
    buf_free(&out);
    return text;
}

/* --- Putting to use ----------------------------------------------------------------------------------------------------------- */

void templates_apply(const templates_t *t, const tokenizer_t *tokenizer, const frame_t *frame, space_t *space)
{
    encoder_t *e = encoder_new(tokenizer);
    ids_t ids = {0};
    for (int i = 0; i < TASKS; i++) {
        ids.count = 0;
        ids_add(&ids, frame->before.id, frame->before.count);
        encoder_add(e, t->before[i], strlen(t->before[i]), &ids);
        const size_t before = ids.count;
        encoder_add(e, t->after[i], strlen(t->after[i]), &ids);
        if (!ids.count) die(EX_DATAERR, "template of task \"%s\": expected some text around %s", names[i], input);
        for (size_t j = 0; j < ids.count; j++) ids.id[j] += space->vocab.first_text;
        space_surround(space, (task_t)i, ids.id, (int64_t)ids.count, (int64_t)before);
    }
    ids_free(&ids);
    encoder_free(e);
}
