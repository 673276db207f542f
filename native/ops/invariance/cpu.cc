#include <c10/util/BFloat16.h>

#include <algorithm>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/invariance/kernel.h"

namespace cmir {
namespace {

// Values in one vector of 64 bytes; compilers split it where registers are narrower.
template <class Compute>
struct Vector;
template <>
struct Vector<float> {
  typedef float Type __attribute__((vector_size(64)));
};
template <>
struct Vector<double> {
  typedef double Type __attribute__((vector_size(64)));
};
template <class Compute>
using Lanes = typename Vector<Compute>::Type;
template <class Compute>
inline constexpr int64_t kLanes = 64 / sizeof(Compute);

template <class Compute, class Scalar>
CMIR_INLINE Lanes<Compute> load(const Scalar* values, int64_t count) {
  alignas(64) Compute lanes[kLanes<Compute>] = {};
  if (count == kLanes<Compute>) {
    for (int64_t l = 0; l < kLanes<Compute>; ++l) lanes[l] = static_cast<Compute>(values[l]);
  } else {
    for (int64_t l = 0; l < count; ++l) lanes[l] = static_cast<Compute>(values[l]);
  }
  return *reinterpret_cast<const Lanes<Compute>*>(lanes);
}

template <class Compute, class Scalar>
CMIR_INLINE void store(const Lanes<Compute>& vector, Scalar* values, int64_t count) {
  alignas(64) Compute lanes[kLanes<Compute>];
  *reinterpret_cast<Lanes<Compute>*>(lanes) = vector;
  if (count == kLanes<Compute>) {
    for (int64_t l = 0; l < kLanes<Compute>; ++l) values[l] = static_cast<Scalar>(lanes[l]);
  } else {
    for (int64_t l = 0; l < count; ++l) values[l] = static_cast<Scalar>(lanes[l]);
  }
}

/** What one pair adds, with d = z_i - z_j: |d| to the value, sign(d) to the gradient of z_i. */
template <class Compute>
struct Pair {
  Lanes<Compute> distance, sign;
};

// A tie has sign 0. So has NaN, which stays in the distance.
template <class Compute>
CMIR_INLINE Pair<Compute> compare(Lanes<Compute> a, Lanes<Compute> b) {
  const Lanes<Compute> d = a - b, zero{}, one = zero + 1;
  return {d < zero ? -d : d, (d > zero ? one : zero) - (d < zero ? one : zero)};
}

/** Columns 0 to count - 1 of one row, at most kLanes: all pairs, each once, in registers. */
template <int64_t Environments, class Compute, class Scalar>
CMIR_INLINE Lanes<Compute> few_environments(
    const InvarianceArguments& a, const Scalar* z, Scalar* gradient, int64_t count
) {
  Lanes<Compute> value[Environments], sign[Environments], sum{};
  for (int64_t e = 0; e < Environments; ++e) {
    value[e] = load<Compute>(z + e * a.environment_stride, count);
    sign[e] = Lanes<Compute>{};
  }
#pragma GCC unroll 8
  for (int64_t i = 0; i < Environments; ++i) {
#pragma GCC unroll 8
    for (int64_t j = i + 1; j < Environments; ++j) {
      const Pair<Compute> pair = compare<Compute>(value[i], value[j]);
      sum += pair.distance;
      sign[i] += pair.sign;
      sign[j] -= pair.sign;
    }
  }
  for (int64_t e = 0; e < Environments; ++e) {
    store<Compute>(
        sign[e] * static_cast<Compute>(a.gradient_scale),
        gradient + e * a.gradient_environment_stride,
        count
    );
  }
  return sum;
}

/** The same for any number of environments, whose values stay in L1 while each meets all others. */
template <class Compute, class Scalar>
CMIR_INLINE Lanes<Compute> many_environments(
    const InvarianceArguments& a, const Scalar* z, Scalar* gradient, int64_t count
) {
  Lanes<Compute> sum{};
  for (int64_t i = 0; i < a.environments; ++i) {
    const Lanes<Compute> own = load<Compute>(z + i * a.environment_stride, count);
    Lanes<Compute> sign{};
    for (int64_t j = 0; j < a.environments; ++j) {
      const Pair<Compute> pair =
          compare<Compute>(own, load<Compute>(z + j * a.environment_stride, count));
      if (j > i) sum += pair.distance;
      sign += pair.sign;
    }
    store<Compute>(
        sign * static_cast<Compute>(a.gradient_scale),
        gradient + i * a.gradient_environment_stride,
        count
    );
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
    Lanes<Compute> sum{};
    for (int64_t first = 0; first < a.columns; first += kLanes<Compute>) {
      const Scalar* from = z + row * a.row_stride + first;
      Scalar* to = gradient + row * a.gradient_row_stride + first;
      const int64_t count = std::min(kLanes<Compute>, a.columns - first);
      if constexpr (Environments > 0) {
        sum += few_environments<Environments, Compute>(a, from, to, count);
      } else {
        sum += many_environments<Compute>(a, from, to, count);
      }
    }
    alignas(64) Compute lanes[kLanes<Compute>];
    store<Compute>(sum, lanes, kLanes<Compute>);
    for (const Compute lane : lanes) total += static_cast<double>(lane);
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
