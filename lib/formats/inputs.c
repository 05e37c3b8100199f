#include "formats/inputs.h"

#include <string.h>
#include <time.h>

#include "base/charset.h"
#include "base/date.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"

const char *const inputs_time_units[] = {"s", "ms", "us", NULL};

inputs_t inputs = {.format = "neutral", .quote = "auto", .time_unit = "s"};

static void check_checksum(const char *option, const char *hex, const char *path)
{
    if (!hex) return;
    if (!is_url(path)) die(EX_USAGE, "%s is for downloads, and '%s' is no URL", option, path);
    if (!sha256_valid(hex)) die(EX_USAGE, "%s: '%s' is no SHA-256, expected %d hex digits", option, hex, SHA256_HEX);
}

/* Options that only some formats take. */
static void check_format(const format_t *format)
{
    static const struct { const char *option; unsigned takes; } limited[] = {
        {"columns", TAKES_COLUMNS}, {"item-columns", TAKES_ITEM_COLUMNS}, {"delimiter", TAKES_DELIMITER},
        {"quote", TAKES_DELIMITER}, {"encoding", TAKES_ENCODING}, {"item-encoding", TAKES_ENCODING},
        {"list-separator", TAKES_LIST_SEPARATOR}, {"time-unit", TAKES_TIME_UNIT}, {"time-format", TAKES_TIME_UNIT}};
    for (size_t i = 0; i < sizeof limited / sizeof *limited; i++)
        if (cli_given(limited[i].option) && !(format->takes & limited[i].takes))
            die(EX_USAGE, "--%s means nothing to --format %s", limited[i].option, format->name);
}

/* Puts tabs in the place of "\t". */
static char *unescaped(const char *text)
{
    char *copy = xstrdup(text), *to = copy;
    for (const char *s = text; *s; s++) {
        const bool tab = s[0] == '\\' && s[1] == 't';
        *to++ = tab ? '\t' : *s;
        s += tab;
    }
    *to = '\0';
    return copy;
}

static void check_delimiter(void)
{
    if (!inputs.delimiter) return;
    inputs.delimiter = unescaped(inputs.delimiter);
    if (!*inputs.delimiter || strpbrk(inputs.delimiter, "\"\r\n"))
        die(EX_USAGE, "--delimiter '%s': expected a text without quotes and line breaks", inputs.delimiter);
}

/* Tells, with the moment 1970-01-02T03:04:05Z, whether a format can be read back, and gives a day. */
static void check_time_format(void)
{
    char text[256];
    int64_t back;
    const time_t moment = 86400 + 3 * 3600 + 4 * 60 + 5;
    struct tm tm;
    if (!inputs.time_format) return;
    if (cli_given("time-unit")) die(EX_USAGE, "--time-unit is for times that are numbers, --time-format for others: expected one of them");
    gmtime_r(&moment, &tm);
    if (!strftime(text, sizeof text, inputs.time_format, &tm) || !date_parse_as(inputs.time_format, text, &back))
        die(EX_USAGE, "--time-format '%s': expected a day in strptime(3)'s words, as %%d/%%m/%%Y %%H:%%M:%%S", inputs.time_format);
}

static void check_encoding(const char *option, const char *name)
{
    if (name && !charset_known(name))
        die(EX_USAGE, "--%s '%s' is not known, expected a name that iconv -l lists, as latin1, windows-1252 or utf-16", option, name);
}

void inputs_check(void)
{
    if (!inputs.items) die(EX_USAGE, "--items is missing, expected a file of item records");
    if (!inputs.interactions) die(EX_USAGE, "--interactions is missing, expected a file of events");
    check_checksum("--items-sha256", inputs.items_sha256, inputs.items);
    check_checksum("--interactions-sha256", inputs.interactions_sha256, inputs.interactions);
    check_format(format_find(inputs.format));
    check_delimiter();
    check_time_format();
    check_encoding("encoding", inputs.encoding);
    check_encoding("item-encoding", inputs.item_encoding);
    if (inputs.list_separator && !*inputs.list_separator) die(EX_USAGE, "--list-separator is empty, expected a text");
}

bool inputs_share_package(void)
{
    const char *a = inputs.items_member, *b = inputs.interactions_member;
    return strcmp(inputs.items, "-") != 0 && a && b && strcmp(a, b) != 0;
}

void inputs_download(void)
{
    if (is_url(inputs.items)) inputs.items = download(inputs.items, inputs.items_sha256, &download_options);
    if (is_url(inputs.interactions))
        inputs.interactions = download(inputs.interactions, inputs.interactions_sha256, &download_options);
}

static source_options_t options(const char *path, const char *member, const char *columns)
{
    const char *unit = inputs.time_unit;
    return (source_options_t){.path = path, .member = member, .bad_lines = inputs.bad_lines, .columns = columns,
                              .delimiter = inputs.delimiter, .quote = inputs.quote, .encoding = inputs.encoding, .encoding_option = "encoding",
                              .mend = inputs.clean, .list_separator = inputs.list_separator,
                              .time_format = inputs.time_format, .ticks = !strcmp(unit, "s") ? 1 : !strcmp(unit, "ms") ? 1000 : 1000000};
}

bool inputs_take_encoding(void) { return format_find(inputs.format)->takes & TAKES_ENCODING; }
bool inputs_take_times(void) { return format_find(inputs.format)->takes & TAKES_TIME_UNIT; }

record_source_t *inputs_records(void)
{
    source_options_t o = options(inputs.items, inputs.items_member, inputs.item_columns);
    if (inputs.item_encoding) o.encoding = inputs.item_encoding;
    if (inputs.item_encoding || !inputs.encoding) o.encoding_option = "item-encoding";
    const format_t *format = format_find(inputs.format);
    record_source_t *s = format->records(&o);
    return inputs.clean && !format->cleans ? record_source_clean(s) : s;
}

event_source_t *inputs_events(bool rating)
{
    source_options_t o = options(inputs.interactions, inputs.interactions_member, inputs.columns);
    o.rating = rating;
    return format_find(inputs.format)->events(&o);
}
