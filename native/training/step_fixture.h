#pragma once

#include <c10/core/ScalarType.h>

#include "test/check.h"
#include "training/config.h"
#include "training/objective.h"
#include "training/step.h"
#include "training/trainer_data.h"

// What the tests of a step share, on every device.

namespace cmir::test {

inline constexpr int64_t kExamples = 40;

inline OptimizerConfig plain_optimizer(
    double learning_rate = 0.01, double weight_decay = 0.01, double clip_norm = 1
) {
  return {
      .learning_rate = learning_rate,
      .weight_decay = weight_decay,
      .clip_norm = clip_norm,
      .decay_biases = true,
      .schedule = "constant",
      .warmup = 0,
      .epochs = 1,
      .accumulation = 1,
      .averaging = 0,
  };
}

inline OptimizerConfig scheduled(const std::string& schedule, double warmup, int64_t epochs = 1) {
  OptimizerConfig config = plain_optimizer(0.2);
  config.schedule = schedule;
  config.warmup = warmup;
  config.epochs = epochs;
  return config;
}

/** Every kind of noise and every constraint, on widths that fit no vector. */
inline TrainerConfig step_config() {
  return {
      .seed = 5,
      .device = "cpu",
      .threads = 0,
      .precision = "float64",
      .modalities = {{"text", 13, false}, {"audio", 5, false}, {"vision", 33, false}},
      .max_length = 0,
      .outputs = 1,
      .model = {.hidden = 19, .latent = 6, .dropout = 0.3, .pooling = "mean"},
      .environments = {{"gaussian", 0.5}, {"laplace", 0.7}, {"erase", 0.3}, {"drop", 0.4}},
      .sharing = "independent",
      .weights =
          {.invariance = 0.7,
           .decorrelation = 0.5,
           .reconstruction = 0.3,
           .risk = 0,
           .consistency = 0},
      .decorrelation = {.off_diagonal = 0.3},
      .prediction = {.loss = "l1", .on = "all", .class_weights = {}},
      .reconstruction = {.target = "environment"},
      .optimizer = plain_optimizer(),
  };
}

/** Data for a trainer of that configuration. */
inline TrainerInput step_input() {
  return {
      .features =
          {{normal({kExamples, 13}, at::kFloat, 1)},
           {normal({kExamples, 5}, at::kFloat, 2)},
           {normal({kExamples, 33}, at::kFloat, 3)}},
      .targets = normal({kExamples}, at::kFloat, 4),
  };
}

inline at::ScalarType type_of(const TrainerConfig& config) {
  return config.precision == "float64" ? at::kDouble : at::kFloat;
}

/** A model with its data: what a step, and the objective under autograd, are computed from. */
struct Scene {
  explicit Scene(const TrainerConfig& config)
      : config(config), model({config.modalities, config.outputs, config.model}, type_of(config)) {
    at::NoGradGuard no_grad;
    model.parameters().initialize(config.seed);
    for (size_t m = 0; m < config.modalities.size(); ++m) {
      features.push_back(
          normal({kExamples, config.modalities[m].features}, type_of(config), m + 1)
      );
    }
    targets = config.prediction.loss == "crossEntropy"
                  ? at::arange(kExamples, at::kLong).remainder(config.outputs)
                  : normal({kExamples}, type_of(config), 9);
  }

  /** Terms and flat gradients of a step on rows. */
  std::pair<std::vector<double>, at::Tensor> step(const at::Tensor& rows) {
    return step(rows, inputs(rows));
  }
  std::pair<std::vector<double>, at::Tensor> step(
      const at::Tensor& rows, const std::vector<StepInput>& inputs
  ) {
    at::NoGradGuard no_grad;
    model.parameters().gradients().zero_();
    std::vector<double> terms(static_cast<size_t>(term_count(config)));
    make_step(config, model.parameters())->run(batch(rows, inputs), 3, terms);
    return {terms, model.parameters().gradients().clone()};
  }

  /** Those rows of the features. */
  std::vector<StepInput> inputs(const at::Tensor& rows) const {
    std::vector<StepInput> all;
    for (const at::Tensor& values : features) {
      all.push_back({.values = values, .rows = rows.const_data_ptr<int64_t>()});
    }
    return all;
  }
  StepBatch batch(const at::Tensor& rows, const std::vector<StepInput>& inputs) const {
    return {inputs, targets, rows.const_data_ptr<int64_t>(), rows.numel()};
  }

  /** The same of the readable objective; `inputs` collects the features as leaves. */
  std::pair<std::vector<double>, at::Tensor> reference(
      const at::Tensor& rows, std::vector<at::Tensor>* inputs = nullptr
  ) {
    model.parameters().gradients().zero_();
    Batch batch{.features = {}, .targets = targets.index_select(0, rows), .index = rows};
    for (const at::Tensor& all : features) {
      const at::Tensor values = all.index_select(0, rows).requires_grad_(inputs != nullptr);
      batch.features.push_back({.values = values, .offsets = {}});
      if (inputs != nullptr) inputs->push_back(values);
    }
    const Terms found = objective(model, config, batch, 3);
    found.loss.backward();
    std::vector<double> terms;
    for (const at::Tensor& term : in_order(found, features.size())) {
      terms.push_back(term.item<double>());
    }
    return {terms, model.parameters().gradients().clone()};
  }

  TrainerConfig config;
  CmirModel model;
  std::vector<at::Tensor> features;
  at::Tensor targets;
};

inline at::Tensor some_rows(int64_t count, int64_t first = 0) {
  return (at::arange(first, first + count, at::kLong) * 7).remainder(kExamples);
}
/** Calls `check(config, batch)` for classes with weights: alone, and with risk and consistency. */
template <class Check>
void for_class_weights(const Check& check) {
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string on : {"all", "clean"}) {
      for (const double other : {0.0, 1.5}) {
        if (on == "clean" && other > 0) continue;
        TrainerConfig config = step_config();
        config.precision = precision;
        config.outputs = 3;
        config.prediction = {.loss = "crossEntropy", .on = on, .class_weights = {0.5, 2, 1.25}};
        config.weights.risk = config.weights.consistency = other;
        for (const int64_t batch : {1, 37}) {
          INFO(precision << " " << on << " " << other << " batch " << batch);
          check(config, batch);
        }
      }
    }
  }
}

}  // namespace cmir::test
