#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/gather.h"
#include "model/cmir.h"
#include "training/config.h"

namespace cmir {

/** One batch, gathered: features standardised, without noise. */
struct Batch {
  std::vector<ModalityBatch> features;  // one a modality
  at::Tensor targets;  // [B], of the features' type, or int64 classes for crossEntropy
  at::Tensor index;    // int64 [B], keys of the draws
};

/** The terms of the objective, each a scalar tensor; one whose weight is 0 is undefined. */
struct Terms {
  at::Tensor loss, prediction, risk, consistency;
  std::vector<at::Tensor> invariance, decorrelation, reconstruction;  // one a modality
};

/**
 * L = L_pred + sum_m (lambda_1 R_inv + lambda_2 R_dec + lambda_3 R_rec), with lambda_risk times the
 * variance of the environments' risks and lambda_consistency times the distance of noisy outputs to
 * the clean ones, in training mode: this is the readable composition under autograd. `step` keys
 * the noise and the dropout of this batch.
 */
Terms objective(
    const CmirModel& model, const TrainerConfig& config, const Batch& batch, int64_t step
);

/** The terms as a step tells them (see Step::run), with 0 for those without a weight. */
std::vector<at::Tensor> in_order(const Terms& terms, size_t modalities);

}  // namespace cmir
