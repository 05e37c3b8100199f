#include "formats/record_line.h"

#include <string.h>

#include "data/items.h"
#include "net/download.h"

void record_line_start(buf_t *line, const char *id, size_t n)
{
    buf_clear(line);
    buf_puts(line, "{\"id\": ");
    buf_json_string(line, id, n);
}

void record_line_key(buf_t *line, const char *key, size_t n)
{
    buf_puts(line, ", ");
    buf_json_string(line, key, n);
    buf_puts(line, ": ");
}

void record_line_string(buf_t *line, const char *key, const char *s, size_t n)
{
    record_line_key(line, key, strlen(key));
    buf_json_string(line, s, n);
}

void record_line_list(buf_t *line, const char *key, const char *s, size_t n, const char *separator)
{
    size_t width = strlen(separator);
    int count = 0;
    for (const char *end = s + n, *next; s < end; s = next) {
        const char *stop = memmem(s, (size_t)(end - s), separator, width);
        next = stop ? stop + width : end;
        if (!stop) stop = end;
        while (s < stop && *s == ' ') s++;
        while (s < stop && stop[-1] == ' ') stop--;
        if (s == stop) continue;
        if (count++) buf_puts(line, ", ");
        else record_line_key(line, key, strlen(key)), buf_puts(line, "[");
        buf_json_string(line, s, (size_t)(stop - s));
    }
    if (count) buf_puts(line, "]");
}

void record_line_pictures(buf_t *line, buf_t *image, const buf_t *url, tally_t *tally)
{
    bool address = image->len && is_url(image->data);
    if (address && url->len) tally_add(tally, "addresses_left_out", 1);
    if (address && !url->len) url = image;
    if (image->len && !address) record_line_string(line, "image", image->data, image->len);
    if (url->len) record_line_string(line, "image_url", url->data, url->len);
    if (address) buf_clear(image);
}

void record_line_end(buf_t *line) { buf_puts(line, "}"); }

bool record_line_known(const char *key, size_t n)
{
    for (int i = 0; items_known_key(i); i++)
        if (strlen(items_known_key(i)) == n && !memcmp(items_known_key(i), key, n)) return true;
    return false;
}
