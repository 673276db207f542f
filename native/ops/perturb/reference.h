#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "base/philox.h"

namespace cmir::reference {

/** One draw of additive noise, or the uniform number of erase, in float64 with the C library's
 * functions, of the counter (index, step, tag). */
inline double draw(
    int64_t kind, PhiloxKey key, uint32_t index, uint32_t step, uint32_t tag, int64_t column
) {
  const auto words = philox(key, static_cast<uint32_t>(column / 4), index, step, tag);
  const auto u = [&](int64_t i) {
    return (std::floor(words[static_cast<size_t>(i)] / 512.0) + 0.5) / 8388608.0;
  };
  const int64_t lane = column % 4;
  if (kind == 0) {
    const int64_t pair = lane - lane % 2;
    const double radius = std::sqrt(-2 * std::log(u(pair))),
                 angle = 2 * std::numbers::pi * u(pair + 1);
    return radius * (lane % 2 == 0 ? std::cos(angle) : std::sin(angle));
  }
  if (kind == 1) {
    const double v = u(lane) - 0.5;
    return -std::copysign(1, v) * std::log(1 - 2 * std::abs(v)) / std::numbers::sqrt2;
  }
  return u(lane);
}

/** That of one environment. */
inline double draw(
    int64_t kind,
    uint64_t seed,
    int64_t step,
    int64_t modality,
    int64_t environment,
    int64_t index,
    int64_t column
) {
  return draw(
      kind,
      PhiloxKey::from_seed(seed),
      static_cast<uint32_t>(index),
      static_cast<uint32_t>(step),
      philox_tag(Stream::noise, modality, environment),
      column
  );
}

}  // namespace cmir::reference
