#include "lm/base.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "lm/whole.h"

enum { MOST_RANK = 4096 };

static char *need_string(const st_file_t *f, const cJSON *j, const char *key)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, key));
    if (!s || !*s) die_at(f->name, 0, "metadata \"base\": \"%s\" must be a string", key);
    return xstrdup(s);
}

static double need_number(const st_file_t *f, const cJSON *j, const char *key, double least, double most)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, key);
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= least && v->valuedouble <= most))
        die_at(f->name, 0, "metadata \"base\": \"%s\" must be a number from %g to %g", key, least, most);
    return v->valuedouble;
}

static lora_t read_lora(const st_file_t *f, const cJSON *j)
{
    lora_t l = {.rank = (int64_t)need_number(f, j, "rank", 0, MOST_RANK), .alpha = need_number(f, j, "alpha", 0, 1e6)};
    const char *targets = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "targets"));
    if (l.rank && (!targets || !lora_parse(targets, &l)))
        die_at(f->name, 0, "metadata \"base\": \"targets\" must be a list as --lora-targets takes it");
    return l;
}

bool base_read(const st_file_t *f, base_t *b)
{
    const char *text = st_meta(f, "base");
    *b = (base_t){0};
    if (!text) return false;
    cJSON *j = cJSON_Parse(text);
    if (!cJSON_IsObject(j)) die_at(f->name, 0, "metadata \"base\" must be a JSON object");
    b->folder = need_string(f, j, "folder");
    b->digest = need_string(f, j, "digest");
    b->adapter.lora = read_lora(f, cJSON_GetObjectItemCaseSensitive(j, "lora"));
    cJSON_Delete(j);
    return true;
}

model_t *base_open(base_t *b, const char *name)
{
    const char *elsewhere = b->digest ? getenv("SIDMILL_BASE") : NULL, *folder = elsewhere && *elsewhere ? elsewhere : b->folder;
    if (b->digest && access(folder, F_OK))
        die(EX_NOINPUT, "%s: its base is not at %s: say where it is by SIDMILL_BASE", name, folder);
    b->backbone = backbone_open(folder, &b->adapter);
    if (!b->digest) b->digest = xstrdup(b->backbone->digest);
    if (strcmp(b->digest, b->backbone->digest) != 0)
        die(EX_DATAERR, "%s: trained on another base than %s (digest %s, this folder has %s)", name, folder, b->digest,
            b->backbone->digest);
    return backbone_take(b->backbone);
}

model_t *base_leave(base_t *b, model_t *on, bool sparse)
{
    model_t *m = whole_model(on, sparse);
    model_free(on);
    backbone_close_weights(b->backbone);
    free(b->folder);
    b->folder = NULL;
    return m;
}

char *base_json(const base_t *b)
{
    buf_t out = {0};
    char *targets = lora_list(&b->adapter.lora);
    buf_puts(&out, "{\"folder\":");
    buf_json_string(&out, b->folder, strlen(b->folder));
    buf_printf(&out, ",\"digest\":\"%s\",\"lora\":{\"rank\":%lld,\"alpha\":%.9g,\"targets\":\"%s\"}}", b->digest,
               (long long)b->adapter.lora.rank, b->adapter.lora.alpha, targets);
    char *json = xstrdup(out.data);
    buf_free(&out);
    free(targets);
    return json;
}

void base_free(base_t *b)
{
    backbone_close(b->backbone);
    free(b->folder);
    free(b->digest);
    *b = (base_t){0};
}
