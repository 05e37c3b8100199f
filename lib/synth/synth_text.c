/* Titles and descriptions from templates. A template is text with {slots}; a slot that starts with a capital gives every
 * word of its value one. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "synth/synth.h"
#include "synth/synth_draw.h"
#include "synth/synth_world.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const double TITLE_TELLS = 0.25;      /* a told intent stands in the title, not only in the description */
static const double SECOND_PHRASE = 0.5;     /* a told intent, or a style, is put in a second way as well */
static const double TITLE_STYLE = 0.4;       /* a style word stands in the title too */
static const double NAMES_MATERIAL = 0.7;

static const char *const brand_heads[] = {
    "Nor", "Vel", "Kas", "Bri", "Tam", "Ost", "Lum", "Fen", "Hal", "Ard", "Mir", "Sol", "Quin", "Zep", "Ivo", "Run",
};
static const char *const brand_tails[] = {"della", "mark", "wick", "ora", "berg", "ton"};

static const char *const models[] = {
    "Alba", "Berit", "Corin", "Dalia", "Elio", "Freya", "Gustav", "Hedda", "Ilse", "Joris", "Kaja", "Leif", "Mira",
    "Nils", "Odette", "Pella", "Rolf", "Sanne", "Tove", "Ulla",
};

static const char *const adjectives[] = {
    "classic", "modern", "everyday", "original", "premium", "essential", "signature", "handy", "trusty", "practical",
    "versatile", "timeless", "improved", "simple", "smart", "reliable",
};

static const char *const materials[SYNTH_DEPARTMENTS][5] = {
    {"stainless steel", "borosilicate glass", "stoneware", "beech wood", "enamelled iron"},
    {"recycled nylon", "waxed canvas", "anodised aluminium", "polyester twill", "ash wood"},
    {"organic cotton", "food-grade silicone", "maple wood", "bamboo fibre", "wool felt"},
    {"vegetable-tanned leather", "recycled paper", "powder-coated steel", "cork", "linen cloth"},
    {"natural rubber", "cast iron", "closed-cell foam", "neoprene", "braided steel"},
    {"washed linen", "seagrass", "ceramic", "oak veneer", "recycled glass"},
    {"merino wool", "organic denim", "cotton twill", "recycled polyester", "leather"},
    {"polycarbonate", "brushed aluminium", "recycled plastic", "tempered glass", "silicone"},
};

static const char *const sizes[SIZE_KINDS][6] = {
    {"0.3 l", "0.5 l", "0.8 l", "1.2 l", "1.8 l", "2.5 l"},
    {"20 cm", "28 cm", "35 cm", "45 cm", "60 cm", "80 cm"},
    {"single", "pair", "set of 2", "set of 3", "set of 4", "pack of 6"},
    {"size S", "size M", "size L", "size XL", "one size", "slim fit"},
};

