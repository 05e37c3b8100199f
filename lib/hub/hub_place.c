#include "hub/hub_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/out.h"

char *hub_path(const hub_t *h, const char *file) { return xasprintf("%s/%s", h->folder, file); }

void hub_write_json(const hub_t *h, const char *file, cJSON *j)
{
    char *path = hub_path(h, file), *json = cJSON_Print(j);
    if (!json) die(EX_OSERR, "out of memory");
    char *line = xasprintf("%s\n", json);
    out_whole(path, line, strlen(line));
    free(line);
    free(json);
    free(path);
    cJSON_Delete(j);
}
