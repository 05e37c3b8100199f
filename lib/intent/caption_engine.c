#include "intent/caption_engine.h"

#include "base/mem.h"
#include "vision/pixels.h"

sandbox_options_t caption_worker(const caption_limits_t *limits)
{
    return (sandbox_options_t){.cpu_seconds = limits->seconds, .seconds = 3 * limits->seconds + 10,
                               .memory = size_add(pixels_memory(limits->max_pixels), 4 * (size_t)limits->max_file)};
}
