/* The two inputs of a data set as a command line names them: where they are, in which form, how they are opened. */
#ifndef SIDMILL_FORMATS_INPUTS_H
#define SIDMILL_FORMATS_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"
#include "formats/event_source.h"
#include "formats/formats.h"
#include "formats/record_source.h"
#include "formats/table.h"
#include "net/download.h"

typedef struct {
    const char *items, *interactions;                   /* a file, a URL, or "-" for standard input */
    const char *items_member, *interactions_member;     /* which file of a package */
    const char *items_sha256, *interactions_sha256;     /* of downloads */
    const char *format;
    const char *columns, *item_columns, *delimiter, *quote, *encoding, *item_encoding, *list_separator, *time_unit, *time_format;
    int64_t bad_lines;
    bool clean;
} inputs_t;

/* The options as the command line gave them, with their defaults. */
extern inputs_t inputs;

extern const char *const inputs_time_units[];

#define INPUT_OPTIONS                                                                                                        \
    CLI_GROUP("inputs"),                                                                                                     \
    CONFIG_CHOICE('f', "format", format_names, &inputs.format, "the form of both inputs"),                                   \
    OPT_STRING(0, "items", "FILE", &inputs.items, "item records: a file, an http(s) URL, or - for standard input"),          \
    OPT_STRING(0, "interactions", "FILE", &inputs.interactions, "events, likewise"),                                         \
    CONFIG_INT(0, "bad-lines", "N", &inputs.bad_lines, 0, 1e15, "leave out up to N malformed lines of each input"),          \
    CONFIG_FLAG(0, "clean", &inputs.clean, "mend the records' texts: entities, tags, broken characters"),                    \
    OPT_STRING(0, "items-member", "NAME", &inputs.items_member, "which file of the package that --items is"),                \
    OPT_STRING(0, "interactions-member", "NAME", &inputs.interactions_member, "the same for --interactions"),                \
    CLI_GROUP("tables and plain JSON"),                                                                                      \
    CONFIG_STRING(0, "columns", "LIST", &inputs.columns, "user=, item=, time=, rating=, items=NAME,... (usual names)"),         \
    CONFIG_STRING(0, "item-columns", "LIST", &inputs.item_columns, "id=NAME,title=NAME,... (usual names)"),                  \
    CONFIG_STRING(0, "delimiter", "TEXT", &inputs.delimiter, "between cells; \\t for a tab (csv: comma, tsv: tab)"),         \
    CONFIG_CHOICE(0, "quote", table_quotes, &inputs.quote, "how cells may be quoted; auto: double, with tabs none"),         \
    CONFIG_STRING(0, "encoding", "NAME", &inputs.encoding, "as latin1 or utf-16 (utf-8)"),                                   \
    CONFIG_STRING(0, "item-encoding", "NAME", &inputs.item_encoding, "of --items (that of --encoding)"),                     \
    CONFIG_STRING(0, "list-separator", "TEXT", &inputs.list_separator,                                                       \
                  "within a cell or string that holds a list (|, blank, comma)"),                                            \
    CONFIG_CHOICE(0, "time-unit", inputs_time_units, &inputs.time_unit, "of times that are numbers"),                        \
    CONFIG_STRING(0, "time-format", "TEXT", &inputs.time_format, "of times, by strptime(3): %d/%m/%Y %H:%M (numbers, ISO)"), \
    CLI_GROUP("downloads"),                                                                                                  \
    OPT_STRING(0, "items-sha256", "HEX", &inputs.items_sha256, "what the download from --items must have"),                  \
    OPT_STRING(0, "interactions-sha256", "HEX", &inputs.interactions_sha256, "the same for --interactions"),                 \
    DOWNLOAD_OPTIONS

/* Ends the process with EX_USAGE for what is missing, or does not fit the format or the other options. */
void inputs_check(void);

/* True if both are files of one package. */
bool inputs_share_package(void);

/* Puts downloaded files in the place of URLs. */
void inputs_download(void);

/* True if the format takes --encoding, and --time-unit and --time-format. */
bool inputs_take_encoding(void);
bool inputs_take_times(void);

/* The readers. With `rating`, events must have ratings. */
record_source_t *inputs_records(void);
event_source_t *inputs_events(bool rating);

#endif
