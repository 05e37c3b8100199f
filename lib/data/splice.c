#include "data/items.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/json.h"

/* Where a key stands in the record: offsets, because the text moves when it grows. */
typedef struct {
    bool found;
    bool first;              /* no member before it */
    bool empty;              /* the object has no members */
    size_t before;           /* end of the previous member's value */
    size_t key;
    size_t value, value_end;
    size_t next_key;         /* of the following member; 0 for the last */
    size_t last_end;         /* end of the object's last value, or behind its '{' */
    bool spaced;             /* the record writes ": ", not ":" */
} place_t;

/* Finds the key; of one that repeats the last, because that is what readers of JSON take. */
static place_t find_key(const buf_t *text, const char *key)
{
    place_t p = {0};
    size_t brace = 0, previous = 0;
    bool first = true, follows = false;
    while (brace < text->len && text->data[brace] != '{') brace++;
    if (brace == text->len) die(EX_SOFTWARE, "items_splice: the text is not an object");
    p.last_end = previous = brace + 1;
    for (json_member_t m = {0}; json_next_member(text->data, text->len, &m); first = false) {
        size_t start = (size_t)(m.key - text->data);
        if (first) p.spaced = m.value > m.key_end + 1;
        if (follows) p.next_key = start;
        follows = json_member_is(&m, key);
        p.last_end = (size_t)(m.value_end - text->data);
        if (follows) {
            p = (place_t){.found = true, .first = first, .before = previous, .key = start, .spaced = p.spaced,
                          .value = (size_t)(m.value - text->data), .value_end = p.last_end, .last_end = p.last_end};
        }
        previous = p.last_end;
    }
    p.empty = first;
    return p;
}

/* Puts `with` in the place of the bytes [from, to). */
static void replace(buf_t *text, size_t from, size_t to, const char *with)
{
    size_t tail_len = text->len - to;
    char *tail = xstrndup(text->data + to, tail_len);
    text->len = from;
    buf_puts(text, with);
    buf_add(text, tail, tail_len);
    free(tail);
}

static void append(buf_t *text, const place_t *p, const char *key, const char *json)
{
    buf_t member = {0};
    if (!p->empty) buf_puts(&member, p->spaced ? ", " : ",");
    buf_json_string(&member, key, strlen(key));
    buf_puts(&member, p->spaced ? ": " : ":");
    buf_puts(&member, json);
    replace(text, p->last_end, p->last_end, member.data);
    buf_free(&member);
}

void items_splice(buf_t *text, const char *key, const char *json)
{
    place_t p = find_key(text, key);
    if (json) {
        if (p.found) replace(text, p.value, p.value_end, json);
        else append(text, &p, key, json);
        return;
    }
    for (; p.found; p = find_key(text, key)) {
        if (!p.first) replace(text, p.before, p.value_end, "");
        else replace(text, p.key, p.next_key ? p.next_key : p.value_end, "");
    }
}
