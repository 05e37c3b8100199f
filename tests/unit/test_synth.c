#include "synth/picture.h"
#include "synth/synth.h"
#include "synth/synth_world.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>

#include "unit.h"

static const synth_config_t plain = {.items = 2000, .users = 400, .seed = 1, .intents = SYNTH_INTENTS, .drift = 0.15, .mean_length = 9.5};

TEST(style_and_scene_together_name_one_intent)
{
    bool seen[SYNTH_STYLES][SYNTH_SCENES] = {{false}};
    for (int k = 0; k < SYNTH_INTENTS; k++) {
        const synth_intent_t *t = &synth_intents[k];
        CHECK(!seen[t->style][t->scene]);
        seen[t->style][t->scene] = true;
        CHECK(t->leans[0] != t->leans[1]);
        for (int p = 0; p < INTENT_PHRASES; p++) CHECK(t->phrases[p] && *t->phrases[p]);
    }
}

TEST(every_type_is_complete)
{
    for (int k = 0; k < SYNTH_TYPES; k++) {
        const synth_type_t *t = &synth_types[k];
        CHECK(t->department == k / 5);
        CHECK(t->price > 0 && t->parts[0].w > 0);
        bool has_body = false;
        for (int i = 0; i < TYPE_PARTS; i++) has_body |= t->parts[i].w > 0 && t->parts[i].paint == PAINT_BODY;
        CHECK(has_body);
        for (int i = 0; i < TYPE_NOUNS; i++) CHECK(t->nouns[i] && *t->nouns[i]);
        for (int i = 0; i < TYPE_FEATURES; i++) CHECK(t->features[i] && *t->features[i]);
    }
}

TEST(modes_take_a_third_each_and_one_picture_carries_one_intent)
{
    synth_t *s = synth_new(&plain);
    int modes[3] = {0}, slots = 0, pairs = 0;
    for (int64_t i = 0; i < plain.items; i++) {
        const synth_item_t *item = &s->items[i];
        int pictured = 0;
        for (int k = 0; k < item->intent_count; k++, slots++) {
            modes[item->modes[k]]++;
            pictured += item->modes[k] != SYNTH_TOLD;
        }
        CHECK(pictured <= 1);
        pairs += item->intent_count == 2;
        CHECK(item->intent_count == 1 || item->intents[0] != item->intents[1]);
    }
    for (int m = 0; m < 3; m++) CHECK_NEAR(modes[m] / (double)slots, 1 / 3.0, 0.04);
    CHECK_NEAR(pairs / (double)plain.items, 0.3, 0.04);
    synth_free(s);
}

TEST(evidence_stands_where_the_mode_puts_it)
{
    synth_t *s = synth_new(&plain);
    for (int64_t i = 0; i < plain.items; i++) {
        const synth_item_t *item = &s->items[i];
        for (int k = 0; k < item->intent_count; k++) {
            const synth_intent_t *t = &synth_intents[item->intents[k]];
            if (item->modes[k] == SYNTH_SHOWN) CHECK(item->scene == t->scene && item->palette == t->style);
            if (item->modes[k] == SYNTH_IMPLIED) CHECK(item->scene == t->scene && item->palette == -1 && item->text_style == t->style);
        }
    }
    synth_free(s);
}

static bool mentions(const char *text, const char *word)
{
    for (const char *p = text; (p = strcasestr(p, word)); p++) {
        char before = p == text ? ' ' : p[-1], after = p[strlen(word)];
        if (!strchr("abcdefghijklmnopqrstuvwxyz-", before) && !(after && strchr("abcdefghijklmnopqrstuvwxyz-", after))) return true;
    }
    return false;
}

static bool mentions_any(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (mentions(text, words[i])) return true;
    return false;
}

/* Title and description, on two lines; caller frees. */
static char *item_text(const synth_t *s, int64_t i)
{
    buf_t line = {0}, text = {0};
    synth_item_json(s, i, NULL, &line);
    cJSON *json = cJSON_Parse(line.data);
    CHECK(json && line.data[line.len - 1] == '\n');
    buf_printf(&text, "%s\n%s", cJSON_GetObjectItem(json, "title")->valuestring, cJSON_GetObjectItem(json, "description")->valuestring);
    cJSON_Delete(json);
    buf_free(&line);
    return text.data;
}

