#include "page/assets.h"

/* Puts a file's bytes between two symbols; make gives CHART_JS, and makes the object anew when one of the files has changed. */
#define ASSET(name, path)                                      \
    extern const char held_##name[], held_##name##_end[];      \
    __asm__(".pushsection .rodata\n"                           \
            ".global held_" #name ", held_" #name "_end\n"     \
            "held_" #name ":\n"                               \
            ".incbin \"" path "\"\n"                           \
            "held_" #name "_end:\n"                           \
            ".byte 0\n"                                        \
            ".popsection\n")

#define SPAN(name) {held_##name, (size_t)(held_##name##_end - held_##name)}

ASSET(page_html, "lib/page/page.html");
ASSET(page_css, "lib/page/page.css");
ASSET(chart_js, CHART_JS);

asset_t asset_document(void) { return (asset_t)SPAN(page_html); }
asset_t asset_style(void) { return (asset_t)SPAN(page_css); }
asset_t asset_charts(void) { return (asset_t)SPAN(chart_js); }

/* In the order in which they run: each uses what stands before it, and main.js starts. */
#define SCRIPTS(each)                                                                                                          \
    each(dom) each(format) each(catalogue) each(shared) each(token) each(source) each(charts) each(intervals) each(results)    \
    each(groups) each(curves) each(codebook) each(stages) each(tables) each(parts) each(beam) each(codes) each(item)           \
    each(search) each(final_list) each(unfolded) each(user) each(users) each(recommend) each(explorer) each(main)

#define SCRIPT_ASSET(name) ASSET(name, "lib/page/" #name ".js");
SCRIPTS(SCRIPT_ASSET)

asset_t asset_script(int i)
{
#define SCRIPT_SPAN(name) SPAN(name),
    const asset_t scripts[] = {SCRIPTS(SCRIPT_SPAN) {0}};
    return scripts[i];
}
