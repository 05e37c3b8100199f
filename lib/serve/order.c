#include "serve/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"
#include "score/ranker.h"

static const char *const members[] = {"history", "histories", "k", "exclude", "exclude_seen", "filter", "unfold", NULL};

static bool refuse(buf_t *why, const char *what)
{
    buf_puts(why, what);
    return false;
}

static bool known_member(const char *name)
{
    for (int i = 0; members[i]; i++)
        if (!strcmp(members[i], name)) return true;
    return false;
}

/* Parses a text that is one JSON object of known members, each once; NULL if it is not. */
static cJSON *parse(const char *text, size_t length, buf_t *why)
{
    json_error_t error;
    if (!length || !utf8_valid(text, length)) return refuse(why, "expected a JSON object in UTF-8"), NULL;
    if (!json_check(text, length, &error)) return buf_printf(why, "not JSON at byte %zu: %s", error.at + 1, error.why), NULL;
    cJSON *json = cJSON_ParseWithLength(text, length);
    const cJSON *member;
    bool right = cJSON_IsObject(json);
    if (!right) refuse(why, "expected a JSON object");
    if (right) cJSON_ArrayForEach(member, json) {
        right = known_member(member->string);
        if (right) continue;
        buf_puts(why, "unexpected member, expected history, histories, k, exclude, exclude_seen, filter, unfold");
        break;
    }
    if (right) return json;
    cJSON_Delete(json);
    return NULL;
}

static bool is_id_list(const cJSON *list)
{
    const cJSON *id;
    if (!cJSON_IsArray(list)) return false;
    cJSON_ArrayForEach(id, list)
        if (!cJSON_IsString(id)) return false;
    return true;
}

static int64_t find(const order_t *o, const cJSON *id)
{
    return strtab_find(engine_ids(edition_engine(o->edition)), id->valuestring, strlen(id->valuestring));
}

/* Puts the known items of a list at `at`; returns their number. */
static int64_t take_items(order_t *o, const cJSON *list, int32_t *at, int64_t *unknown)
{
    const cJSON *id;
    int64_t count = 0;
    cJSON_ArrayForEach(id, list) {
        const int64_t item = find(o, id);
        if (item >= 0) at[count++] = (int32_t)item;
        else ++*unknown;
    }
    return count;
}

/* Takes n histories, `first` and its siblings. */
static bool take_histories(order_t *o, const cJSON *first, int64_t n, const order_limits_t *most, buf_t *why)
{
    int64_t events = 0;
    const cJSON *list = first;
    for (int64_t i = 0; i < n; i++, list = list->next) {
        if (!is_id_list(list))
            return refuse(why, o->many ? "\"histories\": expected a list of lists of ids" : "\"history\": expected a list of ids");
        const int64_t count = cJSON_GetArraySize(list);
        events += count;
        if (count <= most->items) continue;
        buf_printf(why, "a history of %lld ids, expected at most %lld", (long long)count, (long long)most->items);
        return false;
    }
    o->n = n;
    o->histories = NEW_ARRAY(history_t, n + 1);
    o->unknown = NEW_ARRAY(int64_t, n + 1);
    o->block = NEW_ARRAY(int32_t, events + 1);
    int32_t *at = o->block;
    for (list = first; list && n > 0; list = list->next, n--) {
        const int64_t i = o->n - n, count = take_items(o, list, at, &o->unknown[i]);
        o->histories[i] = (history_t){at, count, -1};
        at += count;
    }
    return true;
}

static bool read_histories(order_t *o, const cJSON *json, const order_limits_t *most, buf_t *why)
{
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(json, "history"), *many = cJSON_GetObjectItemCaseSensitive(json, "histories");
    if (!one == !many) return refuse(why, "expected either \"history\" or \"histories\"");
    o->many = many;
    if (one) return take_histories(o, one, 1, most, why);
    if (!cJSON_IsArray(many)) return refuse(why, "\"histories\": expected a list of lists of ids");
    const int64_t n = cJSON_GetArraySize(many);
    if (n <= most->histories) return take_histories(o, many->child, n, most, why);
    buf_printf(why, "\"histories\": expected at most %lld", (long long)most->histories);
    return false;
}

