#include "intent/caption_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/caption_text.h"

static const double ALONE = 0.5, JOINED = 0.7; /* strengths */

typedef struct {
    const char *use;   /* the descriptor alone */
    const char *where; /* after another descriptor */
} place_t;

static bool has(const char *text, const char *word) { return strstr(text, word) != NULL; }

/* The colours that `above` and `below` in the text follow, as copies; false where it does not tell them apart. */
static bool halves(const char *text, char **above, char **below)
{
    const char *a = strstr(text, " above and "), *b = a ? strstr(a, " below") : NULL;
    if (!a || !b) return false;
    const char *start = a;
    while (start > text && start[-1] != ',') start--;
    *above = xstrndup(start, (size_t)(a - start));
    *below = xstrndup(a + strlen(" above and "), (size_t)(b - a) - strlen(" above and "));
    return true;
}

static bool is_outdoors(const char *background)
{
    char *above, *below;
    if (!halves(background, &above, &below)) return false;
    bool blue = has(above, "blue") || has(above, "turquoise") || has(above, "teal");
    bool sky = blue || has(above, "white") || has(above, "pale");
    bool sand_or_snow = has(below, "yellow") || has(below, "beige") || has(below, "white");
    bool ground = has(below, "green") || (has(above, "blue") && sand_or_snow);
    free(above);
    free(below);
    return ground && (sky || !has(background, "dark,"));
}

/* Guesses where the picture was taken, by its background; NULL where that says nothing. */
static const place_t *place_of(const char *background)
{
    static const place_t evening = {"use in the evening", "in the evening"}, outdoors = {"use outdoors", "outdoors"},
                         room = {"use in bright rooms", "in bright rooms"}, street = {"use in the city", "in the city"};
    bool plain = has(background, "a plain "), dark = has(background, " dark, ") || has(background, "very dark,");
    bool light = has(background, " light,") || has(background, "very light,");
    if (plain) return has(background, "midnight") || has(background, "dark ") || has(background, "black") ? &evening : NULL;
    if (is_outdoors(background)) return &outdoors;
    if (dark) return &evening;
    if (light && has(background, "warm-toned")) return &room;
    if (has(background, "upright") || has(background, "much detail") || has(background, "crowded")) return &street;
    return light && has(background, "lines") ? &room : NULL;
}

/* A look and the colours that speak for it; it takes two of them. */
static const struct {
    const char *text, *colours[8];
} looks[] = {
    {"gentle pastel look", {"pale", " light,", "lavender", "mint", "peach", "rose pink", "mauve", NULL}},
    {"earthy outdoor look", {"olive", "caramel", "rust", "moss", "brown", "mustard", "khaki", NULL}},
    {"festive elegant look", {"burgundy", "plum", "purple", "mustard", "dusty yellow", "gold", NULL}},
    {"bright sporty look", {"lime", "turquoise", "hot pink", "grass green", "vivid", "neon", NULL}},
    {"fresh clean look",
     {"teal", "pale turquoise", "steel blue", "sky blue", "pale blue", "powder blue", "cool-toned", NULL}},
    {"warm cosy look", {" red", "brick red", "coral", "orange", "cream", "warm-toned", NULL}},
};

static const char *look_of(const char *object)
{
    const char *best = NULL;
    int most = 1;
    if (has(object, "muted") || has(object, "colourless")) return NULL;
    for (size_t l = 0; l < sizeof looks / sizeof *looks; l++) {
        int found = 0;
        for (const char *const *c = looks[l].colours; *c; c++) found += has(object, *c);
        if (found <= most) continue;
        most = found;
        best = looks[l].text;
    }
    return best;
}

static void join_place(candidates_t *c, const char *what, const place_t *place)
{
    char *text = xasprintf("%s %s", what, place->where);
    candidates_add(c, text, RULE_SETTING, JOINED, FIELD_CAPTION);
    free(text);
}

void caption_candidates(candidates_t *c, const char *caption)
{
    if (!caption_is_pixels(caption)) return;
    const char *against = strstr(caption, " against ");
    char *object = xstrndup(caption, against ? (size_t)(against - caption) : strlen(caption));
    const char *look = look_of(object);
    const place_t *place = against ? place_of(against) : NULL;
    int64_t known = c->count;
    if (look) candidates_add(c, look, RULE_LOOK, ALONE, FIELD_CAPTION);
    if (place) {
        candidates_add(c, place->use, RULE_SETTING, ALONE, FIELD_CAPTION);
        for (int64_t i = 0; i < known; i++)
            if (c->list[i].rule == RULE_PROPERTY) {
                char *what = xstrdup(candidate_text(c, i));
                join_place(c, what, place);
                free(what);
            }
        if (look) join_place(c, look, place);
    }
    free(object);
}
