#include "data/vocab.h"

#include <stdio.h>

#include "base/err.h"

vocab_t vocab_make(int levels, int codes, int max_suffix)
{
    int64_t first_suffix = 1 + (int64_t)levels * codes, size = first_suffix + max_suffix;
    if (levels < 1 || levels > SID_MAX_LEVELS || codes < 1 || max_suffix < 0 || size > INT32_MAX)
        die(EX_DATAERR, "no vocabulary of %d levels, %d codes and %d suffixes: expected 1 to %d levels, 1 or more codes, and fewer than "
                        "2^31 tokens in all", levels, codes, max_suffix, SID_MAX_LEVELS);
    return (vocab_t){levels, codes, max_suffix, .bos = 0, .first_code = 1, .first_suffix = (int32_t)first_suffix, .size = (int32_t)size};
}

void vocab_add_text(vocab_t *v, int64_t text)
{
    const int64_t first = (int64_t)v->size + VOCAB_MARKERS + 1;
    if (text < 1 || text > INT32_MAX - first) die(EX_DATAERR, "no vocabulary of %lld text tokens: expected 1 or more, and fewer than 2^31 tokens in all", (long long)text);
    v->first_marker = v->size;
    v->end = v->first_marker + VOCAB_MARKERS;
    v->first_text = v->end + 1;
    v->text = (int32_t)text;
    v->size = v->first_text + v->text;
}

int vocab_sid(const vocab_t *v, const sids_t *s, int64_t item, int32_t *out)
{
    const int32_t *code = s->code + item * s->levels;
    for (int l = 0; l < s->levels; l++) out[l] = v->first_code + l * v->codes + code[l];
    if (s->suffix[item] < 0) return s->levels;
    out[s->levels] = v->first_suffix + s->suffix[item];
    return s->levels + 1;
}

int32_t vocab_level(const vocab_t *v, int level, int32_t *first)
{
    *first = level < v->levels ? v->first_code + level * v->codes : v->first_suffix;
    return level < v->levels ? v->codes : v->max_suffix;
}

void vocab_name(const vocab_t *v, int32_t token, char *name)
{
    const int32_t code = token - v->first_code, suffix = token - v->first_suffix, marker = token - v->first_marker;
    if (token == v->bos) snprintf(name, VOCAB_NAME, "<|history|>");
    else if (suffix < 0) snprintf(name, VOCAB_NAME, "<%c_%d>", 'a' + code / v->codes, code % v->codes);
    else if (suffix < v->max_suffix) snprintf(name, VOCAB_NAME, "<%c_%d>", 'a' + v->levels, suffix);
    else if (token == v->end) snprintf(name, VOCAB_NAME, "<|end|>");
    else if (marker == VOCAB_SEPARATOR) snprintf(name, VOCAB_NAME, "<|answer|>");
    else if (marker == VOCAB_NEXT) snprintf(name, VOCAB_NAME, "<|and|>");
    else snprintf(name, VOCAB_NAME, "<|task_%d|>", marker - VOCAB_TASK + 2);
}
