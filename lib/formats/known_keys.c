#include "formats/known_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

known_key_t *known_keys_find(known_keys_t *k, const json_member_t *m, bool *fresh)
{
    const size_t n = (size_t)(m->key_end - m->key);
    *fresh = false;
    for (int i = 0; i < k->count; i++) {
        const int at = (k->next + i) % k->count;
        if (k->keys[at].n != n || memcmp(k->keys[at].text, m->key, n) != 0) continue;
        k->next = at + 1;
        return &k->keys[at];
    }
    *fresh = true;
    if (k->count == KNOWN_KEYS) return &k->spare;
    known_key_t *key = &k->keys[k->count++];
    key->text = xstrndup(m->key, key->n = n);
    return key;
}

void known_keys_free(known_keys_t *k)
{
    for (int i = 0; i < k->count; i++) free(k->keys[i].text);
}
