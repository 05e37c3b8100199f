#define PCRE2_CODE_UNIT_WIDTH 8
#include "bpe/pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORDS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define SIGNS "| ?[^\\s\\p{L}\\p{N}]+"
#define CAPITALS "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define SMALL "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

static const struct {
    const char *name, *text;
} shared[] = {
    [PATTERN_GPT2] = {"gpt2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+" SIGNS "|\\s+(?!\\S)|\\s+"},
    [PATTERN_LLAMA3] = {"llama3", CONTRACTION WORDS "|\\p{N}{1,3}" SIGNS "[\\r\\n]*" SPACES},
    [PATTERN_QWEN2] = {"qwen2", CONTRACTION WORDS "|\\p{N}" SIGNS "[\\r\\n]*" SPACES},
    [PATTERN_GPT4O] = {"gpt4o", "[^\\r\\n\\p{L}\\p{N}]?" CAPITALS "*" SMALL "+" CONTRACTION "?"
                                "|[^\\r\\n\\p{L}\\p{N}]?" CAPITALS "+" SMALL "*" CONTRACTION "?"
                                "|\\p{N}{1,3}" SIGNS "[\\r\\n/]*" SPACES},
};

const char *pattern_name(pattern_kind_t kind) { return kind < PATTERN_OTHER ? shared[kind].name : NULL; }
const char *pattern_text(pattern_kind_t kind) { return kind < PATTERN_OTHER ? shared[kind].text : NULL; }

static pattern_kind_t kind_of(const char *text)
{
    pattern_kind_t kind = PATTERN_GPT2;
    while (kind < PATTERN_OTHER && strcmp(shared[kind].text, text) != 0) kind++;
    return kind;
}

/* Appends what stands for an escape at `s`, and gives its length; 0: it is refused. */
static size_t translate_escape(const char *s, buf_t *out)
{
    const char e = s[1];
    if (e == 's' || e == 'S') { /* PCRE2's own \s has U+180E as well */
        buf_puts(out, e == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        return 2;
    }
    if (e == 'p' || e == 'P' || e == 'x') { /* general categories, as scripts mean different sets to the two; \x{4e00} */
        const size_t name = s[2] == '{' ? strcspn(s + 3, "}") : 0;
        if (name < 1 || name > (e == 'x' ? 6 : 2) || s[3 + name] != '}') return 0;
        buf_add(out, s, name + 4);
        return name + 4;
    }
    const bool letter = (e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (e >= '0' && e <= '9');
    if (!e || (unsigned char)e >= 0x80 || (letter && !strchr("dDrntfAz", e))) return 0;
    buf_add(out, s, 2);
    return 2;
}

/* Measures what both read alike at `s`, outside of escapes; 0: something else. */
static size_t plain(const char *s, bool within)
{
    if (within) return *s == '[' || (s[0] == '&' && s[1] == '&') ? 0 : 1;
    if (s[0] == '(' && s[1] == '*') return 0;
    if (s[0] == '(' && s[1] == '?') {
        static const char *const groups[] = {"(?:", "(?i:", "(?i)", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
            if (!strncmp(s, groups[i], strlen(groups[i]))) return strlen(groups[i]);
        return 0;
    }
    if (*s == '{') { /* Oniguruma repeats where PCRE2 is possessive */
        const size_t digits = strspn(s + 1, "0123456789"), all = digits + strspn(s + 1 + digits, ",0123456789");
        return digits && s[1 + all] == '}' && s[2 + all] != '+' ? all + 2 : 0;
    }
    return 1;
}

/* Gives the pattern as PCRE2 is to read it; NULL, and where, at something that it might read differently. */
static char *translate(const char *text, const char **where)
{
    buf_t out = {0};
    bool within = false; /* brackets */
    for (const char *s = text; *s;) {
        size_t n;
        if (*s == '\\') {
            n = translate_escape(s, &out);
        } else {
            n = plain(s, within);
            buf_add(&out, s, n);
            if (*s == (within ? ']' : '[')) within = !within;
        }
        if (!n) {
            *where = s;
            buf_free(&out);
            return NULL;
        }
        s += n;
    }
    buf_add(&out, "", 0);
    return out.data;
}

static char *compile(pattern_t *p, const char *regex, uint32_t options)
{
    int error;
    PCRE2_SIZE at;
    p->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF | options, &error, &at, NULL);
    if (!p->code) {
        char why[256];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        return xasprintf("no regular expression: %s", why);
    }
    uint32_t empty;
    if (!pcre2_pattern_info(p->code, PCRE2_INFO_MATCHEMPTY, &empty) && empty)
        return xstrdup("may match nothing, expected one that takes a character");
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* matching goes on without where this machine has none */
    return NULL;
}

char *pattern_compile(pattern_t *p, const char *text, size_t n, bool literal)
{
    enum { LONGEST = 1 << 14 };
    *p = (pattern_t){.text = xstrndup(text, n), .kind = PATTERN_OTHER};
    if (!n || n > LONGEST || strlen(p->text) != n) return xasprintf("of %zu bytes, expected 1 to %d without NUL", n, LONGEST);
    if (literal) return compile(p, p->text, PCRE2_LITERAL);
    const char *where = NULL;
    char *regex = translate(p->text, &where);
    if (!regex) return xasprintf("'%.20s' is not supported: regular expressions might read it in different ways", where);
    char *why = compile(p, regex, PCRE2_UCP | PCRE2_MULTILINE); /* as Oniguruma's ^ and $ are */
    free(regex);
    if (!why) p->kind = kind_of(p->text);
    return why;
}

void pattern_free(pattern_t *p)
{
    pcre2_code_free(p->code);
    free(p->text);
    *p = (pattern_t){.kind = PATTERN_OTHER};
}
