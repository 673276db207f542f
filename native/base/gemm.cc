#include "base/gemm.h"

#include <ATen/ATen.h>

#include <type_traits>

#include "base/gemm_avx512.h"
#include "base/vectorized.h"

namespace cmir {
namespace {

/** A view of memory that LibTorch's products take. */
template <class Value>
at::Tensor view(const Value* data, int64_t rows, int64_t columns, int64_t row, int64_t column) {
  return at::from_blob(
      const_cast<Value*>(data),
      {rows, columns},
      {row, column},
      c10::CppTypeToScalarType<Value>::value
  );
}

}  // namespace

bool has_bfloat16_gemm() {
#if CMIR_X86_VECTORS
  static const bool has = vector_set() == VectorSet::avx512 && __builtin_cpu_supports("avx512bf16");
  return has;
#else
  return false;
#endif
}

bool has_own_gemm() {
#if CMIR_X86_VECTORS
  // LibTorch's MKL is at its peak on Intel's processors, but leaves half of AVX-512 unused on
  // others. The choice never hangs on a measurement: a run must repeat itself bit by bit.
  static const bool own = vector_set() == VectorSet::avx512 && !__builtin_cpu_is("intel");
  return own;
#else
  return false;
#endif
}

template <class Value>
void gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<Value>& a,
    const Matrix<Value>& b,
    Value* out,
    int64_t out_stride,
    const Addend<Value>& addend
) {
  if (m == 0 || n == 0) return;
#if CMIR_X86_VECTORS
  if constexpr (std::is_same_v<Value, float>) {
    if (k > 0 && (has_own_gemm() || addend.bfloat16)) {
      return avx512_gemm(m, n, k, a, b, out, out_stride, addend);
    }
  }
#endif
  at::Tensor c = view(out, m, n, out_stride, 1);
  const at::Tensor left = view(a.data, m, k, a.row_stride, a.column_stride);
  const at::Tensor right = view(b.data, k, n, b.row_stride, b.column_stride);
  if (addend.row != nullptr) c.copy_(view(addend.row, 1, n, n, 1).expand({m, n}));
  at::addmm_out(c, c, left, right, addend.out || addend.row != nullptr ? 1 : 0, 1);
}

template void gemm(
    int64_t,
    int64_t,
    int64_t,
    const Matrix<float>&,
    const Matrix<float>&,
    float*,
    int64_t,
    const Addend<float>&
);
template void gemm(
    int64_t,
    int64_t,
    int64_t,
    const Matrix<double>&,
    const Matrix<double>&,
    double*,
    int64_t,
    const Addend<double>&
);

}  // namespace cmir
