#pragma once

#include <array>
#include <cstdint>

#include "base/device.h"

namespace cmir {

/** What a draw is for: the top byte of the counter, so that no two uses share a draw. */
enum class Stream : uint32_t { noise = 0, dropout = 1, weights = 2, drop = 3, evaluation = 4 };

/** Largest number of modalities, and of environments, that the counter can tell apart. */
inline constexpr int64_t kMaxPerCounter = 1 << 12;

using PhiloxWords = std::array<uint32_t, 4>;

inline constexpr uint32_t kPhiloxMultiply0 = 0xD2511F53, kPhiloxMultiply1 = 0xCD9E8D57;
inline constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;

/** The key of all draws of one seed. */
struct PhiloxKey {
  uint32_t low, high;

  CMIR_HOST_DEVICE static constexpr PhiloxKey from_seed(uint64_t seed) {
    return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  }
};

/** The last counter word: stream (8 bits), modality (12), environment (12). */
CMIR_HOST_DEVICE constexpr uint32_t philox_tag(
    Stream stream, int64_t modality, int64_t environment
) {
  return static_cast<uint32_t>(stream) << 24 | static_cast<uint32_t>(modality) << 12 |
         static_cast<uint32_t>(environment);
}

/**
 * Philox4x32-10: four uniform words from a counter and a key, without state.
 * Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
 */
CMIR_HOST_DEVICE inline PhiloxWords philox(
    PhiloxKey key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3
) {
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kPhiloxMultiply0) * c0;
    const uint64_t p1 = static_cast<uint64_t>(kPhiloxMultiply1) * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c0 = n0;
    c1 = static_cast<uint32_t>(p1);
    c2 = n2;
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxWeyl0;
    k1 += kPhiloxWeyl1;
  }
  return {c0, c1, c2, c3};
}

}  // namespace cmir
