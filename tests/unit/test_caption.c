/* What captions are made of: colours, layout, texture, labels, sentences, and what passes between us and a model. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "intent/caption_builtin.h"
#include "intent/caption_http.h"
#include "intent/caption_sentence.h"
#include "intent/labels.h"
#include "text/one_line.h"
#include "unit.h"
#include "vision/colour.h"
#include "vision/decode.h"
#include "vision/layout.h"
#include "vision/sendable.h"
#include "vision/texture.h"

static pixels_t flat(int width, int height, int r, int g, int b)
{
    pixels_t p = {.width = width, .height = height, .rgb = xmalloc((size_t)(width * height * 3))};
    for (int i = 0; i < width * height; i++) {
        p.rgb[3 * i] = (unsigned char)r;
        p.rgb[3 * i + 1] = (unsigned char)g;
        p.rgb[3 * i + 2] = (unsigned char)b;
    }
    return p;
}

/* Paints the pixels of a box. */
static void box(pixels_t *p, int left, int top, int right, int bottom, int r, int g, int b)
{
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            unsigned char *c = p->rgb + 3 * (y * p->width + x);
            c[0] = (unsigned char)r;
            c[1] = (unsigned char)g;
            c[2] = (unsigned char)b;
        }
}

TEST(lab_of_known_colours)
{
    colour_lab_t c = colour_lab(255, 255, 255);
    CHECK_NEAR(c.l, 100, 0.01);
    CHECK_NEAR(c.a, 0, 0.02);
    CHECK_NEAR(c.b, 0, 0.02);
    c = colour_lab(255, 0, 0);
    CHECK_NEAR(c.l, 53.24, 0.02);
    CHECK_NEAR(c.a, 80.09, 0.03);
    CHECK_NEAR(c.b, 67.20, 0.03);
    c = colour_lab(0, 0, 255);
    CHECK_NEAR(c.l, 32.30, 0.02);
    CHECK_NEAR(c.a, 79.19, 0.03);
    CHECK_NEAR(c.b, -107.86, 0.03);
    c = colour_lab(1, 1, 1); /* the linear part near black */
    CHECK_NEAR(c.l, 0.2742, 0.001);
}

static const char *name_of(int r, int g, int b)
{
    return colour_name(colour_nearest(colour_lab((unsigned char)r, (unsigned char)g, (unsigned char)b)));
}

TEST(colours_are_named)
{
    CHECK(!strcmp(name_of(0, 0, 0), "black"));
    CHECK(!strcmp(name_of(255, 255, 255), "white"));
    CHECK(!strcmp(name_of(128, 128, 128), "grey"));
    CHECK(!strcmp(name_of(255, 0, 0), "red"));
    CHECK(!strcmp(name_of(0, 0, 128), "deep blue") && !strcmp(name_of(0, 0, 255), "royal blue"));
    CHECK(!strcmp(name_of(255, 255, 0), "yellow"));
    CHECK(!strcmp(name_of(0, 128, 128), "teal"));
    CHECK(!strcmp(name_of(245, 245, 220), "cream"));
    for (int i = 0; i < colour_count(); i++)
        for (int k = 0; k < i; k++) CHECK(strcmp(colour_name(i), colour_name(k)));
}

TEST(the_object_is_told_from_its_background)
{
    pixels_t p = flat(80, 60, 240, 240, 240);
    box(&p, 30, 20, 50, 45, 20, 80, 40);
    box(&p, 2, 2, 3, 3, 0, 0, 0); /* a speck */
    colour_image_t image = lab_image(&p);
    layout_t l = layout_find(&image);
    CHECK(l.background == BACKGROUND_PLAIN);
    CHECK(abs(l.left - 30) <= 1 && abs(l.right - 49) <= 1 && abs(l.top - 20) <= 1 && abs(l.bottom - 44) <= 1);
    CHECK_NEAR(l.share, 20.0 * 25 / 4800, 0.01);
    layout_free(&l);
    lab_image_free(&image);

    /* Sky over meadow: rows differ, the object is still found. */
    box(&p, 0, 0, 80, 30, 130, 185, 230);
    box(&p, 0, 30, 80, 60, 90, 150, 60);
    box(&p, 30, 20, 50, 45, 200, 30, 40);
    image = lab_image(&p);
    l = layout_find(&image);
    CHECK(l.background == BACKGROUND_SCENE);
    CHECK(abs(l.left - 30) <= 1 && abs(l.right - 49) <= 1 && abs(l.top - 20) <= 1 && abs(l.bottom - 44) <= 1);
    layout_free(&l);
    lab_image_free(&image);

    /* A gradient, and nothing in front of it. */
    for (int y = 0; y < 60; y++) box(&p, 0, y, 80, y + 1, 200 - y / 2, 200 - y / 2, 210 - y / 2);
    image = lab_image(&p);
    l = layout_find(&image);
    CHECK(l.share == 0 && l.background != BACKGROUND_NONE && l.background != BACKGROUND_SCENE);
    layout_free(&l);
    lab_image_free(&image);
    pixels_free(&p);
}

