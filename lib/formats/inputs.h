/* The two inputs of a data set as a command line names them: where they are, in which form, how they are opened. */
#ifndef SIDMILL_FORMATS_INPUTS_H
#define SIDMILL_FORMATS_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"
#include "formats/event_source.h"
#include "formats/formats.h"
#include "formats/record_source.h"
#include "net/download.h"

typedef struct {
    const char *items, *interactions;                   /* a file, a URL, or "-" for standard input */
    const char *items_member, *interactions_member;     /* which file of a package */
    const char *items_sha256, *interactions_sha256;     /* of downloads */
    const char *format;
    const char *columns, *item_columns, *delimiter, *list_separator, *time_unit;
    int64_t bad_lines;
    bool clean;
} inputs_t;

/* The options as the command line gave them, with their defaults. */
extern inputs_t inputs;

extern const char *const inputs_time_units[];

#define INPUT_OPTIONS                                                                                                        \
    CLI_GROUP("inputs"),                                                                                                     \
    {'f', "format", NULL, CLI_CHOICE, &inputs.format, "the form of both inputs", true, 0, 0, format_names},                  \
    {0, "items", "FILE", CLI_STRING, &inputs.items, "item records: a file, an http(s) URL, or - for standard input", false, 0, 0, NULL}, \
    {0, "interactions", "FILE", CLI_STRING, &inputs.interactions, "events, likewise", false, 0, 0, NULL},                    \
    {0, "bad-lines", "N", CLI_INT, &inputs.bad_lines, "leave out up to N malformed lines of each input", true, 0, 1e15, NULL}, \
    {0, "clean", NULL, CLI_FLAG, &inputs.clean, "mend the records' texts: entities, tags, broken characters", true, 0, 0, NULL}, \
    {0, "items-member", "NAME", CLI_STRING, &inputs.items_member, "which file of the package that --items is", false, 0, 0, NULL}, \
    {0, "interactions-member", "NAME", CLI_STRING, &inputs.interactions_member, "the same for --interactions", false, 0, 0, NULL}, \
    CLI_GROUP("tables and plain JSON"),                                                                                      \
    {0, "columns", "LIST", CLI_STRING, &inputs.columns, "user=NAME,item=NAME,time=NAME,rating=NAME (usual names)", true, 0, 0, NULL}, \
    {0, "item-columns", "LIST", CLI_STRING, &inputs.item_columns, "id=NAME,title=NAME,... (usual names)", true, 0, 0, NULL}, \
    {0, "delimiter", "CHAR", CLI_STRING, &inputs.delimiter, "between the cells of csv; \\t for a tab (,)", true, 0, 0, NULL}, \
    {0, "list-separator", "TEXT", CLI_STRING, &inputs.list_separator, "within a cell or string that holds a list (|, blank, comma)", true, 0, 0, NULL}, \
    {0, "time-unit", NULL, CLI_CHOICE, &inputs.time_unit, "of times that are numbers", true, 0, 0, inputs_time_units},       \
    CLI_GROUP("downloads"),                                                                                                  \
    {0, "items-sha256", "HEX", CLI_STRING, &inputs.items_sha256, "what the download from --items must have", false, 0, 0, NULL}, \
    {0, "interactions-sha256", "HEX", CLI_STRING, &inputs.interactions_sha256, "the same for --interactions", false, 0, 0, NULL}, \
    DOWNLOAD_OPTIONS

/* Ends the process with EX_USAGE for what is missing, or does not fit the format or the other options. */
void inputs_check(void);

/* True if both are files of one package. */
bool inputs_share_package(void);

/* Puts downloaded files in the place of URLs. */
void inputs_download(void);

/* The readers. With `rating`, events must have ratings. */
record_source_t *inputs_records(void);
event_source_t *inputs_events(bool rating);

#endif
