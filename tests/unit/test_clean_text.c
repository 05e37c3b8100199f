#include "formats/clean_text.h"

#include <stdlib.h>

#include "formats/html_text.h"
#include "unit.h"

static tally_t tally;

static bool cleaned(const char *raw, const char *expected)
{
    clean_text_t c = {.tally = &tally};
    buf_t out = {0};
    tally = (tally_t){0};
    bool some = clean_text(&c, raw, strlen(raw), 200, &out);
    bool ok = some == (*expected != '\0') && !strcmp(out.data ? out.data : "", expected);
    if (!ok) printf("# %s: '%s'\n", raw, out.data ? out.data : "");
    buf_free(&out);
    cleaner_free(&c);
    return ok;
}

TEST(clean_text_stays)
{
    CHECK(cleaned("Trail shoe, 3 pairs (42 > 41)", "Trail shoe, 3 pairs (42 > 41)"));
    CHECK(cleaned("caf\xc3\xa9 \xe2\x80\x93 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "caf\xc3\xa9 \xe2\x80\x93 \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9"));
    CHECK(tally.count == 0);
    CHECK(cleaned("", ""));
}

TEST(blanks_are_folded)
{
    CHECK(cleaned("  a \t b\r\n\r\nc\xc2\xa0\xe2\x80\x83" "d ", "a b c d"));
    CHECK(cleaned(" \n\t ", ""));
    CHECK(cleaned("a \xe2\x80\x8b b", "a b"));
    CHECK(cleaned("in\xc2\xadvisible\xef\xbb\xbf", "invisible"));
    CHECK(tally.count == 0);
}

TEST(character_references_are_undone)
{
    CHECK(cleaned("Salt &amp; Pepper &#39;n&#x2019; &eacute;&nbsp;&lt;3", "Salt & Pepper 'n\xe2\x80\x99 \xc3\xa9 <3"));
    CHECK(tally_get(&tally, "markup_removed") == 1);
    CHECK(cleaned("A &amp;amp; B", "A & B"));
    CHECK(cleaned("A &amp;amp;amp; B", "A & B"));
    CHECK(cleaned("&#150; &#x80;", "\xe2\x80\x93 \xe2\x82\xac"));
    CHECK(cleaned("&copy 2014 R&D AT&T &unknown; & &; &#;", "\xc2\xa9 2014 R&D AT&T &unknown; & &; &#;"));
    CHECK(cleaned("&notin; &NotEqualTilde;", "\xe2\x88\x89 \xe2\x89\x82\xcc\xb8"));
    CHECK(cleaned("a&#0;b&#1;c&#xD800;d&#x110000;e", "a b c d e"));
}

TEST(tags_are_removed)
{
    CHECK(cleaned("<p>One</p><p>Two</p>", "One Two"));
    CHECK(cleaned("bo<b>l</b>d<br/>line", "bold line"));
    CHECK(cleaned("<a href=\"x>y\" title='z>'>link</a>", "link"));
    CHECK(cleaned("<ul><li>a<li>b</ul>c", "a b c"));
    CHECK(cleaned("a<!-- <b>hidden</b> -->b<!DOCTYPE html>c<?php x ?>d", "abcd"));
    CHECK(cleaned("x<script>var a = '<b>';</script>y<style>.a{b:c}</style>z", "x y z"));
    CHECK(cleaned("x<script>never closed", "x"));
    CHECK(cleaned("<TITLE>page</TITLE>text", "text"));
    CHECK(cleaned("&lt;p&gt;escaped&lt;/p&gt; text", "escaped text"));
    CHECK(cleaned("<span class=\"a-text-bold\"></span>", ""));
}

TEST(what_is_no_tag_stays)
{
    CHECK(cleaned("5 < 6 > 4", "5 < 6 > 4"));
    CHECK(cleaned("I <3 it", "I <3 it"));
    CHECK(cleaned("size <M", "size <M"));
    CHECK(cleaned("a <b", "a <b"));
    CHECK(cleaned("<<>>", "<<>>"));
    CHECK(tally.count == 0);
    CHECK(cleaned("<a title=\"x>y", "y"));
}

TEST(broken_characters_are_mended)
{
    CHECK(cleaned("a\x01" "b\x7f" "c", "a b c"));
    CHECK(tally_get(&tally, "characters_mended") == 1);
    CHECK(cleaned("caf\xe9 \xff\xfe!", "caf !"));
    CHECK(cleaned("\xe2\x82", ""));
    CHECK(cleaned("Caf\xc3\x83\xc2\xa9 \xc3\xa2\xc2\x80\xc2\x99", "Caf\xc3\xa9 \xe2\x80\x99"));
    CHECK(cleaned("\xc3\x83\xc2\xa9 \xe2\x82\xac", "\xc3\x83\xc2\xa9 \xe2\x82\xac"));
    CHECK(cleaned("it\xc2\x92s 5\xc2\x80 \xc2\x81", "it\xe2\x80\x99s 5\xe2\x82\xac"));
    CHECK(cleaned("\xed\xa0\x80 a", "a"));
}

TEST(text_is_composed)
{
    CHECK(cleaned("cafe\xcc\x81 A\xcc\x8a", "caf\xc3\xa9 \xc3\x85"));
    CHECK(cleaned("\xe2\x84\xab", "\xc3\x85"));
    CHECK(cleaned("\xef\xac\x81", "\xef\xac\x81"));
}

TEST(long_texts_are_cut_between_characters)
{
    char text[401];
    buf_t out = {0};
    clean_text_t c = {.tally = &tally};
    tally = (tally_t){0};
    for (int i = 0; i < 200; i++) memcpy(text + 2 * i, "\xc3\xa9", 2);
    CHECK(clean_text(&c, text, 400, 199, &out) && out.len == 198);
    CHECK(tally_get(&tally, "texts_cut") == 1);
    buf_clear(&out);
    memset(text, 'a', 400);
    text[99] = ' ';
    CHECK(clean_text(&c, text, 400, 100, &out) && out.len == 99);
    buf_free(&out);
    cleaner_free(&c);
}

static bool dropped(const char *raw)
{
    clean_text_t c = {.tally = &tally};
    buf_t out = {0};
    tally = (tally_t){0};
    bool gone = !clean_name(&c, raw, strlen(raw), 200, &out) && tally_get(&tally, "script_texts") == 1;
    if (!gone) printf("# %s: '%s'\n", raw, out.data ? out.data : "");
    buf_free(&out);
    cleaner_free(&c);
    return gone;
}

TEST(scripts_are_no_titles)
{
    CHECK(dropped("var pageStart = (new Date()).getTime();"));
    CHECK(dropped("var x_t0=x_t0||+new Date();\nwindow.x_id = 'q'; f(1);"));
    CHECK(dropped("(function(w){ w.a = document.title; })(window);"));
    CHECK(dropped(".a-box-inner{background-color:#fff}#other{margin:0}"));
    CHECK(dropped("<!DOCTYPE html><html><head><title>Robot check</title>"));
    CHECK(dropped("\n\n<html class=\"a\">\n"));
}

TEST(titles_that_speak_of_scripts_stay)
{
    const char *titles[] = {
        "JavaScript: a guide", "Learn var, let and const", "Window (Document) Frames; 12 pcs", "Function (Deluxe Edition)",
        "window.open and other tricks", "C.S.S. {Deluxe}", "The function() book", "Time: getTime(now)", "Set {a: b}",
        "Shirt #1 {size: L}", "VAR (value at risk) = loss", "f(x);"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (is_script(titles[i], strlen(titles[i]))) printf("# %s\n", titles[i]);
        CHECK(!is_script(titles[i], strlen(titles[i])));
    }
}

/* Nothing takes long, whatever it is made of. */
TEST(hostile_texts_end_soon)
{
    static const char *const parts[] = {"<", "<a ", "<ab", "<a '", "&", "&a;", "<!--", "<script>", "</", "{", "(", "var ", ".a{", ");",
                                        "function(", "\xc3\x83\xc2\xa9", "\xff", "<b><p>", "e\xcc\x81\xcc\x81\xcc\x81"};
    clean_text_t c = {.tally = &tally};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_t text = {0}, out = {0};
        while (text.len < 70000) buf_puts(&text, parts[i]);
        buf_puts(&text, ">");
        clean_name(&c, text.data, text.len, CLEAN_TITLE, &out);
        CHECK(out.len <= CLEAN_TITLE);
        buf_free(&text);
        buf_free(&out);
    }
    cleaner_free(&c);
}

UNIT_MAIN(UNIT(clean_text_stays), UNIT(blanks_are_folded), UNIT(character_references_are_undone), UNIT(tags_are_removed),
          UNIT(what_is_no_tag_stays), UNIT(broken_characters_are_mended), UNIT(text_is_composed),
          UNIT(long_texts_are_cut_between_characters), UNIT(scripts_are_no_titles), UNIT(titles_that_speak_of_scripts_stay),
          UNIT(hostile_texts_end_soon))
