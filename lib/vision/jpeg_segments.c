#include "vision/jpeg_segments.h"

#include <string.h>

enum { START_OF_SCAN = 0xda, ADOBE = 0xee };

static bool has_length(int marker) { return marker > 0x01 && marker != 0xff && !(marker >= 0xd0 && marker <= 0xd9); }

bool jpeg_next_segment(const unsigned char *bytes, size_t n, jpeg_segment_t *s)
{
    for (size_t i = s->next ? s->next : 2; i + 3 < n; i++) {
        if (bytes[i] != 0xff || !has_length(bytes[i + 1])) continue;
        size_t length = (size_t)(bytes[i + 2] << 8 | bytes[i + 3]), end = i + 2 + length;
        if (length < 2 || bytes[i + 1] == START_OF_SCAN) return false;
        *s = (jpeg_segment_t){.marker = bytes[i + 1], .bytes = bytes + i + 4, .n = (end < n ? end : n) - (i + 4), .next = end};
        return true;
    }
    return false;
}

/* Start of frame, but for the tables that have numbers among theirs. */
static bool begins_frame(int marker) { return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc; }

const char *jpeg_check_colours(const unsigned char *bytes, size_t n)
{
    int components = 0, transform = -1;
    jpeg_segment_t s = {0};
    while (jpeg_next_segment(bytes, n, &s)) {
        if (begins_frame(s.marker) && s.n > 5) components = s.bytes[5];
        if (s.marker == ADOBE && s.n >= 12 && !memcmp(s.bytes, "Adobe", 5)) transform = s.bytes[11];
    }
    if (components != 4 || transform == 0 || transform == 2) return NULL;
    return transform < 0 ? "a JPEG of four colours without Adobe's marker, which would say what they mean"
                         : "a JPEG of four colours whose Adobe marker does not say what they mean";
}