TEST(texts_tell_what_the_modes_say_and_nothing_else)
{
    synth_t *s = synth_new(&plain);
    for (int64_t i = 0; i < plain.items; i++) {
        const synth_item_t *item = &s->items[i];
        char *text = item_text(s, i);
        CHECK(!strpbrk(text, "{}"));
        for (int k = 0; k < SYNTH_STYLES; k++) CHECK(mentions_any(text, synth_styles[k].words, STYLE_WORDS) == (k == item->text_style));
        for (int k = 0; k < SYNTH_INTENTS; k++) {
            bool told = false;
            for (int j = 0; j < item->intent_count; j++) told |= item->modes[j] == SYNTH_TOLD && item->intents[j] == k;
            CHECK(mentions_any(text, synth_intents[k].phrases, INTENT_PHRASES) == told);
        }
        free(text);
    }
    synth_free(s);
}

TEST(fewer_intents_keep_to_the_first)
{
    synth_config_t config = plain;
    config.intents = 6;
    synth_t *s = synth_new(&config);
    for (int64_t i = 0; i < config.items; i++)
        for (int k = 0; k < s->items[i].intent_count; k++) CHECK(s->items[i].intents[k] < 6);
    for (int k = 0; k < 6; k++) CHECK(s->served[k].n > 0);
    synth_free(s);
}

static void check_history(const synth_t *s, int64_t u, int at_least)
{
    synth_event_t events[SYNTH_MAX_LENGTH];
    int n = synth_history(s, u, events);
    CHECK(n >= at_least && n <= SYNTH_MAX_LENGTH);
    for (int t = 0; t < n; t++) {
        CHECK(events[t].item >= 0 && events[t].item < s->config.items);
        CHECK(events[t].rating >= 1 && events[t].rating <= 5);
        CHECK(t == 0 || events[t].timestamp > events[t - 1].timestamp);
        for (int k = 0; k < t; k++) CHECK(events[k].item != events[t].item);
    }
}

TEST(histories_ascend_in_time_without_repeats)
{
    synth_t *s = synth_new(&plain);
    double events_total = 0;
    for (int64_t u = 0; u < plain.users; u++) {
        synth_event_t events[SYNTH_MAX_LENGTH];
        check_history(s, u, SYNTH_MIN_LENGTH);
        events_total += synth_history(s, u, events);
    }
    CHECK_NEAR(events_total / (double)plain.users, plain.mean_length, 1);
    synth_free(s);
}

TEST(the_smallest_catalogue_still_gives_histories)
{
    synth_config_t config = {.items = 10, .users = 100, .seed = 3, .intents = 6, .drift = 1, .mean_length = 20};
    synth_t *s = synth_new(&config);
    for (int64_t u = 0; u < config.users; u++) check_history(s, u, 5);
    synth_free(s);
}

/* Share of neighbouring events that have an intent in common. */
static double shared_intents(double drift)
{
    synth_config_t config = plain;
    config.drift = drift;
    synth_t *s = synth_new(&config);
    int pairs = 0, shared = 0;
    for (int64_t u = 0; u < config.users; u++) {
        synth_event_t e[SYNTH_MAX_LENGTH];
        int n = synth_history(s, u, e);
        for (int t = 1; t < n; t++, pairs++) {
            const synth_item_t *a = &s->items[e[t - 1].item], *b = &s->items[e[t].item];
            bool any = false;
            for (int i = 0; i < a->intent_count; i++)
                for (int j = 0; j < b->intent_count; j++) any |= a->intents[i] == b->intents[j];
            shared += any;
        }
    }
    synth_free(s);
    return shared / (double)pairs;
}

TEST(users_follow_an_intent_and_drift_loosens_it)
{
    double steady = shared_intents(0), drifting = shared_intents(0.15), restless = shared_intents(1);
    CHECK(steady > drifting && drifting > restless);
    CHECK(drifting > 0.3); /* by chance it would be about 0.07 */
}

