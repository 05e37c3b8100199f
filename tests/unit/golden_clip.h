/* Made by tests/torch/golden_clip.py with Pillow, and with PyTorch in float64; `make check-torch` compares. */
#ifndef SIDMILL_GOLDEN_CLIP_H
#define SIDMILL_GOLDEN_CLIP_H

#include <stdint.h>

/* Pillow's bicubic resizing: sizes before and after, and the FNV-1a hash of the result. */
static const struct {
    int64_t width, height, to_width, to_height;
    uint64_t hash;
} golden_resized[12] = {
    {8, 8, 8, 8, 0x25ee26f4343adce5},
    {7, 5, 3, 4, 0xde5c8636eade2d66},
    {3, 2, 7, 9, 0x4fd339adf83930d6},
    {1, 1, 6, 4, 0xd457aad00c9e61cd},
    {40, 1, 5, 3, 0x55fc6f814e4bd4d},
    {1, 33, 2, 4, 0x77520ee248d7702b},
    {64, 48, 64, 20, 0x7c4bcbf64e354dd6},
    {64, 48, 21, 48, 0x8ff9edefeed99618},
    {100, 75, 37, 28, 0x4fb72b2302785f11},
    {257, 190, 224, 165, 0x4709070fd3aab5e9},
    {640, 480, 298, 224, 0x1fb587a7017f3f5d},
    {97, 400, 224, 923, 0x8d5015ef9ada1daf}
};

/* The second of them in full, 3 x 4 pixels. */
static const uint8_t golden_pixels[4][9] = {
    {2, 108, 226, 62, 163, 86, 181, 98, 134},
    {24, 120, 215, 111, 164, 71, 154, 114, 155},
    {61, 212, 134, 163, 152, 90, 173, 61, 173},
    {177, 86, 123, 108, 135, 156, 164, 79, 104}
};

/* Pictures' sizes, and the tower's pooled output for each under its two activations. */
static const int64_t golden_pictures[3][2] = {
    {11, 9},
    {8, 8},
    {5, 40}
};
static const double golden_pooled_quick_gelu[3][8] = {
    {1.237916, -0.7585473, 1.430366, 0.8045793, -1.893707, 0.3075837, 0.114682, -1.125265},
    {1.006268, -0.6214337, 1.955922, 0.1103678, -1.936359, 0.7231687, -0.2425326, -0.8961457},
    {1.69059, -0.6788156, -0.05462091, 0.1311472, -2.04908, -0.1831075, 0.790656, -0.227584}
};
static const double golden_pooled_gelu[3][8] = {
    {1.236097, -0.7584329, 1.435197, 0.7996568, -1.894742, 0.3115092, 0.1122585, -1.123976},
    {1.008344, -0.6235377, 1.952137, 0.1135689, -1.937321, 0.7216702, -0.2393487, -0.8969823},
    {1.691111, -0.6774561, -0.0614701, 0.1328641, -2.046431, -0.187378, 0.7928592, -0.2260133}
};

#endif
