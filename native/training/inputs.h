#pragma once

#include <ATen/core/Tensor.h>

#include "data/gather.h"
#include "model/cmir.h"
#include "training/environments.h"

namespace cmir {

/** Who draws the noise of a batch. */
struct NoiseSite {
  int64_t seed;
  at::Tensor index;  // int64 [B], keys of the draws
  at::Tensor step;   // int64 []
};

/**
 * Whether noise of these environments is added to every frame of a sequence before it is pooled:
 * else, where frames are averaged, to their mean, which is all that is needed of them then.
 */
bool needs_frames(const ModelConfig& model, const EnvironmentLists& environments);

/**
 * What the encoder of a modality sees: [1 + K, B, D'], the clean environment first. Noise is that
 * of perturb; to the draws the frames of a sequence are one row of T * D_m columns. Where frames
 * are averaged, gaussian noise is drawn for their mean: that of T independent draws of N(0, 1) is
 * N(0, 1 / T). An example without frames is 0 in every environment. This is the readable form, for
 * autograd, on any device.
 */
at::Tensor encoder_inputs(
    const CmirModel& model,
    size_t modality,
    const ModalityBatch& batch,
    const EnvironmentLists& environments,
    const NoiseSite& site
);

}  // namespace cmir
