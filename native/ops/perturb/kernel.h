#pragma once

#include <cstdint>

#include "base/noise.h"

namespace cmir {

/** One environment of one modality for a whole batch; pointers are contiguous. */
struct PerturbArguments {
  int64_t rows, columns;
  const int64_t* index;  // [rows]
  uint32_t step;
  PhiloxKey key;
  int64_t modality, modalities;
  int64_t environment;  // 1..K
  NoiseKind kind;
  float intensity;
};

/** out[b, c] = x[b, c] with noise; both [rows, columns]. */
template <class Scalar>
void perturb_cpu(const PerturbArguments& arguments, const Scalar* x, Scalar* out);

}  // namespace cmir
