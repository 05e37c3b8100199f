#include "server/thinking.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "data/json.h"

typedef struct {
    const char *begin, *end;
    bool closes;
} tag_t;

static const char *skip_blanks(const char *p) { return p + strspn(p, " \t\r\n"); }

/* The end of `word` at the start of `p`, whatever its case; NULL: another text. */
static const char *skip_word(const char *p, const char *word)
{
    size_t n = strlen(word);
    return strncasecmp(p, word, n) ? NULL : p + n;
}

/* The end of one of the names that reasoning goes by; of two that fit, the longer. */
static const char *skip_name(const char *p)
{
    static const char *const names[] = {"thinking", "think", "thought", "reasoning"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *end = skip_word(p, names[i]);
        if (end) return end;
    }
    return NULL;
}

/* The end of what may stand before such a name, as in <seed:think>. */
static const char *skip_prefix(const char *p)
{
    const char *end = p + strspn(p, "abcdefghijklmnopqrstuvwxyz");
    return *end == ':' ? end + 1 : p;
}

/* Reads the tokens without a name between which Gemma's models reason. */
static bool read_unnamed(const char *p, tag_t *tag)
{
    const char *opens = skip_word(p, "<unused94>"), *closes = skip_word(p, "<unused95>");
    if (opens || closes) *tag = (tag_t){p, opens ? opens : closes, closes};
    return opens || closes;
}

static bool read_tag(const char *p, tag_t *tag)
{
    if (read_unnamed(p, tag)) return true;
    static const char *const brackets[][2] = {{"<|", "|>"}, {"<", ">"}, {"[", "]"}, {"\u25c1", "\u25b7"}};
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++) {
        const char *at = skip_word(p, brackets[i][0]), *name;
        if (!at) continue;
        bool closes = *at == '/';
        if (!(name = skip_name(skip_prefix(at + closes)))) continue;
        const char *end = skip_word(skip_blanks(name), brackets[i][1]);
        if (!end) continue;
        *tag = (tag_t){p, end, closes};
        return true;
    }
    return false;
}

/* Finds the next tag at or behind `p`. */
static bool find_tag(const char *p, tag_t *tag)
{
    for (; *p; p++)
        if (strchr("<[\xe2", *p) && read_tag(p, tag)) return true;
    return false;
}

static bool find_closing(const char *p, tag_t *tag)
{
    while (find_tag(p, tag)) {
        if (tag->closes) return true;
        p = tag->end;
    }
    return false;
}

const char *thinking_skip(const char *text, const char **answer)
{
    const char *p = text;
    tag_t tag;
    if (!json_check(p, strlen(p), NULL) && strstr(p, "<|channel|>")) return "reasoning in channels, which the server has not parted";
    while (!json_check(p, strlen(p), NULL) && find_tag(p, &tag)) {
        if (!tag.closes && tag.begin != skip_blanks(p)) return "reasoning within the answer";
        if (!tag.closes && !find_closing(tag.end, &tag)) return "reasoning that does not end, and no answer";
        p = tag.end;
        if (!*skip_blanks(p)) return "reasoning, and no answer";
    }
    *answer = p;
    return NULL;
}
