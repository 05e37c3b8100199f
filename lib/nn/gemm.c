#include "nn/gemm.h"

#include <cblas.h>
#ifdef HAVE_ONEDNN
#include <omp.h>
#endif

#include "base/parallel.h"

static void hold_to_one_thread(void)
{
    openblas_set_num_threads(1);
#ifdef HAVE_ONEDNN
    omp_set_num_threads(1); /* oneDNN's OpenMP counts per calling thread */
#endif
}

void gemm_init(void) { parallel_on_start(hold_to_one_thread); }

void gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, const float *b, float beta, float *c)
{
    if (m <= 0 || n <= 0) return;
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, alpha, a,
                (int)(ta ? m : k), b, (int)(tb ? k : n), beta, c, (int)n);
}