static bool read_flag(const cJSON *json, const char *name, bool *flag, buf_t *why)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, name);
    *flag = cJSON_IsTrue(value);
    if (!value || cJSON_IsBool(value)) return true;
    buf_printf(why, "\"%s\": expected true or false", name);
    return false;
}

static bool read_flags(order_t *o, const cJSON *json, buf_t *why)
{
    if (!read_flag(json, "exclude_seen", &o->exclude_seen, why) || !read_flag(json, "unfold", &o->unfold, why)) return false;
    return !(o->unfold && o->many) || refuse(why, "\"unfold\" goes with one \"history\"");
}

static bool read_k(order_t *o, const cJSON *json, const order_limits_t *most, buf_t *why)
{
    const cJSON *k = cJSON_GetObjectItemCaseSensitive(json, "k");
    const double wanted = k ? k->valuedouble : most->k < 10 ? (double)most->k : 10;
    if ((k && !cJSON_IsNumber(k)) || !(wanted >= 1 && wanted <= (double)most->k) || wanted != (double)(int64_t)wanted) {
        buf_printf(why, "\"k\": expected a whole number from 1 to %lld", (long long)most->k);
        return false;
    }
    o->k = (int64_t)wanted;
    return true;
}

static bool read_filter(order_t *o, const cJSON *filter, buf_t *why)
{
    if (!filter) return true;
    if (!edition_records(o->edition)) return refuse(why, "\"filter\": nothing is known of the items; serve was started without --items");
    conditions_t c = {0};
    const char *wrong = conditions_add_json(&c, filter);
    bool own = false;
    if (!wrong) o->within = edition_meet(o->edition, &c, &own);
    if (own) o->own = (item_set_t *)o->within;
    conditions_free(&c);
    return wrong ? refuse(why, wrong) : true;
}

static bool read_exclude(order_t *o, const cJSON *list, buf_t *why)
{
    const cJSON *id;
    if (!list) return true;
    if (!is_id_list(list)) return refuse(why, "\"exclude\": expected a list of ids");
    const engine_t *e = edition_engine(o->edition);
    if (!o->own) o->own = o->within ? item_set_copy(o->within) : item_set_all(engine_ids(e)->count, engine_trie(e));
    o->within = o->own;
    cJSON_ArrayForEach(id, list) {
        const int64_t item = find(o, id);
        if (item >= 0) item_set_remove(o->own, (int32_t)item);
    }
    return true;
}

bool order_read(order_t *o, edition_t *e, const char *text, size_t length, const order_limits_t *most, buf_t *why)
{
    *o = (order_t){.edition = edition_hold(e)};
    cJSON *json = parse(text, length, why);
    const bool right = json && read_histories(o, json, most, why) && read_k(o, json, most, why) && read_flags(o, json, why) &&
                       read_filter(o, cJSON_GetObjectItemCaseSensitive(json, "filter"), why) &&
                       read_exclude(o, cJSON_GetObjectItemCaseSensitive(json, "exclude"), why);
    cJSON_Delete(json);
    if (!right) order_free(o);
    return right;
}

void order_free(order_t *o)
{
    item_set_free(o->own);
    free(o->histories);
    free(o->unknown);
    free(o->block);
    edition_release(o->edition);
    *o = (order_t){0};
}

void order_write(const order_t *o, const int32_t *items, const float *scores, const unfolding_t *unfolding, buf_t *out)
{
    if (o->many) buf_puts(out, "{\"lists\":[");
    for (int64_t i = 0; i < o->n; i++) {
        if (i) buf_puts(out, ",");
        answer_write(&(answer_t){edition_engine(o->edition), edition_records(o->edition), o->k, items + i * o->k, scores + i * o->k,
                                 o->unknown[i], o->within, o->unfold ? unfolding : NULL}, out);
    }
    buf_puts(out, o->many ? "]}\n" : "\n");
}
