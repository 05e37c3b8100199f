#include "ingest/pictures.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/item_errors.h"
#include "data/items.h"
#include "data/json.h"
#include "data/relpath.h"
#include "ingest/picture_targets.h"

pictures_options_t pictures_options = {.jobs = 32, .per_host = 8, .min_bytes = 100, .max_bytes = 20 << 20, .net = &download_options};

/* What a record has, besides targets (0 and up). */
enum { NOT_WANTED = -1, OWN_FILE = -2, NO_URL = -3, BAD_URL = -4 };

struct pictures {
    pictures_options_t options;
    char *from, *way;      /* the records' folder, and the way from there to the store's */
    int32_t *state;        /* [count] of records: a target, or one of the above */
    int64_t count, cap;
    picture_targets_t *targets;
    tally_t tally;
};

/* --- Records come in ------------------------------------------------------------------------------------------------- */

pictures_t *pictures_open(const pictures_options_t *o, const char *from)
{
    pictures_t *p = NEW(pictures_t);
    p->options = *o;
    if (o->min_bytes > o->max_bytes) die(EX_USAGE, "--min-bytes is more than --max-bytes");
    p->targets = picture_targets_open(&p->options);
    char *folder = realpath(o->folder, NULL);
    if (!folder) die_errno(EX_CANTCREAT, "%s", o->folder);
    p->from = xstrdup(from);
    p->way = relpath_way(from, folder);
    if (!utf8_valid(p->way, strlen(p->way))) die(EX_USAGE, "%s: is not UTF-8, which records are", o->folder);
    free(folder);
    return p;
}

/* Copies a string value of the record, NULL where there is none. Caller frees. */
static char *string_value(const char *line, size_t n, const char *key)
{
    char *found = NULL;
    for (json_member_t m = {0}; !found && json_next_member(line, n, &m);) {
        if (*m.value != '"' || !json_member_is(&m, key)) continue;
        cJSON *json = cJSON_ParseWithLength(m.value, (size_t)(m.value_end - m.value));
        if (cJSON_IsString(json) && *json->valuestring) found = xstrdup(json->valuestring);
        cJSON_Delete(json);
    }
    return found;
}

/* Makes a URL as it is sent: without blanks around it, other bytes that URLs cannot hold as %XX; NULL for what is no http(s) URL.
 * Caller frees. */
static char *clean_url(const char *text)
{
    const char *blanks = " \t\r\n";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n && strchr(blanks, text[n - 1])) n--;
    if (!is_url(text)) return NULL;
    buf_t url = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c >= 127) buf_printf(&url, "%%%02X", c);
        else buf_add(&url, &text[i], 1);
    }
    return url.data;
}

static bool has_own_file(const pictures_t *p, const char *line, size_t n)
{
    char *image = string_value(line, n, "image");
    if (!image) return false;
    char *path = *image == '/' ? xstrdup(image) : xasprintf("%s/%s", p->from, image);
    struct stat st;
    bool has = !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, R_OK);
    free(path);
    free(image);
    return has;
}

static int32_t state_of(pictures_t *p, const char *line, size_t n)
{
    if (has_own_file(p, line, n)) return OWN_FILE;
    char *text = string_value(line, n, "image_url");
    if (!text) return NO_URL;
    char *url = clean_url(text);
    int32_t state = url ? picture_targets_find(p->targets, url) : BAD_URL;
    free(text);
    free(url);
    return state;
}

void pictures_want(pictures_t *p, int64_t i, const char *line, size_t n)
{
    while (p->count <= i) {
        GROW(p->state, p->count, p->cap);
        p->state[p->count++] = NOT_WANTED;
    }
    p->state[i] = state_of(p, line, n);
}

/* --- What became of it ----------------------------------------------------------------------------------------------- */

enum { OUTCOME_OWN, OUTCOME_THERE, OUTCOME_FETCHED, OUTCOME_SHARED, OUTCOME_NO_URL, OUTCOME_BAD_URL, OUTCOME_FAILED };
static const char *const outcomes[] = {"own_file", "already_there", "fetched", "shared", "no_image_url", "failed_bad_url"};

/* `counted`: targets that an earlier record had. */
static int outcome(const pictures_t *p, int32_t state, const bool *counted)
{
    if (state < 0) return state == OWN_FILE ? OUTCOME_OWN : state == NO_URL ? OUTCOME_NO_URL : OUTCOME_BAD_URL;
    const picture_target_t *t = picture_targets_get(p->targets, state);
    if (t->failure) return OUTCOME_FAILED + (int)t->failure;
    if (!t->asked) return OUTCOME_THERE;
    return t->shared || counted[state] ? OUTCOME_SHARED : OUTCOME_FETCHED;
}

/* Counts in the records' order, whatever came first. */
static void count_records(pictures_t *p)
{
    int64_t counts[OUTCOME_FAILED + PICTURE_FAILURES] = {0}, remembered = 0;
    bool *counted = NEW_ARRAY(bool, picture_targets_count(p->targets));
    for (int64_t i = 0; i < p->count; i++) {
        const int32_t state = p->state[i];
        if (state == NOT_WANTED) continue;
        counts[outcome(p, state, counted)]++;
        if (state < 0) continue;
        const picture_target_t *t = picture_targets_get(p->targets, state);
        remembered += t->failure && !t->asked && !counted[state];
        counted[state] = true;
    }
    free(counted);
    for (int i = 0; i < OUTCOME_FAILED + PICTURE_FAILURES; i++) {
        if (!counts[i]) continue;
        const char *name = i < OUTCOME_FAILED ? outcomes[i] : picture_failure_tally((picture_failure_t)(i - OUTCOME_FAILED));
        tally_add(&p->tally, name, counts[i]);
    }
    if (remembered)
        note("%lld pictures could not be had in an earlier run and were not asked for again; --retry-failed does that",
             (long long)remembered);
}

void pictures_fetch(pictures_t *p)
{
    picture_targets_fetch(p->targets);
    count_records(p);
}

const tally_t *pictures_tally(const pictures_t *p) { return &p->tally; }

bool pictures_has(const pictures_t *p, int64_t i)
{
    int32_t state = i < p->count ? p->state[i] : NOT_WANTED;
    return state == OWN_FILE || (state >= 0 && !picture_targets_get(p->targets, state)->failure);
}

static void put_image(const pictures_t *p, const picture_target_t *t, buf_t *line)
{
    char name[PICTURE_NAME];
    picture_name(&t->file, name);
    char *path = *p->way ? xasprintf("%s/%s", p->way, name) : xstrdup(name);
    buf_t json = {0};
    buf_json_string(&json, path, strlen(path));
    items_splice(line, "image", json.data);
    buf_free(&json);
    free(path);
}

void pictures_edit(const pictures_t *p, int64_t i, buf_t *line)
{
    int32_t state = i < p->count ? p->state[i] : NOT_WANTED;
    if (state == NOT_WANTED) return;
    const picture_target_t *t = state >= 0 ? picture_targets_get(p->targets, state) : NULL;
    buf_t entries = {0};
    if (t && !t->failure) {
        put_image(p, t, line);
    } else if (t || state == BAD_URL) {
        char *why = t ? picture_targets_why(p->targets, state) : xstrdup("not an http or https URL");
        char *message = xasprintf("image_url: %s", why);
        item_errors_add(&entries, "ingest", message);
        free(message);
        free(why);
    }
    item_errors_put(line, "ingest", &entries);
    buf_free(&entries);
}

void pictures_close(pictures_t *p)
{
    if (!p) return;
    picture_targets_close(p->targets);
    free(p->state);
    free(p->from);
    free(p->way);
    free(p);
}