/* What is said of stripes of 4 + 4 pixels that run along (dx, dy). */
static const char *pattern(int dx, int dy)
{
    pixels_t p = flat(60, 60, 20, 30, 80);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 60; x++)
            if ((x * dy - y * dx + 600) / 4 % 2) box(&p, x, y, x + 1, y + 1, 245, 235, 215);
    colour_image_t image = lab_image(&p);
    unsigned char *whole = xcalloc(60, 60);
    texture_t t = texture_measure(&image, whole, 0);
    CHECK(t.pixels == 58 * 58 && t.density > 0.3f);
    CHECK_NEAR(t.direction[0] + t.direction[1] + t.direction[2] + t.direction[3], 1, 1e-5);
    free(whole);
    lab_image_free(&image);
    pixels_free(&p);
    return texture_pattern(&t);
}

TEST(patterns_are_named)
{
    CHECK(!strcmp(pattern(1, 0), "horizontal stripes"));
    CHECK(!strcmp(pattern(0, 1), "vertical stripes"));
    CHECK(!strcmp(pattern(1, 1), "diagonal stripes"));
    CHECK(!strcmp(pattern(1, -1), "diagonal stripes"));
    CHECK(!strcmp(texture_pattern(&(texture_t){.pixels = 100}), "a plain surface"));
}

/* Any size of picture gets a sentence: ASCII, one line, ending in a full stop; the same one every time. */
TEST(every_picture_has_a_sentence)
{
    static const int sizes[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 3}, {5, 200}, {97, 97}, {400, 7}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pixels_t p = flat(sizes[i][0], sizes[i][1], 90, 90, 200);
        for (int k = 0; k < 4; k++) {
            for (int j = 0; k && j < p.width * p.height * 3; j++) p.rgb[j] = (unsigned char)((j * 7919 * k) >> (3 + k));
            buf_t a = {0}, b = {0};
            caption_sentence(&p, &a);
            caption_sentence(&p, &b);
            CHECK(a.len > 20 && a.len < CAPTION_MAX_LENGTH && a.data[a.len - 1] == '.' && !strcmp(a.data, b.data));
            for (size_t c = 0; c < a.len; c++) CHECK(a.data[c] >= ' ' && a.data[c] < 127);
            buf_free(&a);
            buf_free(&b);
        }
        pixels_free(&p);
    }
}

TEST(labels_become_one_text)
{
    static const struct { const char *json, *text; } cases[] = {
        {"[\"Tool\",\" hand\\t tool \",\"TOOL\",\"\",\"Axe\"]", "axe, hand tool, tool"},
        {"[]", NULL}, {"[\" \"]", NULL}, {"null", NULL},
        {"[\"\\uff21\\uff38\\uff25\",\"Stra\\u00dfe\"]", "axe, strasse"},
        {"[\"012345678901234567890123456789012345678901234567890123456789x\",\"b\"]", "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *json = cJSON_Parse(cases[i].json);
        buf_t out = {0};
        CHECK(labels_text(json, &out) == (cases[i].text != NULL));
        CHECK(!cases[i].text || !strcmp(out.data, cases[i].text));
        CHECK(cases[i].text || out.len == 0);
        buf_free(&out);
        cJSON_Delete(json);
    }
    buf_t out = {0};
    CHECK(!labels_text(NULL, &out));
    cJSON *many = cJSON_CreateArray();
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "l%02d", i);
        cJSON_AddItemToArray(many, cJSON_CreateString(name));
    }
    CHECK(labels_text(many, &out) && strstr(out.data, "l31") && !strstr(out.data, "l32"));
    cJSON_Delete(many);
    buf_free(&out);
}

