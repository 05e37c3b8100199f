/* The files that the page is made of, held in the program. */
#ifndef SIDMILL_PAGE_ASSETS_H
#define SIDMILL_PAGE_ASSETS_H

#include "base/asset.h"

/* The document, with marks @NAME@ where page.c puts the rest; the style; Chart.js. */
asset_t asset_document(void);
asset_t asset_style(void);
asset_t asset_charts(void);

/* The page's own scripts, in the order in which they run; n is 0 behind the last. */
asset_t asset_script(int i);

#endif
