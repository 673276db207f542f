#include <c10/util/BFloat16.h>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/reconstruction/kernel.h"

namespace cmir {
namespace {

template <class Scalar>
CMIR_INLINE double rows_sum(
    const ReconstructionArguments& a,
    const Scalar* output,
    const Scalar* target,
    Scalar* gradient,
    Scalar* sums,
    int64_t begin,
    int64_t end
) {
  using Compute = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  const auto scale = static_cast<Compute>(a.gradient_scale);
  double total = 0;
  for (int64_t row = begin; row < end; ++row) {
    const Scalar* o = output + row * a.columns;
    const Scalar* t = target + (a.shared_target ? row % a.rows : row) * a.columns;
    Scalar* g = gradient + row * a.columns;
    Compute squares = 0;
    if (sums == nullptr) {
#pragma omp simd reduction(+ : squares)
      for (int64_t c = 0; c < a.columns; ++c) {
        const Compute d = static_cast<Compute>(o[c]) - static_cast<Compute>(t[c]);
        squares += d * d;
        g[c] = static_cast<Scalar>(scale * d);
      }
    } else {
#pragma omp simd reduction(+ : squares)
      for (int64_t c = 0; c < a.columns; ++c) {
        const Compute d = static_cast<Compute>(o[c]) - static_cast<Compute>(t[c]);
        squares += d * d;
        g[c] = static_cast<Scalar>(scale * d);
        sums[c] += g[c];
      }
    }
    total += static_cast<double>(squares);
  }
  return total;
}

}  // namespace

template <class Scalar>
double reconstruction_cpu(
    const ReconstructionArguments& a,
    const Scalar* output,
    const Scalar* target,
    Scalar* gradient,
    Scalar* column_parts,
    Scalar* column_sums
) {
  const RowChunks chunks(a.environments * a.rows);
  const double total = chunks.sum(3 * a.columns, [&](int64_t chunk, int64_t begin, int64_t end) {
    Scalar* sums = column_sums == nullptr ? nullptr : column_parts + chunk * a.columns;
    if (sums != nullptr) std::fill_n(sums, a.columns, Scalar(0));
    double sum = 0;
    vectorized([&] { sum = rows_sum(a, output, target, gradient, sums, begin, end); });
    return sum;
  });
  if (column_sums != nullptr) sum_chunks(column_parts, chunks.count(), a.columns, column_sums);
  return total;
}

template double reconstruction_cpu(
    const ReconstructionArguments&, const float*, const float*, float*, float*, float*
);
template double reconstruction_cpu(
    const ReconstructionArguments&, const double*, const double*, double*, double*, double*
);
template double reconstruction_cpu(
    const ReconstructionArguments&,
    const c10::BFloat16*,
    const c10::BFloat16*,
    c10::BFloat16*,
    c10::BFloat16*,
    c10::BFloat16*
);

}  // namespace cmir
