#include "bpe/tokenizer_extend.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "bpe/tokenizer.h"

static cJSON *added_token(const more_token_t *token, int32_t id)
{
    cJSON *t = cJSON_CreateObject();
    cJSON_AddNumberToObject(t, "id", id);
    cJSON_AddStringToObject(t, "content", token->text);
    cJSON_AddFalseToObject(t, "single_word");
    cJSON_AddFalseToObject(t, "lstrip");
    cJSON_AddFalseToObject(t, "rstrip");
    cJSON_AddFalseToObject(t, "normalized");
    cJSON_AddBoolToObject(t, "special", token->special);
    return t;
}

/* Returns the file's list of added tokens, a new one where it has none. */
static cJSON *added_tokens(cJSON *file)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(file, "added_tokens");
    if (cJSON_IsArray(list)) return list;
    cJSON_DeleteItemFromObjectCaseSensitive(file, "added_tokens");
    return cJSON_AddArrayToObject(file, "added_tokens");
}

void tokenizer_extend(const char *name, const void *json, size_t n, const more_token_t *more, int64_t count, buf_t *out)
{
    tokenizer_t *t = tokenizer_parse(name, json, n);
    cJSON *file = cJSON_ParseWithLength(json, n), *list = file ? added_tokens(file) : NULL;
    if (!list) die_at(name, 0, "no tokenizer.json");
    const int32_t first = tokenizer_size(t);
    for (int64_t i = 0; i < count; i++) {
        if (tokenizer_id(t, more[i].text, strlen(more[i].text)) >= 0) die_at(name, 0, "has a token \"%s\" already", more[i].text);
        cJSON_AddItemToArray(list, added_token(&more[i], first + (int32_t)i));
    }
    char *text = cJSON_PrintUnformatted(file);
    if (!text) die(EX_OSERR, "out of memory");
    buf_puts(out, text);
    buf_puts(out, "\n");
    free(text);
    cJSON_Delete(file);
    tokenizer_free(t);
}