TEST(text_is_brought_to_one_line)
{
    char s[] = "  a\r\n\tb\xc2\xa0 c\xe2\x80\xa8" "d\xff" "e\x01 ";
    one_line(s);
    CHECK(!strcmp(s, "a b c d\xff" "e"));
    char blank[] = " \n\t";
    one_line(blank);
    CHECK(!*blank);
}

static void check_jpeg(const buf_t *reply, int longest, size_t most)
{
    pixels_t p;
    CHECK(reply->len > 1 && reply->data[0] == SENDABLE_JPEG && reply->len - 1 <= most);
    sendable_t s;
    CHECK(sendable_read((const unsigned char *)reply->data, reply->len, &(buf_t){0}, &s));
    CHECK(s.bytes == reply->data + 1 && s.n == reply->len - 1 && !strcmp(s.type, "image/jpeg"));
    CHECK(!pixels_decode((const unsigned char *)reply->data + 1, reply->len - 1, 1000000, &p));
    CHECK((p.width > p.height ? p.width : p.height) <= longest);
    pixels_free(&p);
}

TEST(pictures_are_sent_as_they_are_or_made_small)
{
    pixels_t p = flat(200, 100, 10, 100, 200);
    for (int i = 0; i < 200 * 100 * 3; i++) p.rgb[i] = (unsigned char)(p.rgb[i] + i * 31 % 40);
    buf_t jpeg = {0}, reply = {0};
    pixels_jpeg(&p, 90, &jpeg);
    const unsigned char *bytes = (const unsigned char *)jpeg.data;

    sendable_limits_t o = {.max_pixels = 1000000, .max_side = 200, .max_bytes = 1 << 20};
    CHECK(!sendable_check(&o, bytes, jpeg.len, &reply));
    CHECK(reply.len == 1 && reply.data[0] == SENDABLE_AS_IS);
    buf_clear(&reply);
    o.max_side = 64;
    CHECK(!sendable_check(&o, bytes, jpeg.len, &reply));
    check_jpeg(&reply, 64, 1 << 20);
    buf_clear(&reply);
    o = (sendable_limits_t){.max_pixels = 1000000, .max_side = 200, .max_bytes = (int64_t)jpeg.len / 3};
    CHECK(!sendable_check(&o, bytes, jpeg.len, &reply));
    check_jpeg(&reply, 199, jpeg.len / 3);
    buf_clear(&reply);
    o.max_bytes = 10;
    CHECK(strstr(sendable_check(&o, bytes, jpeg.len, &reply), "small enough"));
    o.max_pixels = 100;
    CHECK(strstr(sendable_check(&o, bytes, jpeg.len, &reply), "200 x 100 pixels"));
    buf_clear(&reply);

    /* A GIF is always encoded anew. */
    static const unsigned char gif[] = "GIF89a\1\0\1\0\200\0\0\377\377\377\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    o = (sendable_limits_t){.max_pixels = 1000, .max_side = 64, .max_bytes = 1 << 20};
    CHECK(!sendable_check(&o, gif, sizeof gif - 1, &reply));
    check_jpeg(&reply, 1, 1 << 20);
    buf_clear(&reply);
    CHECK(sendable_check(&o, (const unsigned char *)"root:x:0:0", 10, &reply));
    buf_free(&reply);
    buf_free(&jpeg);
    pixels_free(&p);
}

TEST(what_workers_say_is_not_trusted)
{
    char png[] = "\x89PNG\r\n\x1a\n...";
    const buf_t file = {.data = png, .len = sizeof png - 1};
    sendable_t s;
    CHECK(sendable_read((const unsigned char *)"a", 1, &file, &s) && s.bytes == png && !strcmp(s.type, "image/png"));
    static const char *const nonsense[] = {"", "aa", "j", "x", "xyz"};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        CHECK(!sendable_read((const unsigned char *)nonsense[i], strlen(nonsense[i]), &file, &s));
}

static char said[CAPTION_MAX_LENGTH], refused[200];
static void hear(void *ctx, const char *text, const char *error)
{
    ++*(int *)ctx;
    snprintf(said, sizeof said, "%s", text ? text : "");
    snprintf(refused, sizeof refused, "%s", error ? error : "");
}

