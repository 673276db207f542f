#pragma once

#include <type_traits>

#include "base/draws.h"

namespace cmir {

namespace detail {

template <NoiseKind kind, class Scalar>
CMIR_INLINE void noisy_columns(
    const RowKey& row, float intensity, int64_t begin, int64_t end, const Scalar* clean, Scalar* out
) {
  // Draws are float32; float64 adds them in float64, narrower types in float32.
  using Compute = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  const Compute scale = intensity;
  const float p = probability(intensity);
  draw_columns<kind>(row, begin, end, [&](int64_t first, int64_t count, const float* values) {
    const Scalar* from = clean + (first - begin);
    Scalar* target = out + (first - begin);
    for (int64_t c = 0; c < count; ++c) {
      const auto value = static_cast<Compute>(from[c]);
      if constexpr (kind == NoiseKind::erase) {
        target[c] = static_cast<Scalar>(values[c] < p ? Compute(0) : value);
      } else {
        target[c] = static_cast<Scalar>(value + scale * static_cast<Compute>(values[c]));
      }
    }
  });
}

}  // namespace detail

/**
 * The columns from `begin`, a multiple of 4, to `end` - 1 of a row with noise of a kind other than
 * drop, which has no draws of columns; clean and out begin with column `begin`.
 */
template <class Scalar>
CMIR_INLINE void noisy_columns(
    NoiseKind kind,
    const RowKey& row,
    float intensity,
    int64_t begin,
    int64_t end,
    const Scalar* clean,
    Scalar* out
) {
  switch (kind) {
    case NoiseKind::gaussian:
      return detail::noisy_columns<NoiseKind::gaussian>(row, intensity, begin, end, clean, out);
    case NoiseKind::laplace:
      return detail::noisy_columns<NoiseKind::laplace>(row, intensity, begin, end, clean, out);
    case NoiseKind::erase:
      return detail::noisy_columns<NoiseKind::erase>(row, intensity, begin, end, clean, out);
    case NoiseKind::drop:
      break;
  }
}

}  // namespace cmir
