#include "training/device_step.h"

#include <map>

#include "base/gemm.h"
#include "training/device_fixture.h"

namespace cmir::test {
namespace {

void check_gradients(const TrainerConfig& config, int64_t batch) {
  const at::NoGradGuard no_grad;
  const at::Device device = *kernel_device();
  const OwnStream stream(device);
  Pair pair(config, device);
  const at::Tensor rows = some_rows(batch);
  pair.step->begin(3);
  pair.step->differentiate(rows.to(device), {}, 2);
  const at::Tensor expected = pair.expect(rows, 3);
  const double epsilon = type_of(config) == at::kDouble ? 1e-6 : 1e-5;
  const at::Tensor terms = pair.step->sums().cpu() / 2;
  for (int64_t i = 0; i < terms.numel(); ++i) {
    INFO("term " << i);
    CHECK(terms[i].item<double>() == doctest::Approx(expected[i].item<double>()).epsilon(epsilon));
  }
  check_alike(pair.there.model.parameters().gradients(), pair.here.model.parameters().gradients());
}

TEST_CASE("device step: terms and gradients are those of the step on the CPU") {
  if (!kernel_device()) return;
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
      for (const std::string on : {"all", "clean"}) {
        TrainerConfig config = step_config();
        config.precision = precision;
        config.prediction = {.loss = loss, .on = on, .class_weights = {}};
        config.outputs = loss == "crossEntropy" ? 4 : 1;
        config.reconstruction.target = on == "all" ? "environment" : "clean";
        // Fewer examples than latent dimensions, and more: decorrelation has a form for each.
        for (const int64_t batch : {1, 3, 37}) {
          INFO(precision << " " << loss << " " << on << " batch " << batch);
          check_gradients(config, batch);
        }
      }
    }
  }
}

TEST_CASE("device step: each constraint alone, none, no environment, one modality") {
  if (!kernel_device()) return;
  for (int which = 0; which < 8; ++which) {
    TrainerConfig config = step_config();
    if ((which & 1) != 0) config.weights.invariance = 0;
    if ((which & 2) != 0) config.weights.decorrelation = 0;
    if ((which & 4) != 0) config.weights.reconstruction = 0;
    INFO("weights without " << which);
    check_gradients(config, 9);
  }
  TrainerConfig fusion = step_config();
  fusion.environments.clear();
  fusion.weights = {};
  check_gradients(fusion, 9);
  TrainerConfig common = step_config();
  common.environments = {{"laplace", 0.2}, {"laplace", 0.5}, {"laplace", 1}};
  common.sharing = "common";
  check_gradients(common, 9);
  TrainerConfig single = step_config();
  single.modalities = {{"text", 1, false}};
  single.model = {.hidden = 1, .latent = 1, .dropout = 0, .pooling = "mean"};
  check_gradients(single, 5);
  TrainerConfig many = step_config();
  many.environments = std::vector<Environment>(16, {"gaussian", 0.2});
  check_gradients(many, 5);
  TrainerConfig wide = step_config();
  wide.precision = "float32";
  wide.modalities = {{"text", 96, false}, {"audio", 300, false}};
  wide.model = {.hidden = 64, .latent = 32, .dropout = 0.5, .pooling = "mean"};
  check_gradients(wide, 40);
}

TEST_CASE("device step: risk and consistency, each alone and both, for each loss") {
  if (!kernel_device()) return;
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
      for (const int which : {1, 2, 3}) {
        TrainerConfig config = step_config();
        config.precision = precision;
        config.prediction.loss = loss;
        config.outputs = loss == "crossEntropy" ? 4 : 1;
        config.weights.risk = (which & 1) != 0 ? 1.5 : 0;
        config.weights.consistency = (which & 2) != 0 ? 0.8 : 0;
        for (const int64_t batch : {1, 37, 600}) {  // more than a block's threads too
          INFO(precision << " " << loss << " " << which << " batch " << batch);
          check_gradients(config, batch);
        }
      }
    }
  }
}

TEST_CASE("device step: classes with weights, alone and with risk and consistency") {
  if (!kernel_device()) return;
  for_class_weights([](const TrainerConfig& config, int64_t batch) {
    check_gradients(config, batch);
  });
}

/** Gradients of a step on the CPU, whose products have this precision, by the parameters' names. */
std::map<std::string, at::Tensor> cpu_gradients(
    TrainerConfig config, const std::string& precision, const at::Tensor& rows, int64_t number
) {
  config.precision = precision;
  Pair pair(config, at::kCPU);
  pair.expect(rows, number);
  const Parameters& parameters = pair.here.model.parameters();
  return parameters.split(parameters.gradients());
}

TEST_CASE("device step: in bfloat16 the gradients are those on the CPU with the same roundings") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  for (const std::string on : {"all", "clean"}) {
    for (const int64_t batch : {5, 40}) {
      INFO(on << " batch " << batch);
      TrainerConfig config = step_config();
      config.precision = "bf16";
      config.prediction = {
          .loss = on == "all" ? "mse" : "crossEntropy", .on = on, .class_weights = {}
      };
      config.outputs = on == "all" ? 1 : 4;
      config.reconstruction.target = on == "all" ? "environment" : "clean";
      if (batch == 40) {  // widths of whole vectors too
        config.modalities = {{"text", 96, false}, {"audio", 5, false}};
        config.model = {.hidden = 64, .latent = 16, .dropout = 0.3, .pooling = "mean"};
      }
      const at::Tensor rows = some_rows(batch);
      Pair pair(config, *device);
      pair.step->begin(3);
      pair.step->differentiate(rows.to(*device), {}, 1);
      const Parameters& parameters = pair.there.model.parameters();
      const auto exact = cpu_gradients(config, "float32", rows, 3);
      std::map<std::string, at::Tensor> rounded;
      if (has_bfloat16_gemm()) rounded = cpu_gradients(config, "bf16", rows, 3);
      for (const auto& [name, found] : parameters.split(parameters.gradients().cpu())) {
        INFO(name);
        CHECK(distance(found, exact.at(name)) < 0.2 * exact.at(name).norm().item<double>());
        if (!has_bfloat16_gemm()) continue;
        const double error = distance(rounded.at(name), exact.at(name));
        CHECK(error > 0);
        CHECK(distance(found, rounded.at(name)) < 0.1 * error);
      }
    }
  }
}

}  // namespace
}  // namespace cmir::test
