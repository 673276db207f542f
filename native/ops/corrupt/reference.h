#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "ops/corrupt/kernel.h"
#include "ops/perturb/reference.h"

namespace cmir::reference {

/** The key of a modality's draws: the seed, exclusive or FNV-1a of the name. */
inline PhiloxKey evaluation_key(uint64_t seed, const std::string& name) {
  uint64_t hash = 14695981039346656037U;
  for (const char byte : name) {
    hash ^= static_cast<uint8_t>(byte);
    hash *= 1099511628211U;
  }
  return PhiloxKey::from_seed(seed ^ hash);
}

/** One example x [T, D], float64, with noise of any kind but drop, an element at a time. */
inline at::Tensor corrupted(
    const at::Tensor& x, CorruptionKind kind, double s, PhiloxKey key, int64_t index
) {
  const int64_t steps = x.size(0), columns = x.size(1);
  const auto draw_of = [&](int64_t distribution, int64_t purpose, int64_t place) {
    const auto tag = philox_tag(Stream::evaluation, purpose, static_cast<int64_t>(kind));
    return draw(distribution, key, static_cast<uint32_t>(index), 0, tag, place);
  };
  const auto first_word = [&] {
    const auto tag = philox_tag(Stream::evaluation, 0, static_cast<int64_t>(kind));
    return philox(key, 0, static_cast<uint32_t>(index), 0, tag)[0];
  };
  const auto length = static_cast<int64_t>(std::round(s * static_cast<double>(steps)));
  const auto begin = static_cast<int64_t>(
      std::floor(first_word() / 4294967296.0 * static_cast<double>(steps - length + 1))
  );
  at::Tensor out = x.clone();
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t place = t * columns + c;
      const double value = x[t][c].item<double>();
      const auto result = [&] {
        switch (kind) {
          case CorruptionKind::gaussian:
            return value + s * draw_of(0, 0, place);
          case CorruptionKind::laplace:
            return value + s * draw_of(1, 0, place);
          case CorruptionKind::erase:
            return draw_of(2, 0, place) < std::min<double>(s, kMaxProbability) ? 0.0 : value;
          case CorruptionKind::replace:
            return draw_of(2, 0, t) < s ? draw_of(0, 1, place) : value;
          case CorruptionKind::frame:
            return draw_of(2, 0, t) < s ? 0.0 : value;
          case CorruptionKind::block:
            return t >= begin && t < begin + length ? 0.0 : value;
          case CorruptionKind::modality:
            return draw_of(2, 0, 0) < s ? 0.0 : value;
          case CorruptionKind::drop:
            break;
        }
        return std::nan("");
      };
      out[t][c] = result();
    }
  }
  return out;
}

}  // namespace cmir::reference
