#pragma once

#include <cstdint>

#include "base/noise.h"

namespace cmir {

/** Kinds of noise on test sets; the first are those of perturb, by the same numbers. */
enum class CorruptionKind : int64_t {
  gaussian,
  laplace,
  erase,
  drop,
  replace,
  frame,
  block,
  modality
};

/**
 * Noise of an evaluation on one modality of a batch. An example is T time steps of D values: the
 * frames of a sequence, or one row. The mean of a standardised feature is 0.
 */
struct CorruptionArguments {
  int64_t examples, columns;  // B, D
  // [B + 1]: example b has the frames offsets[b] to offsets[b + 1]; null: one row each.
  const int64_t* offsets = nullptr;
  const int64_t* index;  // [B], keys of the draws
  PhiloxKey key;         // of the seed and the modality's name
  CorruptionKind kind;
  double intensity;
  // Of drop, which looks at all modalities at once.
  PhiloxKey seed = {};
  int64_t modality = 0, modalities = 1;
};

/**
 * out = x with noise, both [rows, D]; never the same memory. At intensity s:
 *   gaussian, laplace  x + s n, n of variance 1
 *   erase              a value becomes 0 with probability min(s, 0.95), as in training
 *   drop               the modality becomes 0 with that probability, but never all of them
 *   replace            a time step becomes N(0, 1) with probability s
 *   frame              a time step becomes 0 with probability s
 *   block              one stretch of round(s T) time steps, anywhere alike, becomes 0
 *   modality           all becomes 0 with probability s
 * Draws hang on (key, kind, example's key, place in the example) and nothing else: there is one
 * draw for all intensities, so what is 0 at s is 0 at every larger s.
 */
template <class Scalar>
void corrupt_cpu(const CorruptionArguments& arguments, const Scalar* x, Scalar* out);

}  // namespace cmir