static const char *const titles[] = {
    "{Brand} {Model} {Noun}", "{Brand} {Adj} {Noun}, {size}", "{Adj} {Noun} by {Brand}, {Model}",
    "{Brand} {Noun} {Model} ({size})",
    "{Noun} - {Brand} {Model}, {material}", "{Brand} {Model} {Adj} {Noun}", "{Brand} {Noun}, {Material}, {size}",
    "{Brand} {code} {Noun}",
    "{Adj} {Material} {Noun} | {Brand}",
};
static const char *const styled_titles[] = {
    "{Brand} {Style} {Noun}, {size}", "{Style} {Noun} by {Brand}, {Model}", "{Brand} {Model} {Style} {Noun}",
    "{Style} {Material} {Noun} | {Brand}",
};
static const char *const openings[] = {
    "The {Model} {noun} from {Brand} has {feature}.", "{Brand} makes this {noun} with {feature}.",
    "This {adj} {noun} comes with {feature}.",
    "Meet the {Model}: {adj}, well made, with {feature}.",
    "{Brand} has built {noun} after {noun} since its first workshop; this one has {feature}.",
    "What sets this {noun} apart is {feature}.", "Our {adj} {noun}, now with {feature}.",
    "{Noun} {code} by {Brand}, known for {feature}.",
};
static const char *const feature_lines[] = {
    "It has {feature}.", "There is also {feature}.", "Look for {feature}.", "You get {feature}.",
    "Owners like {feature}.", "Note {feature}.",
};
static const char *const material_lines[] = {
    "Made of {material}.", "The main material is {material}.", "{Material} throughout.",
    "Built from {material} that ages well.",
    "We chose {material} here.",
};
static const char *const told_lines[] = {
    "Ideal for {purpose}.", "Made with a thought for {purpose}.", "Many buy it for {purpose}.",
    "It earns its place: think of it for {purpose}.",
    "A natural choice for {purpose}.", "Just right for {purpose}.",
    "We had to look long for something this good for {purpose}.",
    "Customers recommend it for {purpose}.", "Designed for {purpose}.",
};
static const char *const style_lines[] = {
    "Decidedly {style}.", "The whole piece feels {style}.", "Reviewers call it {style}.", "{Style} by design.",
    "It is {style} where others are not.",
    "Think {style}, inside and out.", "The word is {style}.",
};
static const char *const fillers[] = {
    "Ships within two days.", "Comes in a recycled cardboard box.", "Wipe with a damp cloth.", "Two-year guarantee.",
    "Spare parts are available.",
    "Tested in our own workshop.", "Instructions in five languages.", "Size: {size}.", "Model {code}.",
    "Free returns for thirty days.",
    "Assembled by hand.", "Part of the {Model} range.", "A {adj} piece at a fair price.", "Keep away from open flames.",
    "Rated highly by our testers.",
    "Designed in-house and checked twice.",
};

typedef struct {
    synth_draw_t draw;
    const synth_item_t *item;
    const synth_type_t *type;
    char code[16], brand[24];
    const char *noun, *model, *adjective, *material, *size;
    const char *feature, *purpose, *style; /* of the sentence at hand */
} writer_t;

static const char *one_of(synth_draw_t *d, const char *const *list, int count) { return list[draw_below(d, count)]; }

static const char *slot_value(const writer_t *w, const char *name)
{
    const struct { const char *name, *value; } slots[] = {
        {"brand", w->brand}, {"noun", w->noun}, {"model", w->model}, {"adj", w->adjective}, {"material", w->material},
        {"size", w->size}, {"code", w->code}, {"feature", w->feature}, {"purpose", w->purpose}, {"style", w->style},
    };
    for (int i = 0; i < COUNT(slots); i++)
        if (!strcasecmp(slots[i].name, name)) return slots[i].value;
    die(EX_SOFTWARE, "template names an unknown slot '%s'", name);
}

static void add_capitalised(buf_t *out, const char *text)
{
    int start = 1;
    for (; *text; text++) {
        char c = start ? (char)toupper((unsigned char)*text) : *text;
        buf_add(out, &c, 1);
        start = *text == ' ' || *text == '-';
    }
}

static void add_template(buf_t *out, const char *template, const writer_t *w)
{
    for (const char *p = template; *p;) {
        if (*p != '{') {
            buf_add(out, p++, 1);
            continue;
        }
        size_t len = strcspn(p + 1, "}");
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)len, p + 1);
        const char *value = slot_value(w, name);
        if (isupper((unsigned char)name[0])) add_capitalised(out, value);
        else buf_puts(out, value);
        p += len + 2;
    }
}

/* Appends one sentence, its first letter a capital, set off by a space. */
static void add_sentence(buf_t *out, const char *template, const writer_t *w)
{
    if (out->len) buf_puts(out, " ");
    size_t at = out->len;
    add_template(out, template, w);
    out->data[at] = (char)toupper((unsigned char)out->data[at]);
}

