#pragma once

#include <ATen/core/Tensor.h>

namespace cmir {

/** Where in the model and in time a dropout mask belongs: with the seed, the key of its draws. */
struct DropoutSite {
  int64_t seed;
  int64_t layer;     // the modality's number for its encoder, the number of modalities for the head
  at::Tensor index;  // int64 [B], examples' indices in the data set
  int64_t step;
};

/**
 * x [E, B, H] with each element zeroed with probability p and the others divided by 1 - p; p in [0,
 * 1). Counter-based like the noise: the mask depends only on (seed, step, layer, environment,
 * index, column).
 */
at::Tensor dropout(const at::Tensor& x, const DropoutSite& site, double p);

}  // namespace cmir
