#pragma once

#include <cstdint>

#include "base/bfloat16.h"
#include "base/noise.h"

namespace cmir {

/** All environments of one modality for a whole batch; x and out have contiguous rows. */
struct PerturbArguments {
  int64_t rows, columns;
  const int64_t* source;  // [rows], which row of x to read; null: row after row
  const int64_t* index;   // [rows], keys of the draws
  uint32_t step;
  PhiloxKey key;
  int64_t modality, modalities;
  int64_t environments;       // K, the noisy ones
  const int64_t* kinds;       // [K], NoiseKind
  const double* intensities;  // [K]
  bool shared_draw = false;   // all environments have the draws of the first
  // Of each row of x, what gaussian noise is multiplied with besides its intensity; null: 1.
  const float* scale = nullptr;
};

/** out[0, b] = x[source[b]], out[e, b] = the same with noise; out [1 + K, rows, columns]. */
template <class Scalar>
void perturb_cpu(const PerturbArguments& arguments, const Scalar* x, Scalar* out);

/**
 * The same on a CUDA device, where all pointers but `kinds` and `intensities` are; the step is the
 * number at `step`, read when the kernel runs. Scalar: float, double, Bfloat16. `rounded`, unless
 * it is null, becomes `out` in bfloat16.
 */
template <class Scalar>
void perturb_cuda(
    const PerturbArguments& arguments,
    const int64_t* step,
    const Scalar* x,
    Scalar* out,
    CudaStream stream,
    Bfloat16* rounded = nullptr
);

}  // namespace cmir
