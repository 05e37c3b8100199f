#include "page/assets.h"

/* make gives CHART_JS, and makes the object anew when one of the files has changed. */
ASSET(page_html, "lib/page/page.html");
ASSET(page_css, "lib/page/page.css");
ASSET(chart_js, CHART_JS);

asset_t asset_document(void) { return (asset_t)ASSET_SPAN(page_html); }
asset_t asset_style(void) { return (asset_t)ASSET_SPAN(page_css); }
asset_t asset_charts(void) { return (asset_t)ASSET_SPAN(chart_js); }

/* In the order in which they run: each uses what stands before it, and main.js starts. */
#define SCRIPTS(each)                                                                                                          \
    each(dom) each(format) each(catalogue) each(shared) each(token) each(source) each(charts) each(intervals) each(results)    \
    each(groups) each(curves) each(codebook) each(stages) each(tables) each(parts) each(beam) each(codes) each(item)           \
    each(search) each(final_list) each(unfolded) each(user) each(users) each(recommend) each(explorer) each(main)

#define SCRIPT_ASSET(name) ASSET(name, "lib/page/" #name ".js");
SCRIPTS(SCRIPT_ASSET)

asset_t asset_script(int i)
{
#define SCRIPT_SPAN(name) ASSET_SPAN(name),
    const asset_t scripts[] = {SCRIPTS(SCRIPT_SPAN) {0}};
    return scripts[i];
}
