/* The page with data that suites make up.
 *
 *   page TITLE [REPORT.json CATALOGUE.json] > page.html
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/in.h"
#include "page/page.h"

int main(int argc, char **argv)
{
    err_program("page");
    if (argc != 2 && argc != 4) die(EX_USAGE, "expected TITLE [REPORT.json CATALOGUE.json]");
    page_data_t d = {0};
    if (argc == 4) {
        const bytes_t report = in_bytes(argv[2]), catalogue = in_bytes(argv[3]);
        d = (page_data_t){(const char *)report.data, (const char *)catalogue.data, report.len, catalogue.len};
    }
    buf_t out = {0};
    page_write(&out, argv[1], &d);
    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : EX_IOERR;
}
