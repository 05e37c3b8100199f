#include "synth/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "synth/synth_draw.h"
#include "synth/synth_world.h"

static const double TWO_INTENTS = 0.3;      /* share of the items with a second intent */
static const double LEAN = 2.0;             /* extra weight of an intent in a department that it leans to */
static const double STRAY = 0.1;            /* chance of a style word, scene or palette that means nothing */
static const double POPULARITY_SLOPE = 0.65;
static const double POPULARITY_SHIFT = 5;
static const double OWN_BRAND = 0.8;        /* otherwise one of the brands that sell everything */
static const double BRAND_PRICE_SD = 0.30, ITEM_PRICE_SD = 0.25;

enum { OWN_BRANDS = 10, GENERAL_BRANDS = SYNTH_BRANDS - OWN_BRANDS * SYNTH_DEPARTMENTS };

void synth_item_id(int64_t i, char id[24]) { snprintf(id, 24, "p%05lld", (long long)i + 1); }
void synth_user_id(int64_t u, char id[24]) { snprintf(id, 24, "u%05lld", (long long)u + 1); }

static int draw_intent(synth_draw_t *d, int department, int intents, int other_than)
{
    double sums[SYNTH_INTENTS], total = 0;
    for (int k = 0; k < intents; k++) {
        const synth_intent_t *t = &synth_intents[k];
        double weight = t->leans[0] == department || t->leans[1] == department ? 1 + LEAN : 1;
        sums[k] = total += k == other_than ? 0 : weight;
    }
    return (int)draw_weighted(d, sums, intents);
}

/* A picture can carry one intent only, so of two intents one is told. The chances make each mode a third of all slots. */
static void draw_modes(synth_draw_t *d, synth_item_t *item)
{
    synth_mode_t pictured = draw_chance(d, 0.5) ? SYNTH_SHOWN : SYNTH_IMPLIED;
    double told_alone = (1 - 2 * TWO_INTENTS) / (3 * (1 - TWO_INTENTS));
    int told_first = draw_chance(d, item->intent_count == 2 ? 0.5 : told_alone);
    item->modes[0] = told_first ? SYNTH_TOLD : pictured;
    item->modes[1] = told_first ? pictured : SYNTH_TOLD;
}

/* Decides what text and picture carry: the evidence of the modes and, on channels left free by them, now and then a stray. */
static void draw_evidence(synth_draw_t *d, synth_item_t *item)
{
    int stray_style = draw_chance(d, STRAY) ? draw_below(d, SYNTH_STYLES) : -1;
    int stray_scene = draw_chance(d, STRAY) ? draw_below(d, SYNTH_SCENES) : -1;
    int stray_palette = draw_chance(d, STRAY) ? draw_below(d, SYNTH_STYLES) : -1;
    item->text_style = stray_style;
    item->scene = stray_scene;
    item->palette = stray_palette;
    for (int k = 0; k < item->intent_count; k++) {
        const synth_intent_t *t = &synth_intents[item->intents[k]];
        if (item->modes[k] == SYNTH_TOLD) continue;
        item->scene = t->scene;
        item->palette = item->modes[k] == SYNTH_SHOWN ? t->style : -1;
        if (item->modes[k] == SYNTH_IMPLIED) item->text_style = t->style;
    }
}

static int draw_brand(synth_draw_t *d, int department)
{
    if (draw_chance(d, OWN_BRAND)) return department * OWN_BRANDS + draw_below(d, OWN_BRANDS);
    return OWN_BRANDS * SYNTH_DEPARTMENTS + draw_below(d, GENERAL_BRANDS);
}

/* Rounds as shops do, whose prices end in .99, .49 or .00. */
static double shop_price(synth_draw_t *d, double exact)
{
    static const double endings[] = {0.99, 0.49, 0};
    double whole = floor(exact < 3 ? 3 : exact);
    return whole + endings[draw_below(d, 3)];
}

static void draw_price(synth_draw_t *d, uint64_t seed, synth_item_t *item)
{
    synth_draw_t brand = draw_from(seed, "synth brand price", item->brand);
    double offset = BRAND_PRICE_SD * draw_normal(&brand) + ITEM_PRICE_SD * draw_normal(d);
    item->price_level = offset / hypot(BRAND_PRICE_SD, ITEM_PRICE_SD);
    item->price = shop_price(d, synth_types[item->type].price * exp(offset));
}

static void draw_item(const synth_config_t *config, int64_t i, synth_item_t *item)
{
    synth_draw_t d = draw_from(config->seed, "synth item", i);
    item->type = draw_below(&d, SYNTH_TYPES);
    int department = synth_types[item->type].department;
    item->intent_count = draw_chance(&d, TWO_INTENTS) ? 2 : 1;
    item->intents[0] = draw_intent(&d, department, config->intents, -1);
    item->intents[1] = draw_intent(&d, department, config->intents, item->intents[0]);
    draw_modes(&d, item);
    draw_evidence(&d, item);
    item->brand = draw_brand(&d, department);
    draw_price(&d, config->seed, item);
}

static void draw_popularity(synth_t *s)
{
    int64_t n = s->config.items, *rank = NEW_ARRAY(int64_t, n);
    double *sums = NEW_ARRAY(double, n), total = 0;
    for (int64_t i = 0; i < n; i++) rank[i] = i;
    rng_shuffle(rng_stream(s->config.seed, "synth popularity"), rank, n);
    for (int64_t i = 0; i < n; i++) {
        s->items[i].popularity = pow((double)rank[i] + POPULARITY_SHIFT, -POPULARITY_SLOPE);
        sums[i] = total += s->items[i].popularity;
    }
    s->popular = draw_table(sums, n);
    free(rank);
}

static void index_by_intent(synth_t *s, int intent)
{
    int64_t count = 0, cap = 0;
    int64_t *items = NULL;
    for (int64_t i = 0; i < s->config.items; i++) {
        const synth_item_t *item = &s->items[i];
        if (item->intents[0] != intent && (item->intent_count < 2 || item->intents[1] != intent)) continue;
        GROW(items, count, cap);
        items[count++] = i;
    }
    double *sums = NEW_ARRAY(double, count), total = 0;
    for (int64_t k = 0; k < count; k++) sums[k] = total += s->items[items[k]].popularity;
    s->serving[intent] = items;
    s->served[intent] = draw_table(sums, count);
}

synth_t *synth_new(const synth_config_t *config)
{
    synth_t *s = NEW(synth_t);
    s->config = *config;
    s->items = NEW_ARRAY(synth_item_t, config->items);
    for (int64_t i = 0; i < config->items; i++) draw_item(config, i, &s->items[i]);
    draw_popularity(s);
    for (int k = 0; k < config->intents; k++) index_by_intent(s, k);
    return s;
}

void synth_free(synth_t *s)
{
    for (int k = 0; k < SYNTH_INTENTS; k++) {
        free(s->serving[k]);
        draw_table_free(&s->served[k]);
    }
    draw_table_free(&s->popular);
    free(s->items);
    free(s);
}