/* Captions one item and waits for it. */
static void ask(caption_engine_t *e, const buf_t *file, const char *labels)
{
    buf_t copy = {0};
    int answers = 0;
    if (file) buf_add(&copy, file->data, file->len);
    CHECK(e->has_room(e));
    e->caption(e, file ? &copy : NULL, labels, hear, &answers);
    while (!answers) e->wait(e);
    CHECK(answers == 1);
    buf_free(&copy);
}

TEST(the_builtin_engine_puts_labels_before_the_sentence)
{
    const caption_limits_t limits = {1 << 20, 1000000, 20};
    caption_engine_t *e = caption_builtin(&limits);
    pixels_t p = flat(40, 40, 10, 100, 200);
    buf_t jpeg = {0}, damaged = {0};
    pixels_jpeg(&p, 90, &jpeg);
    buf_puts(&damaged, "root:x:0:0");

    ask(e, &jpeg, NULL);
    char sentence[CAPTION_MAX_LENGTH], both[2 * CAPTION_MAX_LENGTH];
    snprintf(sentence, sizeof sentence, "%s", said);
    CHECK(*sentence && !*refused);
    ask(e, &jpeg, "axe, tool");
    snprintf(both, sizeof both, "In the picture: axe, tool. %s", sentence);
    CHECK(!strcmp(said, both) && !*refused);
    ask(e, &damaged, "axe");
    CHECK(!strcmp(said, "In the picture: axe.") && *refused);
    ask(e, &damaged, NULL);
    CHECK(!*said && *refused);
    ask(e, NULL, "axe");
    CHECK(!strcmp(said, "In the picture: axe.") && !*refused);
    ask(e, NULL, NULL);
    CHECK(!*said && !*refused);

    e->free(e);
    buf_free(&jpeg);
    buf_free(&damaged);
    pixels_free(&p);
}

static char *reply_to(const char *content, const char *finish, const char **why)
{
    buf_t b = {0};
    buf_puts(&b, "{\"choices\":[{\"index\":0,\"finish_reason\":\"");
    buf_puts(&b, finish);
    buf_puts(&b, "\",\"message\":{\"role\":\"assistant\",\"content\":");
    buf_puts(&b, content);
    buf_puts(&b, "}}]}");
    char *text = NULL;
    *why = caption_reply(b.data, b.len, 200, &text);
    CHECK(!text == (*why != NULL));
    buf_free(&b);
    return text;
}

TEST(replies_are_checked)
{
    static const struct { const char *content, *finish, *text; } cases[] = {
        {"\" A red\\n cup.\\u00a0\"", "stop", "A red cup."},
        {"\"\"", "stop", NULL}, {"\" \\n\"", "stop", NULL}, {"null", "stop", NULL}, {"7", "stop", NULL},
        {"\"A cup. It stands\"", "length", NULL}, {"\"<think>hm</think>\\n\\nA cup.\"", "stop", "A cup."},
        {"\"caf\\u00e9\"", "stop", "caf\xc3\xa9"},
    };
    const char *why;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = reply_to(cases[i].content, cases[i].finish, &why);
        CHECK(cases[i].text ? text && !strcmp(text, cases[i].text) : !text);
        free(text);
    }
    buf_t longer = {0};
    buf_puts(&longer, "\"");
    for (int i = 0; i < CAPTION_MAX_LENGTH + 1; i++) buf_puts(&longer, "x");
    buf_puts(&longer, "\"");
    CHECK(!reply_to(longer.data, "stop", &why) && strstr(why, "too long"));
    buf_free(&longer);
    char *none = NULL;
    CHECK(caption_reply("<html>", 6, 200, &none) && !none);
}

UNIT_MAIN(UNIT(lab_of_known_colours), UNIT(colours_are_named), UNIT(the_object_is_told_from_its_background),
          UNIT(patterns_are_named), UNIT(every_picture_has_a_sentence), UNIT(labels_become_one_text),
          UNIT(text_is_brought_to_one_line), UNIT(pictures_are_sent_as_they_are_or_made_small),
          UNIT(what_workers_say_is_not_trusted), UNIT(the_builtin_engine_puts_labels_before_the_sentence), UNIT(replies_are_checked))
