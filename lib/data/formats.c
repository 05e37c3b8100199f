#include "data/formats.h"

#include <string.h>

#include "base/err.h"

const char *const format_names[] = {"neutral", NULL};

static const format_t formats[] = {
    {"neutral", event_source_tsv, record_source_items},
};

const format_t *format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    die(EX_SOFTWARE, "no format \"%s\"", name);
}
