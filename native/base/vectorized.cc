#include "base/vectorized.h"

#include <ATen/Version.h>

namespace cmir {

VectorSet vector_set() {
#if CMIR_X86_VECTORS
  // LibTorch has asked the processor already, and can be told otherwise by ATEN_CPU_CAPABILITY.
  static const VectorSet set = [] {
    const std::string capability = at::get_cpu_capability();
    return capability == "AVX512" ? VectorSet::avx512
           : capability == "AVX2" ? VectorSet::avx2
                                  : VectorSet::baseline;
  }();
  return set;
#else
  return VectorSet::baseline;
#endif
}

}  // namespace cmir
