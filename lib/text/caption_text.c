#include "text/caption_text.h"

#include <string.h>

const char *caption_labels(const char *caption) { return strstr(caption, CAPTION_LABELS); }

bool caption_is_pixels(const char *caption)
{
    return (strstr(caption, "-toned object in ") || strstr(caption, "-toned scene that ") || strstr(caption, "mid-toned")) &&
           strstr(caption, " contrast");
}
