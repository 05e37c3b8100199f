#include "formats/formats.h"

#include <string.h>

#include "base/err.h"
#include "formats/amazon.h"
#include "formats/tables.h"

const char *const format_names[] = {"neutral", "amazon2014", "amazon2018", "amazon2023", "csv", "tsv", "jsonl", "recbole", "lcrec", NULL};

enum { OF_TABLES = TAKES_COLUMNS | TAKES_ITEM_COLUMNS | TAKES_LIST_SEPARATOR | TAKES_TIME_UNIT | TAKES_ENCODING };

static const format_t formats[] = {
    {"neutral", event_source_tsv, record_source_items, TAKES_ENCODING, false},
    {"amazon2014", event_source_amazon2014, record_source_amazon2014, 0, true},
    {"amazon2018", event_source_amazon2018, record_source_amazon2018, 0, true},
    {"amazon2023", event_source_amazon2023, record_source_amazon2023, 0, true},
    {"csv", event_source_csv, record_source_csv, OF_TABLES | TAKES_DELIMITER, false},
    {"tsv", event_source_tsv_table, record_source_tsv_table, OF_TABLES | TAKES_DELIMITER, false},
    {"jsonl", event_source_jsonl, record_source_jsonl, OF_TABLES, false},
    {"recbole", event_source_recbole, record_source_recbole, OF_TABLES, false},
    {"lcrec", event_source_lcrec, record_source_lcrec, TAKES_ITEM_COLUMNS | TAKES_LIST_SEPARATOR | TAKES_ENCODING, false},
};

const format_t *format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    die(EX_SOFTWARE, "no format \"%s\"", name);
}
