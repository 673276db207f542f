#pragma once

#include "base/device.h"
#include "base/gemm.h"

#if CMIR_X86_VECTORS

namespace cmir {

/** gemm() for float32 in AVX-512, k > 0; with addend.bfloat16 also AVX512-BF16 is needed. */
void avx512_gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<float>& a,
    const Matrix<float>& b,
    float* out,
    int64_t out_stride,
    const Addend<float>& addend
);

}  // namespace cmir

#endif
