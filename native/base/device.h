#pragma once

// The only file of the native code that asks which compiler it meets.

#ifdef __CUDACC__
#define CMIR_HOST_DEVICE __host__ __device__
#else
#define CMIR_HOST_DEVICE
#endif

// One body compiled for several instruction sets, chosen when the library is loaded: the binary
// stays portable, and the loops use what the processor has.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__CUDACC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CMIR_MULTIVERSION \
  __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#define CMIR_INLINE inline __attribute__((always_inline))
#else
#define CMIR_MULTIVERSION
#define CMIR_INLINE inline
#endif
