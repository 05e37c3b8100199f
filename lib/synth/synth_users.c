#include <math.h>
#include <stdbool.h>

#include "synth/synth.h"
#include "synth/synth_draw.h"
#include "synth/synth_world.h"

static const double TWO_ACTIVE = 0.5;        /* share of users who start with two intents */
static const double KEEP_INTENT = 0.7;       /* chance that an event follows the intent of the event before */
static const double FIRST_INTENT = 0.65;     /* otherwise: chance of the first active intent */
static const double INTENT_UTILITY = 4.0;    /* gain of an item that serves the current intent */
static const double DEPARTMENT_SD = 1.0;
static const double BRAND_SD = 0.4, BRAND_CLAMP = 2;
static const double PRICE_WEIGHT = 0.25;
static const double SAME_TYPE_COST = 1.5;    /* of the type just bought */
static const double SAME_VISIT = 0.3;        /* chance that an event belongs to the visit of the event before */
static const double VISIT_GAP = 20 * 60, BETWEEN_VISITS = 15 * 86400.0;
static const double START = 1640995200, START_SPAN = 365 * 86400.0; /* 2022-01-01 00:00 UTC */

typedef struct {
    double department[SYNTH_DEPARTMENTS], price_level;
    double best; /* no item's taste() is above this */
    uint64_t brand_key;
    int active[2], active_count, current; /* current: index into active, -1 before the first event */
} user_t;

static double draw_exponential(synth_draw_t *d, double mean) { return -mean * log(1 - draw_unit(d)); }

static void draw_user(synth_draw_t *d, const synth_config_t *config, user_t *u)
{
    u->best = -INFINITY;
    for (int k = 0; k < SYNTH_DEPARTMENTS; k++) {
        u->department[k] = DEPARTMENT_SD * draw_normal(d);
        u->best = fmax(u->best, u->department[k]);
    }
    u->best += BRAND_SD * BRAND_CLAMP;
    u->price_level = draw_normal(d);
    u->brand_key = rng_key(d->key, 1);
    u->active_count = draw_chance(d, TWO_ACTIVE) ? 2 : 1;
    u->active[0] = draw_below(d, config->intents);
    u->active[1] = -1;
    while (u->active_count == 2 && (u->active[1] < 0 || u->active[1] == u->active[0]))
        u->active[1] = draw_below(d, config->intents);
    u->current = -1;
}

/* Draws a history's length: the minimum plus a geometric count, within half the catalogue, so that there is always something
 * left to choose. */
static int draw_length(synth_draw_t *d, const synth_config_t *config)
{
    double extra = config->mean_length - SYNTH_MIN_LENGTH, length = SYNTH_MIN_LENGTH;
    if (extra > 0) length += floor(log(1 - draw_unit(d)) / log(extra / (extra + 1)));
    length = fmin(length, SYNTH_MAX_LENGTH);
    return (int)fmin(length, (double)(config->items / 2));
}

/* Replaces one of the active intents by one that is not active. */
static void replace_intent(synth_draw_t *d, const synth_config_t *config, user_t *u)
{
    int slot = draw_below(d, u->active_count), fresh;
    do fresh = draw_below(d, config->intents);
    while (fresh == u->active[0] || fresh == u->active[1]);
    u->active[slot] = fresh;
}

static void choose_intent(synth_draw_t *d, const synth_config_t *config, user_t *u)
{
    if (u->current >= 0 && draw_chance(d, config->drift)) replace_intent(d, config, u);
    if (u->current >= 0 && draw_chance(d, KEEP_INTENT)) return;
    u->current = u->active_count == 1 || draw_chance(d, FIRST_INTENT) ? 0 : 1;
}

/* Weighs an item for a user, besides its popularity and the current intent. */
static double taste(const user_t *u, const synth_item_t *item, int last_type)
{
    double brand = fmax(-BRAND_CLAMP, fmin(BRAND_CLAMP, rng_normal(u->brand_key, (uint64_t)item->brand)));
    double price = item->price_level - u->price_level;
    return u->department[synth_types[item->type].department] + BRAND_SD * brand - PRICE_WEIGHT * price * price
           - (item->type == last_type ? SAME_TYPE_COST : 0);
}

