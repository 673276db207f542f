#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/philox.h"

namespace cmir {

/** Kinds of noise, in the order of their numbers in the operator's `kinds`. */
enum class NoiseKind : int64_t { gaussian = 0, laplace = 1, erase = 2, drop = 3 };

/** Largest probability of erase and drop, so that something is left of every example. */
inline constexpr float kMaxProbability = 0.95F;

/** A word as a number in (0, 1): 23 bits, centred, exact in float32 and symmetric about 1/2. */
CMIR_HOST_DEVICE CMIR_INLINE float uniform(uint32_t word) {
  return (static_cast<float>(static_cast<int32_t>(word >> 9)) + 0.5F) * 0x1p-23F;
}

/**
 * ln(u) for normal u > 0 to about 1e-7 relative, free of branches and calls so that loops
 * vectorise. u = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m by the odd series of t = (m - 1) / (m +
 * 1).
 */
CMIR_HOST_DEVICE CMIR_INLINE float log_unit(float u) {
  const int32_t bits = std::bit_cast<int32_t>(u);
  const int32_t exponent = (bits - 0x3F3504F3) >> 23;  // 0x3F3504F3 is sqrt(1/2)
  const float mantissa = std::bit_cast<float>(bits - exponent * (1 << 23));
  const float t = (mantissa - 1.0F) / (mantissa + 1.0F);
  const float t2 = t * t;
  const float series =
      t2 *
      (0.333333333F + t2 * (0.2F + t2 * (0.142857143F + t2 * (0.111111111F + t2 * 0.0909091F))));
  return static_cast<float>(exponent) * 0.693147181F + 2.0F * (t + t * series);
}

struct SinCos {
  float sine, cosine;
};

/** sin and cos of 2 pi u for u in (0, 1), to about 1e-7: Taylor series on the nearest quarter turn.
 */
CMIR_HOST_DEVICE CMIR_INLINE SinCos sincos_turns(float u) {
  const int32_t quarter = static_cast<int32_t>(u * 4.0F + 0.5F);
  const float x = (u * 4.0F - static_cast<float>(quarter)) * 1.57079633F;  // [-pi/4, pi/4]
  const float x2 = x * x;
  const float sine =
      x +
      x * x2 * (-0.166666667F + x2 * (8.33333333e-3F + x2 * (-1.98412698e-4F + x2 * 2.755732e-6F)));
  const float cosine =
      1.0F + x2 * (-0.5F + x2 * (4.16666667e-2F + x2 * (-1.38888889e-3F +
                                                        x2 * (2.48015873e-5F - x2 * 2.75573e-7F))));
  const bool swap = (quarter & 1) != 0;
  const float s = swap ? cosine : sine;
  const float c = swap ? sine : cosine;
  return {(quarter & 2) != 0 ? -s : s, ((quarter + 1) & 2) != 0 ? -c : c};
}

struct NormalPair {
  float first, second;
};

/** Two independent N(0, 1) draws from two words: Box and Muller (1958). */
CMIR_HOST_DEVICE CMIR_INLINE NormalPair normal_pair(uint32_t word0, uint32_t word1) {
  const float radius = std::sqrt(-2.0F * log_unit(uniform(word0)));
  const SinCos angle = sincos_turns(uniform(word1));
  return {radius * angle.cosine, radius * angle.sine};
}

/** One Laplace draw of mean 0 and variance 1: -sign(v) ln(1 - 2|v|) / sqrt(2), v uniform about 0.
 */
CMIR_HOST_DEVICE CMIR_INLINE float laplace(uint32_t word) {
  const float v = uniform(word) - 0.5F;
  const float magnitude = -0.707106781F * log_unit(1.0F - 2.0F * (v < 0.0F ? -v : v));
  return v < 0.0F ? -magnitude : magnitude;
}

/** What a frame's gaussian noise is multiplied with in the mean of so many: 1 / sqrt(frames), or 0.
 */
inline float mean_noise_scale(int64_t frames) {
  return frames == 0 ? 0.0F : static_cast<float>(1 / std::sqrt(static_cast<double>(frames)));
}

/** The probability that an intensity stands for in erase and drop. */
CMIR_HOST_DEVICE CMIR_INLINE float probability(float intensity) {
  return intensity < kMaxProbability ? intensity : kMaxProbability;
}

/**
 * Whether `modality` of one example is dropped in one environment: each modality with probability
 * p, but never all of them; then the one with the largest draw stays.
 */
CMIR_HOST_DEVICE inline bool is_dropped(
    PhiloxKey key,
    uint32_t index,
    uint32_t step,
    int64_t modality,
    int64_t modalities,
    int64_t environment,
    float p
) {
  bool all = true, dropped = false;
  int64_t kept = 0;
  float largest = -1.0F;
  for (int64_t m = 0; m < modalities; ++m) {
    const float u =
        uniform(philox(key, 0, index, step, philox_tag(Stream::drop, m, environment))[0]);
    if (u > largest) {
      largest = u;
      kept = m;
    }
    if (m == modality) dropped = u < p;
    all = all && u < p;
  }
  return dropped && !(all && kept == modality);
}

}  // namespace cmir
