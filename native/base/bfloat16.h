#pragma once

#include <bit>
#include <cstdint>

#include "base/device.h"

namespace cmir {

/** bfloat16 in CUDA kernels, which include nothing of LibTorch: the upper half of a float32. */
struct Bfloat16 {
  uint16_t bits;

  Bfloat16() = default;

  /** Rounds to nearest, ties to even; NaN stays NaN. */
  CMIR_HOST_DEVICE explicit Bfloat16(float value) {
    const uint32_t word = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = word + 0x7FFF + ((word >> 16) & 1);
    bits = value == value ? static_cast<uint16_t>(rounded >> 16) : uint16_t{0x7FC0};
  }

  CMIR_HOST_DEVICE explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
};

}  // namespace cmir
