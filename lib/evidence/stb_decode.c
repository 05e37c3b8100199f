/* The one place where stb_image is compiled: only the formats in use, and an allocator with a budget, which bounds what a
 * small hostile file can unpack to wherever address-space limits cannot (the sanitizers reserve terabytes). */
#include "evidence/stb_decode.h"

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

bool stb_info(const unsigned char *bytes, int n, int *width, int *height)
{
    int channels;
    budget = 1 << 20;
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
