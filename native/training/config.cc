#include "training/config.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

#include "training/environments.h"

namespace cmir {
namespace {

void one_of(
    const char* field, const std::string& value, std::initializer_list<const char*> allowed
) {
  const bool known =
      std::any_of(allowed.begin(), allowed.end(), [&](const char* name) { return value == name; });
  std::string list;
  for (const char* name : allowed) list += (list.empty() ? "" : ", ") + std::string(name);
  TORCH_CHECK_VALUE(known, field, ": expected one of ", list, ", found '", value, "'");
}

void at_least(const char* field, double value, double least) {
  TORCH_CHECK_VALUE(
      std::isfinite(value) && value >= least,
      field,
      ": expected at least ",
      least,
      ", found ",
      value
  );
}

/** Of sequences, environments can share a draw where it is one of the mean over frames alone. */
void check_sharing_of_sequences(const TrainerConfig& config) {
  if (config.sharing == "independent" || config.environments.empty()) return;
  const std::string& kind = config.environments.front().kind;
  for (const Modality& modality : config.modalities) {
    TORCH_CHECK_VALUE(
        !modality.sequence || (config.model.pooling == "mean" && kind == "gaussian"),
        "sharing: common needs model.pooling mean and gaussian noise for the sequence '",
        modality.name,
        "', found ",
        config.model.pooling,
        " and ",
        kind
    );
  }
}

/** Risk and consistency compare the outputs of environments. */
void check_compared(const TrainerConfig& config, const char* field, double weight) {
  at_least(field, weight, 0);
  TORCH_CHECK_VALUE(
      weight == 0 || (config.prediction.on == "all" && !config.environments.empty()),
      field,
      ": found ",
      weight,
      ", which needs prediction.on all and at least one noisy environment; found prediction.on ",
      config.prediction.on,
      " and ",
      config.environments.size(),
      " noisy environments"
  );
}

void check_optimizer(const OptimizerConfig& config) {
  at_least("optimizer.learningRate", config.learning_rate, 0);
  at_least("optimizer.weightDecay", config.weight_decay, 0);
  at_least("optimizer.clipNorm", config.clip_norm, 0);
  one_of("optimizer.schedule", config.schedule, {"constant", "linear", "cosine"});
  at_least("optimizer.warmup", config.warmup, 0);
  TORCH_CHECK_VALUE(config.warmup < 1, "optimizer.warmup: expected below 1, found ", config.warmup);
  at_least("optimizer.epochs", static_cast<double>(config.epochs), 1);
  at_least("optimizer.accumulation", static_cast<double>(config.accumulation), 1);
}

}  // namespace

void validate(const TrainerConfig& config) {
  at_least("seed", static_cast<double>(config.seed), 0);
  at_least("threads", static_cast<double>(config.threads), 0);
  one_of("precision", config.precision, {"float32", "float64", "bf16", "tf32"});
  const auto modalities = static_cast<int64_t>(config.modalities.size());
  // One counter value is left for the head's dropout.
  TORCH_CHECK_VALUE(
      modalities >= 1 && modalities < kMaxPerCounter - 1,
      "modalities: expected 1 to ",
      kMaxPerCounter - 2,
      ", found ",
      modalities
  );
  std::set<std::string> names;
  for (const Modality& modality : config.modalities) {
    TORCH_CHECK_VALUE(
        !modality.name.empty() && modality.name.find('.') == std::string::npos,
        "modalities: expected a name without a dot, found '",
        modality.name,
        "'"
    );
    TORCH_CHECK_VALUE(
        names.insert(modality.name).second, "modalities: '", modality.name, "' occurs twice"
    );
    at_least("modalities.features", static_cast<double>(modality.features), 1);
  }
  at_least("maxLength", static_cast<double>(config.max_length), 0);
  at_least("outputs", static_cast<double>(config.outputs), 1);
  at_least("model.hidden", static_cast<double>(config.model.hidden), 1);
  at_least("model.latent", static_cast<double>(config.model.latent), 1);
  at_least("model.dropout", config.model.dropout, 0);
  TORCH_CHECK_VALUE(
      config.model.dropout < 1, "model.dropout: expected below 1, found ", config.model.dropout
  );
  one_of("model.pooling", config.model.pooling, {"mean", "attention", "gru"});
  const auto environments = static_cast<int64_t>(config.environments.size());
  TORCH_CHECK_VALUE(
      environments < kMaxPerCounter - 1,
      "environments: expected fewer than ",
      kMaxPerCounter - 1,
      ", found ",
      environments
  );
  for (const Environment& environment : config.environments) {
    noise_kind(environment.kind);
    at_least("environments.intensity", environment.intensity, 0);
  }
  one_of("sharing", config.sharing, {"independent", "common"});
  for (const Environment& environment : config.environments) {
    if (config.sharing == "independent") break;
    const NoiseKind kind = noise_kind(environment.kind);
    TORCH_CHECK_VALUE(
        environment.kind == config.environments.front().kind &&
            (kind == NoiseKind::gaussian || kind == NoiseKind::laplace),
        "sharing: common needs environments of one additive kind (gaussian or laplace), found '",
        environment.kind,
        "'"
    );
  }
  check_sharing_of_sequences(config);
  at_least("weights.invariance", config.weights.invariance, 0);
  at_least("weights.decorrelation", config.weights.decorrelation, 0);
  at_least("weights.reconstruction", config.weights.reconstruction, 0);
  TORCH_CHECK_VALUE(
      environments > 0 || config.weights.invariance == 0,
      "weights.invariance: needs at least one noisy environment"
  );
  at_least("decorrelation.offDiagonal", config.decorrelation.off_diagonal, 0);
  TORCH_CHECK_VALUE(
      config.decorrelation.off_diagonal <= 1,
      "decorrelation.offDiagonal: expected at most 1, found ",
      config.decorrelation.off_diagonal
  );
  one_of("prediction.loss", config.prediction.loss, {"l1", "mse", "crossEntropy"});
  one_of("prediction.on", config.prediction.on, {"all", "clean"});
  TORCH_CHECK_VALUE(
      config.prediction.loss == "crossEntropy" ? config.outputs >= 2 : config.outputs == 1,
      "outputs: expected ",
      config.prediction.loss == "crossEntropy" ? "at least 2 classes" : "1",
      " for loss ",
      config.prediction.loss,
      ", found ",
      config.outputs
  );
  check_compared(config, "weights.risk", config.weights.risk);
  check_compared(config, "weights.consistency", config.weights.consistency);
  one_of("reconstruction.target", config.reconstruction.target, {"environment", "clean"});
  check_optimizer(config.optimizer);
}

}  // namespace cmir
