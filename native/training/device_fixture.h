#pragma once

#include "test/check.h"
#include "training/device_step.h"
#include "training/step.h"
#include "training/step_fixture.h"

// What the tests of a step on a CUDA device share.

namespace cmir::test {

inline constexpr double kRate = 0.01;

/** The same model, moments and data on the CPU and where the kernels run. */
struct Pair {
  struct Side {
    Side(const TrainerConfig& config, at::Device device)
        : model(
              {config.modalities, config.outputs, config.model},
              at::TensorOptions(device).dtype(type_of(config))
          ),
          optimizer(
              model.parameters().flat(),
              config.optimizer.decay_biases ? at::Tensor() : model.parameters().vectors()
          ),
          scales(config.modalities.size()) {
      model.parameters().initialize(config.seed);
      for (size_t m = 0; m < config.modalities.size(); ++m) {
        const int64_t width = config.modalities[m].features;
        features.push_back(normal({kExamples, width}, type_of(config), m + 1).to(device));
      }
      targets = config.prediction.loss == "crossEntropy"
                    ? at::arange(kExamples, at::kLong).remainder(config.outputs).to(device)
                    : normal({kExamples}, type_of(config), 9).to(device);
    }
    CmirModel model;
    Optimizer optimizer;
    std::vector<at::Tensor> features;
    std::vector<at::Tensor> scales;
    at::Tensor targets;
  };

  Pair(const TrainerConfig& config, at::Device device)
      : config(config), there(config, device), here(config, at::kCPU) {
    step = make_device_step(config, there.model.parameters(), there.optimizer);
    bind();
    reference = make_step(config, here.model.parameters());
  }

  void bind() { step->bind(there.features, there.scales, there.targets); }

  /** Terms of the reference, whose gradients are then in its model. */
  at::Tensor expect(const at::Tensor& rows, int64_t number) {
    at::Tensor terms = at::zeros({term_count(config)}, at::kDouble);
    const auto* numbers = rows.const_data_ptr<int64_t>();
    std::vector<StepInput> inputs;
    for (size_t m = 0; m < here.features.size(); ++m) {
      inputs.push_back({.values = here.features[m], .rows = numbers, .scale = here.scales[m]});
    }
    const StepBatch batch{inputs, here.targets, numbers, rows.numel()};
    reference->run(
        batch, number, {terms.mutable_data_ptr<double>(), static_cast<size_t>(terms.numel())}
    );
    return terms;
  }

  TrainerConfig config;
  Side there, here;
  std::unique_ptr<DeviceStep> step;
  std::unique_ptr<Step> reference;
};

/** Draws are float32 in float64 too, and rounded by each device in its own way. */
inline void check_alike(const at::Tensor& found, const at::Tensor& expected) {
  check_close(found.cpu().to(at::kFloat), expected);
}

inline double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).norm().item<double>();
}

}  // namespace cmir::test
