#pragma once

// The only file of the native code that asks which compiler it meets, and with what it is built.

struct CUstream_st;

namespace cmir {

/** A cudaStream_t, for those who do not include the CUDA runtime. */
using CudaStream = CUstream_st*;

/** Whether kernels for CUDA devices are built in; without them LibTorch's operations serve there.
 */
#ifdef CMIR_CUDA
inline constexpr bool kCudaKernels = true;
#else
inline constexpr bool kCudaKernels = false;
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitizers = true;
#else
inline constexpr bool kSanitizers = false;
#endif

}  // namespace cmir

#ifdef __CUDACC__
#define CMIR_HOST_DEVICE __host__ __device__
#else
#define CMIR_HOST_DEVICE
#endif

#if defined(__GNUC__)
#define CMIR_INLINE inline __attribute__((always_inline))
#else
#define CMIR_INLINE inline
#endif

// x86 with a compiler that can build one function for another instruction set than the file's, as
// it is done here: GCC.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__CUDACC__)
#define CMIR_X86_VECTORS 1
#define CMIR_TARGET_AVX512                                                                    \
  __attribute__((target(                                                                      \
      "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,fma,bmi,bmi2,prefer-vector-width=512" \
  )))
#define CMIR_TARGET_AVX512_BF16 CMIR_TARGET_AVX512 __attribute__((target("avx512bf16")))
#define CMIR_TARGET_AVX2 __attribute__((target("avx2,fma,bmi,bmi2")))
#else
#define CMIR_X86_VECTORS 0
#endif
