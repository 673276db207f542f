#pragma once

#include "ops/decorrelation/kernel.h"
#include "ops/invariance/kernel.h"
#include "ops/reconstruction/kernel.h"
#include "training/config.h"
#include "training/prediction.h"

namespace cmir {

// The constraints on z [E, batch, 2d] of one modality, the first half invariant, and on its
// gradient, which lies the same: what the kernels take on every device.

/** What turns the sum over pairs of environments and elements into R_inv; E >= 2. */
inline double invariance_scale(int64_t environments, int64_t batch, int64_t latent) {
  return 2 / static_cast<double>(environments * (environments - 1) * batch * latent);
}

/** The gradient is that of the weighted term. */
inline InvarianceArguments invariance_arguments(
    const TrainerConfig& config, int64_t environments, int64_t batch
) {
  const int64_t d = config.model.latent;
  return {
      .environments = environments,
      .rows = batch,
      .columns = d,
      .environment_stride = batch * 2 * d,
      .row_stride = 2 * d,
      .gradient_environment_stride = batch * 2 * d,
      .gradient_row_stride = 2 * d,
      .gradient_scale = config.weights.invariance * invariance_scale(environments, batch, d),
  };
}

/** The gradient is that of the weighted term, added to invariance's where that has a weight. */
inline DecorrelationArguments decorrelation_arguments(
    const TrainerConfig& config, int64_t environments, int64_t batch
) {
  const int64_t d = config.model.latent;
  return {
      .environments = environments,
      .batch = batch,
      .columns = d,
      .input_stride = 2 * d,
      .gradient_stride = 2 * d,
      .off_diagonal = config.decorrelation.off_diagonal,
      .gradient_scale = config.weights.decorrelation / static_cast<double>(environments * batch),
      .accumulate = config.weights.invariance > 0,
  };
}

/** What turns the sum over environments, rows and features into R_rec. */
inline double reconstruction_scale(int64_t environments, int64_t batch, int64_t features) {
  return 1 / static_cast<double>(environments * batch * features);
}

/** The gradient is that of the weighted term. */
inline ReconstructionArguments reconstruction_arguments(
    const TrainerConfig& config, int64_t environments, int64_t batch, int64_t features
) {
  const double scale = reconstruction_scale(environments, batch, features);
  return {
      .environments = environments,
      .rows = batch,
      .columns = features,
      .shared_target = config.reconstruction.target == "clean",
      .gradient_scale = 2 * scale * config.weights.reconstruction,
  };
}

/** L_pred, and what is added to it, over `rows` rows of outputs, environment after environment of
 * the same batch; `example` [batch] are its places in `targets`. `class_weights` are the
 * configuration's where they are read, or null. */
template <class Value>
PredictionArguments<Value> prediction_arguments(
    const TrainerConfig& config,
    int64_t rows,
    int64_t batch,
    const int64_t* example,
    const at::Tensor& targets,
    const double* class_weights
) {
  const bool classes = config.prediction.loss == "crossEntropy";
  return {
      .loss = config.prediction.loss,
      .rows = rows,
      .batch = batch,
      .outputs = config.outputs,
      .example = example,
      .targets = classes ? nullptr : targets.template const_data_ptr<Value>(),
      .classes = classes ? targets.template const_data_ptr<int64_t>() : nullptr,
      .class_weights = config.prediction.class_weights.empty() ? nullptr : class_weights,
      .risk = config.weights.risk,
      .consistency = config.weights.consistency,
  };
}

}  // namespace cmir
