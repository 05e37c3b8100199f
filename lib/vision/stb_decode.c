/* The one place where stb_image is compiled: only the formats in use, and an allocator with a budget, which bounds what a
 * small hostile file can unpack to wherever address-space limits cannot (the sanitizers reserve terabytes). */
#include "vision/stb_decode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* In front of every block stands its size; 16 keeps the alignment of malloc(). */
enum { HEADER = 16 };

static _Thread_local size_t budget;

static void *budget_malloc(size_t n)
{
    if (n > budget || n > SIZE_MAX - HEADER) return NULL;
    unsigned char *block = malloc(n + HEADER);
    if (!block) return NULL;
    memcpy(block, &n, sizeof n);
    budget -= n;
    return block + HEADER;
}

static size_t size_of(const void *p)
{
    size_t n;
    memcpy(&n, (const unsigned char *)p - HEADER, sizeof n);
    return n;
}

static void budget_free(void *p)
{
    if (!p) return;
    budget += size_of(p);
    free((unsigned char *)p - HEADER);
}

static void *budget_realloc(void *p, size_t n)
{
    if (!p) return budget_malloc(n);
    size_t old = size_of(p);
    if (n > old && n - old > budget) return NULL;
    if (n > SIZE_MAX - HEADER) return NULL;
    unsigned char *block = realloc((unsigned char *)p - HEADER, n + HEADER);
    if (!block) return NULL;
    memcpy(block, &n, sizeof n);
    budget = budget + old - n;
    return block + HEADER;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_GIF
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MALLOC budget_malloc
#define STBI_REALLOC budget_realloc
#define STBI_FREE budget_free
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

/* stb_image writes past its tables where a JPEG's Huffman tables list more than 256 codes: such files are turned away
 * first. Segments are found as the decoder finds them: the next 0xff that is followed by a marker. */
static bool huffman_tables_fit(const unsigned char *p, size_t n)
{
    for (size_t i = 2; i + 3 < n; i++) {
        int marker = p[i + 1];
        if (p[i] != 0xff || marker <= 0x01 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd9)) continue;
        size_t length = (size_t)(p[i + 2] << 8 | p[i + 3]), end = i + 2 + length < n ? i + 2 + length : n;
        for (size_t at = i + 4; marker == 0xc4 && at < end;) {
            size_t codes = 0;
            for (size_t k = 1; k <= 16 && at + k < n; k++) codes += p[at + k];
            if (codes > 256) return false;
            at += 17 + codes;
        }
        if (length >= 2) i += 1 + length; /* with the loop's step: to the byte behind the segment */
    }
    return true;
}

static bool is_jpeg(const unsigned char *p, int n) { return n > 2 && p[0] == 0xff && p[1] == 0xd8; }

bool stb_info(const unsigned char *bytes, int n, int *width, int *height)
{
    int channels;
    budget = 1 << 20;
    if (is_jpeg(bytes, n) && !huffman_tables_fit(bytes, (size_t)n)) return false;
    return stbi_info_from_memory(bytes, n, width, height, &channels) == 1;
}

unsigned char *stb_decode(const unsigned char *bytes, int n, size_t memory, int *width, int *height, int *channels)
{
    budget = memory;
    unsigned char *p = stbi_load_from_memory(bytes, n, width, height, channels, 0);
    if (!p) return NULL;
    size_t size = size_of(p);
    unsigned char *block = p - HEADER;
    memmove(block, p, size); /* from here on a plain block for free() */
    return block;
}

const char *stb_why(void)
{
    const char *why = stbi_failure_reason();
    return why ? why : "unknown";
}