static writer_t writer_for(const synth_t *s, int64_t i)
{
    const synth_item_t *item = &s->items[i];
    writer_t w = {.draw = draw_from(s->config.seed, "synth text", i), .item = item, .type = &synth_types[item->type]};
    synth_draw_t *d = &w.draw;
    int tails = COUNT(brand_tails), heads = COUNT(brand_heads);
    snprintf(w.brand, sizeof w.brand, "%s%s", brand_heads[item->brand % heads], brand_tails[item->brand / heads % tails]);
    char letter = (char)('A' + draw_below(d, 26));
    snprintf(w.code, sizeof w.code, "%c-%d", letter, 100 + draw_below(d, 900));
    w.noun = one_of(d, w.type->nouns, TYPE_NOUNS);
    w.model = one_of(d, models, COUNT(models));
    w.adjective = one_of(d, adjectives, COUNT(adjectives));
    w.material = one_of(d, materials[w.type->department], 5);
    w.size = one_of(d, sizes[w.type->size], 6);
    return w;
}

/* Draws two different indices below n. */
static void draw_pair(synth_draw_t *d, int n, int pair[2])
{
    pair[0] = draw_below(d, n);
    pair[1] = (pair[0] + 1 + draw_below(d, n - 1)) % n;
}

static const synth_intent_t *told_intent(const synth_item_t *item)
{
    for (int k = 0; k < item->intent_count; k++)
        if (item->modes[k] == SYNTH_TOLD) return &synth_intents[item->intents[k]];
    return NULL;
}

/* The sentences between the opening and the end, in an order of their own. */
enum { LINES = 10 };
typedef struct { const char *template, *feature, *purpose, *style; } line_t;

static int add_plain_lines(writer_t *w, line_t *lines, const int *features)
{
    synth_draw_t *d = &w->draw;
    int n = 0, more = 1 + draw_below(d, 2);
    for (int k = 1; k <= more; k++) {
        const char *feature = w->type->features[features[k]];
        lines[n++] = (line_t){.template = one_of(d, feature_lines, COUNT(feature_lines)), .feature = feature};
    }
    if (draw_chance(d, NAMES_MATERIAL)) lines[n++] = (line_t){.template = one_of(d, material_lines, COUNT(material_lines))};
    int pair[2], extra = draw_below(d, 3);
    draw_pair(d, COUNT(fillers), pair);
    for (int k = 0; k < extra; k++) lines[n++] = (line_t){.template = fillers[pair[k]]};
    return n;
}

static void shuffle_lines(synth_draw_t *d, line_t *lines, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = draw_below(d, i + 1);
        line_t t = lines[i];
        lines[i] = lines[j];
        lines[j] = t;
    }
}

static void write_title(writer_t *w, buf_t *title)
{
    synth_draw_t *d = &w->draw;
    int styled = w->style && draw_chance(d, TITLE_STYLE), tells = w->purpose && draw_chance(d, TITLE_TELLS);
    const char *template = styled ? one_of(d, styled_titles, COUNT(styled_titles)) : one_of(d, titles, COUNT(titles));
    add_template(title, template, w);
    if (tells) buf_printf(title, " for %s", w->purpose);
}

static void write_description(writer_t *w, const synth_intent_t *told, const int *phrases, const int *words, buf_t *text)
{
    synth_draw_t *d = &w->draw;
    const synth_style_t *style = w->item->text_style < 0 ? NULL : &synth_styles[w->item->text_style];
    int features[TYPE_FEATURES] = {0, 1, 2, 3, 4};
    for (int i = TYPE_FEATURES - 1; i > 0; i--) {
        int j = draw_below(d, i + 1), t = features[i];
        features[i] = features[j];
        features[j] = t;
    }
    line_t lines[LINES];
    int n = add_plain_lines(w, lines, features);
    for (int k = 0, count = 1 + draw_chance(d, SECOND_PHRASE); told && k < count; k++)
        lines[n++] = (line_t){.template = one_of(d, told_lines, COUNT(told_lines)), .purpose = told->phrases[phrases[k]]};
    for (int k = 0, count = 1 + draw_chance(d, SECOND_PHRASE); style && k < count; k++)
        lines[n++] = (line_t){.template = one_of(d, style_lines, COUNT(style_lines)), .style = style->words[words[k]]};
    shuffle_lines(d, lines, n);

    w->feature = w->type->features[features[0]];
    add_sentence(text, one_of(d, openings, COUNT(openings)), w);
    for (int k = 0; k < n; k++) {
        w->feature = lines[k].feature;
        w->purpose = lines[k].purpose;
        w->style = lines[k].style;
        add_sentence(text, lines[k].template, w);
    }
}

