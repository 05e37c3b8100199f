#include "data/config.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static bool is_free(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

static bool in_range(const cli_option_t *o, double v)
{
    return isfinite(v) && v >= o->min && v <= o->max;
}

static bool set_choice(const cli_option_t *o, const char *text)
{
    for (int c = 0; o->choices[c]; c++) {
        if (strcmp(o->choices[c], text) != 0) continue;
        *o->text = o->choices[c];
        return true;
    }
    return false;
}

/* Returns false where the value is none that the option could have. Strings live as long as the program. */
static bool set(const cli_option_t *o, const cJSON *v)
{
    switch (o->kind) {
    case CLI_HEADING: return false;
    case CLI_FLAG:
        *o->flag = cJSON_IsTrue(v);
        return cJSON_IsBool(v);
    case CLI_INT:
        if (!cJSON_IsNumber(v) || !in_range(o, v->valuedouble) || fabs(v->valuedouble) > 0x1p53 ||
            v->valuedouble != floor(v->valuedouble))
            return false;
        *o->whole = (int64_t)v->valuedouble;
        return true;
    case CLI_REAL:
        if (!cJSON_IsNumber(v) || !in_range(o, v->valuedouble)) return false;
        *o->real = v->valuedouble;
        return true;
    case CLI_STRING:
        if (!cJSON_IsString(v) && !cJSON_IsNull(v)) return false;
        *o->text = cJSON_IsNull(v) ? NULL : xstrdup(v->valuestring);
        return true;
    case CLI_CHOICE: return cJSON_IsString(v) && set_choice(o, v->valuestring);
    case CLI_LIST: return false;
    }
    return false;
}

void config_apply(const cli_t *cli, const st_file_t *f, const char *const *free_options)
{
    const char *text = st_meta(f, "config");
    char *mine = cli_config(cli);
    cJSON *theirs = text ? cJSON_Parse(text) : NULL, *ours = cJSON_Parse(mine);
    if (!cJSON_IsObject(theirs)) die_at(f->name, 0, "metadata 'config': expected a JSON object of %s's options", cli->name);
    for (int i = 0; i < cli->count; i++) {
        const cli_option_t *o = &cli->options[i];
        if (!o->shapes || (is_free(o->name, free_options) && cli_given(o->name))) continue;
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(theirs, o->name);
        if (!v) die_at(f->name, 0, "metadata 'config': no '%s', expected all of %s's options", o->name, cli->name);
        if (cli_given(o->name) && !cJSON_Compare(v, cJSON_GetObjectItemCaseSensitive(ours, o->name), true)) {
            char *fitted = cJSON_PrintUnformatted(v);
            die(EX_USAGE, "--%s: %s was made with %s; leave the option out, or make a fit with it", o->name, f->name, fitted);
        }
        if (!set(o, v)) die_at(f->name, 0, "metadata 'config': '%s' has a value that --%s does not take", o->name, o->name);
    }
    cJSON_Delete(theirs);
    cJSON_Delete(ours);
    free(mine);
}