static int bought(const synth_event_t *events, int count, int64_t item)
{
    for (int k = 0; k < count; k++)
        if (events[k].item == item) return 1;
    return 0;
}

static int serves(const synth_item_t *item, int intent)
{
    return item->intents[0] == intent || (item->intent_count == 2 && item->intents[1] == intent);
}

/* An item that may be chosen, on its way through memory. */
typedef struct {
    const draw_table_t *table;
    const int64_t *items; /* of the table; NULL: all */
    double unit, keep;    /* draws that decide which, and whether it is kept */
    int64_t item;
} proposal_t;

enum {
    DRAWS = 3, /* of a proposal */
    AHEAD = 8  /* proposals on their way together, because in a large catalogue each waits for memory four times */
};

/* Finds the items of the proposals. */
static void find_items(const synth_t *s, proposal_t *p)
{
    for (int k = 0; k < AHEAD; k++) draw_table_ahead(p[k].table, p[k].unit);
    for (int k = 0; k < AHEAD; k++) draw_table_nearer(p[k].table, p[k].unit);
    for (int k = 0; k < AHEAD; k++) {
        p[k].item = draw_table_index(p[k].table, p[k].unit);
        __builtin_prefetch(p[k].items ? (const void *)&p[k].items[p[k].item] : &s->items[p[k].item]);
    }
    for (int k = 0; k < AHEAD; k++) {
        if (!p[k].items) continue;
        p[k].item = p[k].items[p[k].item];
        __builtin_prefetch(&s->items[p[k].item]);
    }
}

/* An exact draw from the softmax over all items not bought yet, by rejection: proposals come in proportion to
 * popularity x exp(INTENT_UTILITY if serving), and are kept with probability exp(taste - best). */
static int64_t choose_item(synth_draw_t *d, const synth_t *s, const user_t *u, const synth_event_t *events, int count)
{
    int intent = u->active[u->current], last_type = count ? s->items[events[count - 1].item].type : -1;
    const double any = draw_table_sum(&s->popular), extra = (exp(INTENT_UTILITY) - 1) * draw_table_sum(&s->served[intent]);
    for (;;) {
        proposal_t p[AHEAD];
        for (int k = 0; k < AHEAD; k++) {
            const bool serving = draw_unit(d) * (any + extra) < extra;
            p[k] = (proposal_t){serving ? &s->served[intent] : &s->popular, serving ? s->serving[intent] : NULL, .unit = draw_unit(d)};
            p[k].keep = draw_unit(d);
        }
        find_items(s, p);
        for (int k = 0; k < AHEAD; k++) {
            const int64_t i = p[k].item;
            if (p[k].keep >= exp(taste(u, &s->items[i], last_type) - u->best) || bought(events, count, i)) continue;
            d->next -= DRAWS * (uint64_t)(AHEAD - 1 - k); /* those behind were not needed */
            return i;
        }
    }
}

/* Rates by whether the item serves what the user was after. */
static int draw_rating(synth_draw_t *d, int served)
{
    double at = draw_unit(d);
    if (served) return at < 0.6 ? 5 : at < 0.9 ? 4 : 3;
    return at < 0.2 ? 5 : at < 0.6 ? 4 : at < 0.9 ? 3 : 2;
}

int synth_history(const synth_t *s, int64_t user, synth_event_t *events)
{
    synth_draw_t d = draw_from(s->config.seed, "synth user", user);
    user_t u;
    draw_user(&d, &s->config, &u);
    int length = draw_length(&d, &s->config);
    double time = START + draw_range(&d, 0, START_SPAN);
    for (int t = 0; t < length; t++) {
        choose_intent(&d, &s->config, &u);
        int64_t i = choose_item(&d, s, &u, events, t);
        int same_visit = draw_chance(&d, SAME_VISIT);
        if (t) time += same_visit ? 60 + draw_exponential(&d, VISIT_GAP) : 3600 + draw_exponential(&d, BETWEEN_VISITS);
        events[t] = (synth_event_t){i, (int64_t)time, draw_rating(&d, serves(&s->items[i], u.active[u.current]))};
    }
    return length;
}
