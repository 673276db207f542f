#pragma once

#include "base/device.h"

namespace cmir {

/** Vector instructions of the processor that the kernels have code for. */
enum class VectorSet { baseline, avx2, avx512 };

/** The widest of them here, asked once. */
VectorSet vector_set();

#if CMIR_X86_VECTORS
namespace detail {
// `flatten` compiles all that `body` calls into this function, for its instruction set.
template <class Body>
CMIR_TARGET_AVX512 __attribute__((flatten, noinline)) void run_avx512(const Body& body) {
  body();
}
template <class Body>
CMIR_TARGET_AVX2 __attribute__((flatten, noinline)) void run_avx2(const Body& body) {
  body();
}
}  // namespace detail
#endif

/**
 * Runs `body` compiled for the widest vector instructions of this processor: plain loops become
 * vector code, and the binary runs everywhere. What is parallel belongs around it, not inside.
 */
template <class Body>
void vectorized(const Body& body) {
#if CMIR_X86_VECTORS
  switch (vector_set()) {
    case VectorSet::avx512:
      return detail::run_avx512(body);
    case VectorSet::avx2:
      return detail::run_avx2(body);
    case VectorSet::baseline:
      break;
  }
#endif
  body();
}

}  // namespace cmir