static void write_texts(const synth_t *s, int64_t i, char brand[24], buf_t *title, buf_t *description)
{
    writer_t w = writer_for(s, i);
    const synth_intent_t *told = told_intent(w.item);
    int phrases[2], words[2];
    draw_pair(&w.draw, INTENT_PHRASES, phrases);
    draw_pair(&w.draw, STYLE_WORDS, words);
    if (told) w.purpose = told->phrases[phrases[0]];
    if (w.item->text_style >= 0) w.style = synth_styles[w.item->text_style].words[words[0]];
    write_title(&w, title);
    write_description(&w, told, phrases, words, description);
    memcpy(brand, w.brand, sizeof w.brand);
}

static void add_member(buf_t *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    buf_json_string(out, value, strlen(value));
}

static const char *category_name(const synth_type_t *t, buf_t *scratch)
{
    buf_clear(scratch);
    add_capitalised(scratch, t->nouns[0]);
    return scratch->data;
}

void synth_item_json(const synth_t *s, int64_t i, const char *image, buf_t *out)
{
    const synth_item_t *item = &s->items[i];
    const synth_type_t *type = &synth_types[item->type];
    buf_t title = {0}, description = {0};
    char id[24], brand[24];
    synth_item_id(i, id);
    write_texts(s, i, brand, &title, &description);
    buf_printf(out, "{\"id\":\"%s\"", id);
    add_member(out, "title", title.data);
    add_member(out, "brand", brand);
    buf_printf(out, ",\"price\":%.2f,\"categories\":[", item->price);
    buf_json_string(out, synth_departments[type->department], strlen(synth_departments[type->department]));
    buf_puts(out, ",");
    buf_json_string(out, type->aisle, strlen(type->aisle));
    buf_puts(out, ",");
    const char *category = category_name(type, &title);
    buf_json_string(out, category, strlen(category));
    buf_puts(out, "]");
    add_member(out, "description", description.data);
    if (image) add_member(out, "image", image);
    buf_puts(out, "}\n");
    buf_free(&title);
    buf_free(&description);
}

static void add_choice(buf_t *out, const char *key, const char *name)
{
    if (name) add_member(out, key, name);
    else buf_printf(out, ",\"%s\":null", key);
}

void synth_truth_json(const synth_t *s, int64_t i, buf_t *out)
{
    static const char *const modes[] = {"told", "shown", "implied"};
    const synth_item_t *item = &s->items[i];
    char id[24];
    synth_item_id(i, id);
    buf_printf(out, "{\"id\":\"%s\",\"department\":%d,\"type\":%d,\"intents\":[", id,
               synth_types[item->type].department, item->type);
    for (int k = 0; k < item->intent_count; k++)
        buf_printf(out, "%s{\"index\":%d,\"intent\":\"%s\",\"mode\":\"%s\"}", k ? "," : "", item->intents[k],
                   synth_intents[item->intents[k]].name, modes[item->modes[k]]);
    buf_puts(out, "]");
    add_choice(out, "text_style", item->text_style < 0 ? NULL : synth_styles[item->text_style].name);
    add_choice(out, "scene", item->scene < 0 ? NULL : synth_scenes[item->scene]);
    add_choice(out, "palette", item->palette < 0 ? NULL : synth_styles[item->palette].name);
    buf_puts(out, ",\"popularity\":");
    buf_json_number(out, item->popularity);
    buf_puts(out, "}\n");
}
