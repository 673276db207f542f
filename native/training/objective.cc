#include "training/objective.h"

#include <ATen/ATen.h>

#include "ops/decorrelation/op.h"
#include "ops/invariance/op.h"
#include "ops/reconstruction/op.h"
#include "training/environments.h"
#include "training/inputs.h"

namespace cmir {
namespace {

/** L_pred of outputs [E, B, outputs] against the same targets [B] in each environment. */
at::Tensor prediction_loss(
    const std::string& loss, const at::Tensor& outputs, const at::Tensor& targets
) {
  if (loss == "crossEntropy") {
    const at::Tensor classes = targets.unsqueeze(0).expand({outputs.size(0), -1});
    return at::cross_entropy_loss(outputs.flatten(0, 1), classes.flatten());
  }
  const at::Tensor error = outputs.squeeze(-1) - targets;  // [E, B]
  return loss == "l1" ? error.abs().mean() : error.square().mean();
}

}  // namespace

Terms objective(
    const CmirModel& model, const TrainerConfig& config, const Batch& batch, int64_t step
) {
  const auto modalities = static_cast<int64_t>(config.modalities.size());
  const EnvironmentLists environments(config.environments);
  const NoiseSite site{
      .seed = config.seed,
      .index = batch.index,
      .step = at::scalar_tensor(step, batch.index.options()),
  };
  const auto dropout_site = [&](int64_t layer) {
    return DropoutSite{.seed = config.seed, .layer = layer, .index = batch.index, .step = step};
  };

  Terms terms;
  std::vector<at::Tensor> invariant;
  at::Tensor constraints;
  const auto add = [&constraints](std::vector<at::Tensor>& list, double weight, at::Tensor term) {
    constraints = constraints.defined() ? constraints + weight * term : weight * term;
    list.push_back(std::move(term));
  };
  for (int64_t m = 0; m < modalities; ++m) {
    const auto modality = static_cast<size_t>(m);
    const auto noisy = [&](const EnvironmentLists& lists) {
      return encoder_inputs(model, modality, batch.features[modality], lists, site);
    };
    at::Tensor x;  // [E, B, D']
    if (config.sharing == "common" && !config.environments.empty()) {
      const at::Tensor pair = noisy(common_draw(config.environments));
      const at::Tensor clean = pair.narrow(0, 0, 1);
      std::vector<double> scales{0};
      for (const Environment& environment : config.environments) {
        scales.push_back(static_cast<double>(static_cast<float>(environment.intensity)));
      }
      const at::Tensor scale = at::tensor(scales, clean.options().requires_grad(false));
      x = clean + scale.view({-1, 1, 1}) * (pair.narrow(0, 1, 1) - clean).detach();
    } else {
      x = noisy(environments);
    }
    const Codes z = model.encode(modality, x, dropout_site(m));
    invariant.push_back(z.invariant);
    const auto& [invariance_weight, decorrelation_weight, reconstruction_weight] = config.weights;
    if (invariance_weight > 0) {
      add(terms.invariance, invariance_weight, invariance(z.invariant));
    }
    if (decorrelation_weight > 0) {
      add(terms.decorrelation,
          decorrelation_weight,
          decorrelation(z.invariant, z.spurious, config.decorrelation.off_diagonal));
    }
    if (reconstruction_weight > 0) {
      const at::Tensor constant = x.detach();
      const at::Tensor target =
          config.reconstruction.target == "clean" ? constant.select(0, 0) : constant;
      add(terms.reconstruction,
          reconstruction_weight,
          reconstruction(model.decode(modality, z), target));
    }
  }
  // Dropout is drawn by environment, so the clean one alone gives the same as inside the whole.
  if (config.prediction.on == "clean") {
    for (at::Tensor& z : invariant) z = z.narrow(0, 0, 1);
  }
  const at::Tensor outputs = model.predict(invariant, dropout_site(modalities));
  terms.prediction = prediction_loss(config.prediction.loss, outputs, batch.targets);
  terms.loss = constraints.defined() ? terms.prediction + constraints : terms.prediction;
  return terms;
}

}  // namespace cmir
