#include "base/vectorized.h"

namespace cmir {

VectorSet vector_set() {
#if CMIR_X86_VECTORS
  static const VectorSet set = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd")) {
      return VectorSet::avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2")) {
      return VectorSet::avx2;
    }
    return VectorSet::baseline;
  }();
  return set;
#else
  return VectorSet::baseline;
#endif
}

}  // namespace cmir
