#pragma once

#include <cstdint>

#include "base/noise.h"

namespace cmir {

/**
 * The frames of a batch of sequences in all environments of one modality. To the draws, an
 * example's T frames are one row of T * columns; noise is that of perturb. An example may have no
 * frames.
 */
struct SequenceArguments {
  int64_t examples, columns;  // B, D
  const int64_t* offsets;  // [B + 1]: example b has the frames offsets[b] to offsets[b + 1]; from 0
  // Of the draws; nothing is looked at where there is no noisy environment.
  const int64_t* index = nullptr;  // [B], keys
  uint32_t step = 0;
  PhiloxKey key = {};
  int64_t modality = 0, modalities = 1;
  int64_t environments = 0;             // K, the noisy ones
  const int64_t* kinds = nullptr;       // [K], NoiseKind
  const double* intensities = nullptr;  // [K]
  bool clean = true;                    // whether the clean environment comes before them

  /** E, those that are made. */
  int64_t made() const { return environments + (clean ? 1 : 0); }
};

// Every function reads frames [F, D] as they lie and makes noisy ones a few at a time: those of all
// environments are never in memory together. Results do not depend on the number of threads, nor an
// example's on the others. Without frames, its result is 0 in every environment.

/**
 * out [E, B, D], the mean of each example's frames. Gaussian noise is drawn once for the mean, as
 * noise of a flat row: that of T independent draws of N(0, 1) is N(0, 1 / T).
 */
template <class Scalar>
void mean_frames_cpu(const SequenceArguments& arguments, const Scalar* frames, Scalar* out);

/**
 * out [E, B, D], the sum of each example's noisy frames weighted by softmax(x_t . query / sqrt(D));
 * `weights` [E, F] keeps the weights for the backward pass, or is null.
 */
template <class Scalar>
void attend_frames_cpu(
    const SequenceArguments& arguments,
    const Scalar* frames,
    const Scalar* query,
    Scalar* weights,
    Scalar* out
);

/** What the forward pass of attention left, and the gradient that came back. */
template <class Scalar>
struct AttentionGradient {
  const Scalar *weights, *out;  // [E, F], [E, B, D]
  const Scalar* incoming;       // [E, B, D], of out
  Scalar* parts;                // [RowChunks::kMaxChunks, D], memory
};

/** query_gradient [D]; the noise is drawn again. */
template <class Scalar>
void attend_frames_backward_cpu(
    const SequenceArguments& arguments,
    const Scalar* frames,
    const AttentionGradient<Scalar>& gradient,
    Scalar* query_gradient
);

/** Where each noisy frame goes: that of example b and environment e at time t to row
 * starts[t] + places[b] * E + e, environments counted from the first that is made. */
struct FramePlaces {
  const int64_t* starts;  // [longest T]
  const int64_t* places;  // [B]
};

/** All noisy frames into out [E * F, D]. */
template <class Scalar>
void place_frames_cpu(
    const SequenceArguments& arguments, const Scalar* frames, const FramePlaces& places, Scalar* out
);

}  // namespace cmir
