#include "intent/labels.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/one_line.h"

/* NULL for a label that is not used. Caller frees. */
static char *clean(const char *label)
{
    char *s = (char *)utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)label);
    if (!s) return NULL;
    one_line(s);
    size_t n = strlen(s);
    if (n && n <= LABEL_MAX_LENGTH) return s;
    free(s);
    return NULL;
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool labels_text(const cJSON *labels, buf_t *out)
{
    char *list[LABELS_MAX];
    size_t count = 0, written = 0;
    const cJSON *e;
    cJSON_ArrayForEach(e, labels) {
        char *s = count < LABELS_MAX && cJSON_IsString(e) ? clean(e->valuestring) : NULL;
        if (s) list[count++] = s;
    }
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0; i < count; i++) {
        if (i && !strcmp(list[i], list[i - 1])) continue;
        if (written++) buf_puts(out, ", ");
        buf_puts(out, list[i]);
    }
    for (size_t i = 0; i < count; i++) free(list[i]);
    return written > 0;
}
