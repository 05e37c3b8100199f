#include "nn/gemm.h"

#include <cblas.h>
#ifdef HAVE_ONEDNN
/* From libgomp, which oneDNN runs on; its header belongs to one compiler only. */
void omp_set_num_threads(int n);
#endif

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"

#if defined(__x86_64__)
/* OpenBLAS chooses its kernels by processor model when it is loaded, and falls back to SSE ones for models younger than
 * itself: five times slower here. The choice can only be steered through the environment, so the program starts itself
 * once more, before main() and before any input is read, with the kernels named that the processor's features allow. */
__attribute__((constructor)) static void choose_kernels(int argc, char **argv)
{
    (void)argc;
    const char *better = __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") ? "SkylakeX"
                         : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? "Haswell"
                                                                                                  : NULL;
    if (!better || getenv("OPENBLAS_CORETYPE") || strcmp(openblas_get_corename(), "Prescott")) return;
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1); /* the name, so that process lists show it */
    if (n <= 0 || setenv("OPENBLAS_CORETYPE", better, 0)) return;
    path[n] = '\0';
    execv(path, argv);
}
#endif

static void hold_to_one_thread(void)
{
    openblas_set_num_threads(1);
#ifdef HAVE_ONEDNN
    omp_set_num_threads(1); /* oneDNN's OpenMP counts per calling thread */
#endif
}

void gemm_init(void) { parallel_on_start(hold_to_one_thread); }

void gemm_f32_strided(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
                      int64_t ldb, float beta, float *c, int64_t ldc)
{
    if (m <= 0 || n <= 0) return;
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a,
                (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, const float *b, float beta,
              float *c)
{
    gemm_f32_strided(ta, tb, m, n, k, alpha, a, ta ? m : k, b, tb ? k : n, beta, c, n);
}
