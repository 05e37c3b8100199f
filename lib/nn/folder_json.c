#include "nn/folder_json.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "data/json.h"

cJSON *folder_json(const char *path, XXH3_state_t *digest)
{
    bytes_t b = in_bytes(path);
    const char *text = (const char *)b.data;
    json_error_t e;
    if (!utf8_valid(text, b.len)) die_at(path, 0, "not valid UTF-8");
    if (!json_check(text, b.len, &e)) die_at(path, 0, "not JSON at byte %zu: %s", e.at, e.why);
    cJSON *j = cJSON_ParseWithLength(text, b.len);
    if (!cJSON_IsObject(j)) die_at(path, 0, "not a JSON object");
    if (digest) {
        XXH3_128bits_update(digest, &b.len, sizeof b.len);
        XXH3_128bits_update(digest, b.data, b.len);
    }
    in_free(&b);
    return j;
}
