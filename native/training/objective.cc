#include "training/objective.h"

#include <ATen/ATen.h>

#include "ops/decorrelation/op.h"
#include "ops/invariance/op.h"
#include "ops/reconstruction/op.h"
#include "training/environments.h"
#include "training/inputs.h"

namespace cmir {
namespace {

/** The mean loss of each environment, [E], of outputs [E, B, outputs] against the same targets [B].
 */
at::Tensor environment_risks(
    const std::string& loss, const at::Tensor& outputs, const at::Tensor& targets
) {
  if (loss == "crossEntropy") {
    const at::Tensor classes = targets.view({1, -1, 1}).expand({outputs.size(0), -1, 1});
    return -at::log_softmax(outputs, -1).gather(-1, classes).mean({1, 2});
  }
  const at::Tensor error = outputs.squeeze(-1) - targets;  // [E, B]
  return (loss == "l1" ? error.abs() : error.square()).mean(1);
}

/**
 * How far noisy outputs are from the clean ones of their examples, which teach and learn nothing:
 * |o - clean|, or for classes KL(softmax(clean) || softmax(o)). The mean over rows.
 */
at::Tensor consistency_of(const std::string& loss, const at::Tensor& outputs) {
  const at::Tensor clean = outputs.narrow(0, 0, 1).detach();
  const at::Tensor noisy = outputs.narrow(0, 1, outputs.size(0) - 1);
  if (loss != "crossEntropy") return (noisy - clean).abs().mean();
  const at::Tensor wanted = at::log_softmax(clean, -1);
  return (wanted.exp() * (wanted - at::log_softmax(noisy, -1))).sum(-1).mean();
}

}  // namespace

Terms objective(
    const CmirModel& model, const TrainerConfig& config, const Batch& batch, int64_t step
) {
  const auto modalities = static_cast<int64_t>(config.modalities.size());
  const EnvironmentLists environments(config.environments);
  const Weights& weights = config.weights;
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
  const auto weighed = [&constraints](double weight, const at::Tensor& term) {
    constraints = constraints.defined() ? constraints + weight * term : weight * term;
    return term;
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
    if (weights.invariance > 0) {
      terms.invariance.push_back(weighed(weights.invariance, invariance(z.invariant)));
    }
    if (weights.decorrelation > 0) {
      terms.decorrelation.push_back(weighed(
          weights.decorrelation,
          decorrelation(z.invariant, z.spurious, config.decorrelation.off_diagonal)
      ));
    }
    if (weights.reconstruction > 0) {
      const at::Tensor constant = x.detach();
      const at::Tensor target =
          config.reconstruction.target == "clean" ? constant.select(0, 0) : constant;
      terms.reconstruction.push_back(
          weighed(weights.reconstruction, reconstruction(model.decode(modality, z), target))
      );
    }
  }
  // Dropout is drawn by environment, so the clean one alone gives the same as inside the whole.
  if (config.prediction.on == "clean") {
    for (at::Tensor& z : invariant) z = z.narrow(0, 0, 1);
  }
  const at::Tensor outputs = model.predict(invariant, dropout_site(modalities));
  const std::string& loss = config.prediction.loss;
  const at::Tensor risks = environment_risks(loss, outputs, batch.targets);
  terms.prediction = risks.mean();
  if (weights.risk > 0) {
    terms.risk = weighed(weights.risk, (risks - risks.mean()).square().mean());
  }
  if (weights.consistency > 0) {
    terms.consistency = weighed(weights.consistency, consistency_of(loss, outputs));
  }
  terms.loss = constraints.defined() ? terms.prediction + constraints : terms.prediction;
  return terms;
}

std::vector<at::Tensor> in_order(const Terms& terms, size_t modalities) {
  const at::Tensor zero = at::zeros_like(terms.loss);
  const auto told = [&zero](const at::Tensor& term) { return term.defined() ? term : zero; };
  std::vector<at::Tensor> all{
      terms.loss, terms.prediction, told(terms.risk), told(terms.consistency)
  };
  for (const auto* list : {&terms.invariance, &terms.decorrelation, &terms.reconstruction}) {
    for (size_t m = 0; m < modalities; ++m) all.push_back(list->empty() ? zero : (*list)[m]);
  }
  return all;
}

}  // namespace cmir
