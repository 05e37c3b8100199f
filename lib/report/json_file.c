#include "report/json_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"

static cJSON *parse(const char *text, size_t n, const char **why)
{
    json_error_t error = {.why = "UTF-8"};
    const bool sound = utf8_valid(text, n) && json_check(text, n, &error);
    cJSON *json = sound ? cJSON_ParseWithLength(text, n) : NULL;
    *why = error.why;
    if (cJSON_IsObject(json)) return json;
    if (json) *why = "an object";
    cJSON_Delete(json);
    return NULL;
}

cJSON *json_file_read(const char *path, const char *expected)
{
    const char *why;
    bytes_t b = in_bytes(path);
    cJSON *json = parse((const char *)b.data, b.len, &why);
    if (!json) die(EX_DATAERR, "%s: not a JSON object, expected %s", b.name, expected);
    in_free(&b);
    return json;
}

cJSON *json_file_line(const char *name, long long line, const char *text, size_t n)
{
    const char *why;
    cJSON *json = parse(text, n, &why);
    if (!json) die_at(name, line, "not a JSON object: expected %s", why);
    return json;
}

static void add_list(buf_t *out, const cJSON *list, bool named)
{
    const cJSON *element;
    cJSON_ArrayForEach(element, list)
    {
        if (element != list->child) buf_puts(out, ",");
        if (named) {
            json_add_text(out, element->string);
            buf_puts(out, ":");
        }
        json_add(out, element);
    }
}

void json_add(buf_t *out, const cJSON *value)
{
    if (cJSON_IsNumber(value)) {
        buf_json_number(out, value->valuedouble);
    } else if (cJSON_IsString(value)) {
        json_add_text(out, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
    } else if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
        const bool named = cJSON_IsObject(value);
        buf_puts(out, named ? "{" : "[");
        add_list(out, value, named);
        buf_puts(out, named ? "}" : "]");
    } else {
        buf_puts(out, "null");
    }
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

void json_add_members(buf_t *out, const cJSON *object, const char *const *without)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (!member->string || is_one_of(member->string, without)) continue;
        buf_puts(out, ",");
        json_add_text(out, member->string);
        buf_puts(out, ":");
        json_add(out, member);
    }
}

void json_add_text(buf_t *out, const char *s)
{
    if (!s) {
        buf_puts(out, "null");
        return;
    }
    char *text = xstrdup(s);
    utf8_mend(text, strlen(text));
    buf_json_string(out, text, strlen(text));
    free(text);
}

void json_add_whole(buf_t *out, const int64_t *value, int64_t n)
{
    buf_puts(out, "[");
    for (int64_t i = 0; i < n; i++) buf_printf(out, i ? ",%lld" : "%lld", (long long)value[i]);
    buf_puts(out, "]");
}