TEST(a_seed_fixes_everything_and_another_changes_it)
{
    synth_config_t other = plain;
    other.seed = 2;
    synth_t *a = synth_new(&plain), *b = synth_new(&plain), *c = synth_new(&other);
    buf_t x = {0}, y = {0}, z = {0};
    synth_item_json(a, 7, "images/x.png", &x);
    synth_item_json(b, 7, "images/x.png", &y);
    synth_item_json(c, 7, "images/x.png", &z);
    CHECK(!strcmp(x.data, y.data));
    CHECK(strcmp(x.data, z.data));
    picture_t p = picture_new(32), q = picture_new(32);
    synth_picture(a, 7, &p);
    synth_picture(b, 7, &q);
    CHECK(!memcmp(p.pixels, q.pixels, 32 * 32 * sizeof(picture_rgb_t)));
    synth_picture(c, 7, &q);
    CHECK(memcmp(p.pixels, q.pixels, 32 * 32 * sizeof(picture_rgb_t)));
    picture_free(&p);
    picture_free(&q);
    buf_free(&x);
    buf_free(&y);
    buf_free(&z);
    synth_free(a);
    synth_free(b);
    synth_free(c);
}

static double painted_area(picture_part_t part)
{
    picture_t p = picture_new(100);
    picture_shape(&p, &part, (picture_rgb_t){1, 1, 1}, 1, 0);
    double sum = 0;
    for (int i = 0; i < 100 * 100; i++) sum += (double)p.pixels[i].g;
    picture_free(&p);
    return sum / (100 * 100);
}

TEST(shapes_cover_their_area)
{
    CHECK_NEAR(painted_area((picture_part_t){PART_BOX, .5f, .5f, .4f, .2f, 0, 0, 0}), 0.08, 0.002);
    CHECK_NEAR(painted_area((picture_part_t){PART_BOX, .5f, .5f, .4f, .2f, 0, .7f, 0}), 0.08, 0.002);
    CHECK_NEAR(painted_area((picture_part_t){PART_BOX, .5f, .5f, .4f, .4f, .2f, 0, 0}), M_PI * 0.04, 0.002);
    CHECK_NEAR(painted_area((picture_part_t){PART_ELLIPSE, .5f, .5f, .6f, .3f, 0, 0, 0}), M_PI * 0.3 * 0.15, 0.003);
    CHECK_NEAR(painted_area((picture_part_t){PART_RING, .5f, .5f, .6f, .6f, .1f, 0, 0}), M_PI * (0.35 * 0.35 - 0.25 * 0.25), 0.004);
    CHECK_NEAR(painted_area((picture_part_t){PART_TRAPEZOID, .5f, .5f, .4f, .4f, .5f, 0, 0}), 0.12, 0.004);
    CHECK_NEAR(painted_area((picture_part_t){PART_BOX, 0, 0, .4f, .4f, 0, 0, 0}), 0.04, 0.002); /* cut off by the canvas */
    CHECK_NEAR(painted_area((picture_part_t){PART_BOX, 3, 3, .4f, .4f, 0, 0, 0}), 0, 0);
}

TEST(pictures_encode_as_png)
{
    picture_t p = picture_new(17);
    picture_gradient(&p, (picture_rgb_t){-1, 0, 2}, (picture_rgb_t){1, NAN, 0}); /* out of range: clamped */
    size_t len;
    unsigned char *png = picture_png(&p, &len);
    CHECK(len > 33 && !memcmp(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x11\0\0\0\x11\x08\x02", 26));
    free(png);
    picture_free(&p);
}

UNIT_MAIN(UNIT(style_and_scene_together_name_one_intent), UNIT(every_type_is_complete),
          UNIT(modes_take_a_third_each_and_one_picture_carries_one_intent), UNIT(evidence_stands_where_the_mode_puts_it),
          UNIT(texts_tell_what_the_modes_say_and_nothing_else), UNIT(fewer_intents_keep_to_the_first),
          UNIT(histories_ascend_in_time_without_repeats), UNIT(the_smallest_catalogue_still_gives_histories),
          UNIT(users_follow_an_intent_and_drift_loosens_it), UNIT(a_seed_fixes_everything_and_another_changes_it),
          UNIT(shapes_cover_their_area), UNIT(pictures_encode_as_png))
