#include <algorithm>
#include <cmath>
#include <limits>

#include "base/gemm.h"
#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/decorrelation/kernel.h"

// With A, B the unit rows of both parts and off = w_ij^2:
//   sum w^2 C^2 = off <A^T A, B^T B> + (1 - off) sum_i (a_i . b_i)^2
//   G_A = d / dA = 2 off A (B^T B) + 2 (1 - off) diag(a . b) B       and A, B exchanged
//   <A^T A, B^T B> = sum_i a_i . (A B^T B)_i, so the product that the gradient needs gives the
//   value too. gradient in z, a = z / |z|: (g - a (a . g)) / |z|
// When B < d, C = A B^T is the smaller way round: A B^T B = C B and B A^T A = C^T A.

namespace cmir {
namespace {

constexpr double kEpsilon = 1e-12;  // least norm

/** One part: its unit rows [E * B, d], 1 / norm [E * B], and A (B^T B) or B (A^T A) [E * B, d]. */
template <class Value>
struct Part {
  const Value* input;
  Value* gradient;
  Value *unit, *inverse_norm, *product;
};

template <class Value>
CMIR_INLINE Value dot(const Value* a, const Value* b, int64_t n) {
  Value sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

template <class Value>
CMIR_INLINE Value norm_of(const Value* z, int64_t n) {
  const Value squares = dot(z, z, n);
  if (squares > std::numeric_limits<Value>::min() && std::isfinite(squares)) {
    return std::sqrt(squares);
  }
  // Squares that overflow or vanish: once more, with the largest element taken out.
  Value largest = 0;
  for (int64_t c = 0; c < n; ++c) largest = std::max(largest, std::abs(z[c]));
  if (largest == 0 || !std::isfinite(largest)) return std::sqrt(squares);
  Value sum = 0;
  for (int64_t c = 0; c < n; ++c) sum += (z[c] / largest) * (z[c] / largest);
  return largest * std::sqrt(sum);
}

template <class Value>
CMIR_INLINE void normalize_rows(
    const DecorrelationArguments& a, const Part<Value>& part, int64_t begin, int64_t end
) {
  for (int64_t row = begin; row < end; ++row) {
    const Value* z = part.input + row * a.input_stride;
    Value* unit = part.unit + row * a.columns;
    const Value norm = norm_of(z, a.columns);
    const Value inverse = 1 / (norm < Value(kEpsilon) ? Value(kEpsilon) : norm);
    part.inverse_norm[row] = inverse;
#pragma omp simd
    for (int64_t c = 0; c < a.columns; ++c) unit[c] = z[c] * inverse;
  }
}

template <class Value>
CMIR_INLINE double finish_rows(
    const DecorrelationArguments& a,
    const Part<Value>& first,
    const Part<Value>& second,
    int64_t begin,
    int64_t end
) {
  const double off = a.off_diagonal * a.off_diagonal;
  const auto all = static_cast<Value>(2 * off * a.gradient_scale);
  const auto own = static_cast<Value>(2 * (1 - off) * a.gradient_scale);
  double total = 0;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = row * a.columns;
    const Value diagonal = dot(first.unit + at, second.unit + at, a.columns);  // a_i . b_i
    const Value everywhere = dot(first.unit + at, first.product + at, a.columns);
    total += off * static_cast<double>(everywhere) +
             (1 - off) * static_cast<double>(diagonal) * static_cast<double>(diagonal);
    const auto back =
        [&](const Part<Value>& part, const Part<Value>& other, Value along, bool adds) {
          const Value inverse = part.inverse_norm[row];
          // Where the norm was raised to epsilon, a is z / epsilon and has no radial part to take
          // out.
          const Value radial =
              inverse < Value(1 / kEpsilon) ? all * along + own * diagonal * diagonal : Value(0);
          const Value* unit = part.unit + at;
          const Value* product = part.product + at;
          const Value* across = other.unit + at;
          Value* gradient = part.gradient + row * a.gradient_stride;
          if (!adds) std::fill_n(gradient, a.columns, Value(0));
#pragma omp simd
          for (int64_t c = 0; c < a.columns; ++c) {
            const Value g = all * product[c] + own * diagonal * across[c] - unit[c] * radial;
            gradient[c] += g * inverse;
          }
        };
    back(first, second, everywhere, a.accumulate);
    back(second, first, dot(second.unit + at, second.product + at, a.columns), false);
  }
  return total;
}

}  // namespace

int64_t decorrelation_scratch(int64_t rows, int64_t columns) {
  // The square matrix is B x B only where B < d.
  return 4 * rows * columns + 2 * rows + columns * columns;
}

template <class Value>
double decorrelation_cpu(
    const DecorrelationArguments& a,
    const Value* invariant,
    const Value* spurious,
    Value* invariant_gradient,
    Value* spurious_gradient,
    Value* scratch
) {
  const int64_t rows = a.environments * a.batch, size = rows * a.columns;
  Part<Value> first{invariant, invariant_gradient, scratch, scratch + 4 * size, scratch + size};
  Part<Value> second{
      spurious, spurious_gradient, scratch + 2 * size, scratch + 4 * size + rows, scratch + 3 * size
  };
  Value* square = scratch + 4 * size + 2 * rows;  // a Gram matrix, or C

  const RowChunks chunks(rows);
  chunks.for_each(6 * a.columns, [&](int64_t, int64_t begin, int64_t end) {
    vectorized([&] {
      normalize_rows(a, first, begin, end);
      normalize_rows(a, second, begin, end);
    });
  });

  const int64_t b = a.batch, d = a.columns;
  for (int64_t e = 0; e < a.environments; ++e) {
    const int64_t at = e * b * d;
    const Matrix<Value> unit_a = row_major<Value>(first.unit + at, d);
    const Matrix<Value> unit_b = row_major<Value>(second.unit + at, d);
    if (b < d) {
      const Matrix<Value> c = row_major<Value>(square, b);
      gemm(b, b, d, unit_a, unit_b.transposed(), square, b);
      gemm(b, d, b, c, unit_b, first.product + at, d);
      gemm(b, d, b, c.transposed(), unit_a, second.product + at, d);
    } else {
      const Matrix<Value> gram = row_major<Value>(square, d);
      gemm(d, d, b, unit_b.transposed(), unit_b, square, d);
      gemm(b, d, d, unit_a, gram, first.product + at, d);
      gemm(d, d, b, unit_a.transposed(), unit_a, square, d);
      gemm(b, d, d, unit_b, gram, second.product + at, d);
    }
  }

  return chunks.sum(10 * a.columns, [&](int64_t, int64_t begin, int64_t end) {
    double sum = 0;
    vectorized([&] { sum = finish_rows(a, first, second, begin, end); });
    return sum;
  });
}

template double decorrelation_cpu(
    const DecorrelationArguments&, const float*, const float*, float*, float*, float*
);
template double decorrelation_cpu(
    const DecorrelationArguments&, const double*, const double*, double*, double*, double*
);

}  // namespace cmir
