/* Speed of CLIP's tower alone, without decoding: bench_clip DIR CROPS POOLED THREADS GEMM ROUNDS reads crops (raw bytes
 * [pictures, side, side, 3]) from a file, writes the pooled output (raw floats) to another and prints each round's pictures a
 * second. tests/bench/clip.sh runs it beside PyTorch; without arguments it says so and does nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "vision/clip.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        puts("bench_clip: run by tests/bench/clip.sh");
        return 0;
    }
    err_program("bench_clip");
    double begin = seconds();
    clip_t *c = clip_open(argv[1], backend_open(argv[5]));
    parallel_threads(atoi(argv[4]));
    fprintf(stderr, "read in %.2f s\n", seconds() - begin);
    bytes_t crops = in_bytes(argv[2]);
    const int64_t side = clip_pixels(c)->crop, width = clip_config(c)->hidden_size, pictures = (int64_t)crops.len / (side * side * 3);
    float *pooled = xfloats((size_t)(pictures * width));
    for (int round = atoi(argv[6]); round > 0; round--) {
        begin = seconds();
        clip_pool(c, pictures, crops.data, pooled);
        printf("%.2f\n", (double)pictures / (seconds() - begin));
    }
    FILE *out = fopen(argv[3], "wb");
    if (!out || fwrite(pooled, sizeof *pooled, (size_t)(pictures * width), out) != (size_t)(pictures * width) || fclose(out))
        die_errno(EX_CANTCREAT, "%s", argv[3]);
    free(pooled);
    in_free(&crops);
    clip_free(c);
    return 0;
}
