#include <c10/util/BFloat16.h>

#include <algorithm>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/invariance/kernel.h"

namespace cmir {
namespace {

// A pair adds |d| to the value, d = z_i - z_j, sign(d) to the gradient of z_i, and -sign(d) to that
// of z_j. A tie has sign 0; so has NaN, which stays in the value.

template <class Compute>
CMIR_INLINE Compute sign_of(Compute d) {
  return (d > 0 ? Compute(1) : Compute(0)) - (d < 0 ? Compute(1) : Compute(0));
}

/** One row: the E values of each column meet in registers, all pairs, each once. */
template <int64_t Environments, class Compute, class Scalar>
CMIR_INLINE Compute
few_environments(const InvarianceArguments& a, const Scalar* z, Scalar* gradient) {
  // Copies that no store can change: the loop becomes vectors only with them.
  const int64_t columns = a.columns, stride = a.environment_stride,
                gradient_stride = a.gradient_environment_stride;
  const auto scale = static_cast<Compute>(a.gradient_scale);
  Compute sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < columns; ++c) {
    // Unrolled, so that the arrays become registers before the loop over columns becomes vectors.
    Compute value[Environments], sign[Environments];
#pragma GCC unroll 8
    for (int64_t e = 0; e < Environments; ++e) {
      value[e] = static_cast<Compute>(z[e * stride + c]);
      sign[e] = 0;
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < Environments; ++i) {
#pragma GCC unroll 8
      for (int64_t j = i + 1; j < Environments; ++j) {
        const Compute d = value[i] - value[j], s = sign_of(d);
        sum += d < 0 ? -d : d;
        sign[i] += s;
        sign[j] -= s;
      }
    }
#pragma GCC unroll 8
    for (int64_t e = 0; e < Environments; ++e) {
      gradient[e * gradient_stride + c] = static_cast<Scalar>(scale * sign[e]);
    }
  }
  return sum;
}

/** Adds sign(own - other) to signs, and returns the sum of |own - other|. */
template <class Compute, class Scalar>
CMIR_INLINE Compute
meet(const Scalar* own, const Scalar* other, Compute* __restrict signs, int64_t count) {
  Compute sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < count; ++c) {
    const auto d = static_cast<Compute>(own[c]) - static_cast<Compute>(other[c]);
    sum += d < 0 ? -d : d;
    signs[c] += sign_of(d);
  }
  return sum;
}

/** The same for any number of environments: a stretch of columns stays in L1 while all meet. */
template <class Compute, class Scalar>
CMIR_INLINE double many_environments(
    const InvarianceArguments& a, const Scalar* z, Scalar* gradient
) {
  constexpr int64_t kStretch = 64;
  const int64_t environments = a.environments, stride = a.environment_stride,
                gradient_stride = a.gradient_environment_stride;
  const auto scale = static_cast<Compute>(a.gradient_scale);
  double sum = 0;
  for (int64_t first = 0; first < a.columns; first += kStretch) {
    const int64_t count = std::min(kStretch, a.columns - first);
    for (int64_t i = 0; i < environments; ++i) {
      Compute signs[kStretch] = {};
      Compute both = 0;  // each pair is met from both sides
      for (int64_t j = 0; j < environments; ++j) {
        if (j == i) continue;  // infinity minus itself is not 0
        both += meet<Compute>(z + i * stride + first, z + j * stride + first, signs, count);
      }
      sum += static_cast<double>(both) / 2;
      Scalar* out = gradient + i * gradient_stride + first;
      for (int64_t c = 0; c < count; ++c) out[c] = static_cast<Scalar>(scale * signs[c]);
    }
  }
  return sum;
}

/** Environments 0 stands for many. */
template <int64_t Environments, class Scalar>
CMIR_INLINE double rows_sum(
    const InvarianceArguments& a, const Scalar* z, Scalar* gradient, int64_t begin, int64_t end
) {
  using Compute = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  double total = 0;
  for (int64_t row = begin; row < end; ++row) {
    const Scalar* from = z + row * a.row_stride;
    Scalar* to = gradient + row * a.gradient_row_stride;
    if constexpr (Environments > 0) {
      total += static_cast<double>(few_environments<Environments, Compute>(a, from, to));
    } else {
      total += many_environments<Compute>(a, from, to);
    }
  }
  return total;
}

template <class Scalar>
CMIR_INLINE double any_rows_sum(
    const InvarianceArguments& a, const Scalar* z, Scalar* gradient, int64_t begin, int64_t end
) {
  switch (a.environments) {
    case 2:
      return rows_sum<2>(a, z, gradient, begin, end);
    case 3:
      return rows_sum<3>(a, z, gradient, begin, end);
    case 4:
      return rows_sum<4>(a, z, gradient, begin, end);
    case 5:
      return rows_sum<5>(a, z, gradient, begin, end);
    case 6:
      return rows_sum<6>(a, z, gradient, begin, end);
    case 7:
      return rows_sum<7>(a, z, gradient, begin, end);
    case 8:
      return rows_sum<8>(a, z, gradient, begin, end);
    default:
      return rows_sum<0>(a, z, gradient, begin, end);
  }
}

}  // namespace

template <class Scalar>
double invariance_cpu(const InvarianceArguments& a, const Scalar* z, Scalar* gradient) {
  return RowChunks(a.rows).sum(
      a.columns * a.environments * a.environments / 2, [&](int64_t, int64_t begin, int64_t end) {
        double sum = 0;
        vectorized([&] { sum = any_rows_sum(a, z, gradient, begin, end); });
        return sum;
      }
  );
}

template double invariance_cpu(const InvarianceArguments&, const float*, float*);
template double invariance_cpu(const InvarianceArguments&, const double*, double*);
template double invariance_cpu(const InvarianceArguments&, const c10::BFloat16*, c10::BFloat16*);

}  // namespace cmir
