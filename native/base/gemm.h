#pragma once

#include <cstdint>

namespace cmir {

/** A matrix in memory: element (i, j) is data[i * row_stride + j * column_stride]; one stride is 1.
 */
template <class Value>
struct Matrix {
  const Value* data;
  int64_t row_stride, column_stride;

  Matrix transposed() const { return {data, column_stride, row_stride}; }
};

/** Rows one after another, `stride` elements apart. */
template <class Value>
Matrix<Value> row_major(const Value* data, int64_t stride) {
  return {data, stride, 1};
}

/** What a product is added to: nothing, what `out` holds, or a row [n] for all rows of `out`. */
template <class Value>
struct Addend {
  bool out = false;
  const Value* row = nullptr;
  /** Round both factors to bfloat16, sum in float32; only where has_bfloat16_gemm(), for float32.
   */
  bool bfloat16 = false;
};

/**
 * float32 or float64: out [m, n] (rows `out_stride` apart) = a [m, k] b [k, n] + addend. Runs on
 * LibTorch's threads; where the products are our own, each element's sum is taken in one order,
 * whatever their number.
 */
template <class Value>
void gemm(
    int64_t m,
    int64_t n,
    int64_t k,
    const Matrix<Value>& a,
    const Matrix<Value>& b,
    Value* out,
    int64_t out_stride,
    const Addend<Value>& addend = {}
);

/** Whether this processor multiplies bfloat16 (AVX512-BF16). */
bool has_bfloat16_gemm();

/** Whether float32 products run in the kernel of this project rather than in LibTorch's library. */
bool has_own_gemm();

}  // namespace cmir
