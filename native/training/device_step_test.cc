#include "training/device_step.h"

#include <map>
#include <thread>

#include "base/gemm.h"
#include "base/scratch.h"
#include "test/check.h"
#include "training/kernels.h"
#include "training/step.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

constexpr double kRate = 0.01;

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
void check_alike(const at::Tensor& found, const at::Tensor& expected) {
  check_close(found.cpu().to(at::kFloat), expected);
}

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
        config.prediction = {.loss = loss, .on = on};
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

double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).norm().item<double>(); }

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
      config.prediction = {.loss = on == "all" ? "mse" : "crossEntropy", .on = on};
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

/** Steps of the first batch size, then smaller ones, and again: what runs eagerly, and replays. */
const std::vector<std::pair<int64_t, int64_t>> kBatches{
    {16, 0}, {16, 16}, {16, 32}, {8, 48}, {16, 56}, {8, 72}, {8, 80}, {20, 88}, {16, 108}, {16, 124}
};

/** Takes the step by a DeviceStep that is made for it alone: it captures nothing. */
void train_anew(Pair& pair, const at::Tensor& rows, int64_t number) {
  pair.step = make_device_step(pair.config, pair.there.model.parameters(), pair.there.optimizer);
  pair.bind();
  pair.step->begin(number);
  pair.step->train(rows, {}, kRate);
}

TEST_CASE("device step: training is that on the CPU, captured or not, with the same bits") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  for (const double clip : {1.0, 0.0}) {
    TrainerConfig config = step_config();
    config.optimizer.clip_norm = clip;
    Pair pair(config, *device), eager(config, *device);
    at::Tensor expected = at::zeros({term_count(config)}, at::kDouble);
    pair.step->begin(2);
    for (size_t i = 0; i < kBatches.size(); ++i) {
      const at::Tensor rows = some_rows(kBatches[i].first, kBatches[i].second);
      const auto number = static_cast<int64_t>(i) + 2;
      pair.step->train(rows.to(*device), {}, kRate);
      train_anew(eager, rows.to(*device), number);

      expected += pair.expect(rows, number) * static_cast<double>(rows.numel());
      pair.here.optimizer.set_steps(number);
      const Parameters& parameters = pair.here.model.parameters();
      pair.here.optimizer.step(parameters.flat(), parameters.gradients(), config.optimizer, kRate);
    }
    check_alike(pair.step->sums(), expected);
    const at::Tensor found = pair.there.model.parameters().flat();
    check_alike(found, pair.here.model.parameters().flat());
    check_alike(pair.there.optimizer.exp_avg_sq, pair.here.optimizer.exp_avg_sq);
    CHECK(found.equal(eager.there.model.parameters().flat()));
    CHECK(pair.step->memory() > 0);
  }
}

TEST_CASE("device step: rates that change reach graphs, and biases need not decay") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  TrainerConfig config = step_config();
  config.optimizer.decay_biases = false;
  config.optimizer.weight_decay = 0.5;
  Pair pair(config, *device);
  pair.step->begin(2);
  for (int64_t i = 0; i < 6; ++i) {
    const at::Tensor rows = some_rows(16, 16 * i);
    const double rate = 0.02 / static_cast<double>(1 + i / 2);  // the same one twice each time
    pair.step->train(rows.to(*device), {}, rate);
    pair.expect(rows, i + 2);
    pair.here.optimizer.set_steps(i + 2);
    const Parameters& parameters = pair.here.model.parameters();
    pair.here.optimizer.step(parameters.flat(), parameters.gradients(), config.optimizer, rate);
  }
  check_alike(pair.there.model.parameters().flat(), pair.here.model.parameters().flat());
}

TEST_CASE("device step: batches accumulate as on the CPU, captured or not") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  for (const std::string precision : {"float64", "bf16"}) {
    TrainerConfig config = step_config();
    config.precision = precision;
    config.optimizer.accumulation = 3;
    Pair pair(config, *device);
    config.precision = precision == "bf16" ? "float32" : precision;
    Pair exact(config, *device);
    const Parameters& parameters = exact.here.model.parameters();
    const at::Tensor before = parameters.flat().clone();
    at::Tensor expected = at::zeros({term_count(config)}, at::kDouble);
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      pair.step->begin(2 + 3 * epoch);
      expected.zero_();
      for (int64_t s = 0; s < 3; ++s) {
        // The epoch's last step has one batch of 8 and one of 4.
        const std::vector<int64_t> sizes =
            s < 2 ? std::vector<int64_t>{8, 8, 8} : std::vector<int64_t>{8, 4};
        const double examples = s < 2 ? 24 : 12;
        at::Tensor sum = at::zeros_like(parameters.flat());
        for (size_t i = 0; i < sizes.size(); ++i) {
          const at::Tensor rows = some_rows(sizes[i], 24 * s + 8 * static_cast<int64_t>(i));
          const auto count = static_cast<double>(sizes[i]);
          pair.step->accumulate(rows.to(*device), {}, count / examples);
          const int64_t number = 3 * (2 + 3 * epoch + s) + static_cast<int64_t>(i);
          expected += exact.expect(rows, number) * count;
          sum += parameters.gradients() * (count / examples);
        }
        pair.step->update(kRate);
        exact.here.optimizer.set_steps(2 + 3 * epoch + s);
        exact.here.optimizer.step(parameters.flat(), sum, config.optimizer, kRate);
      }
      if (precision != "bf16") check_alike(pair.step->sums(), expected);
    }
    const at::Tensor found = pair.there.model.parameters().flat().cpu();
    if (precision == "bf16") {
      const at::Tensor& near = parameters.flat();
      CHECK(distance(found, near) < 0.3 * distance(near, before));
    } else {
      check_alike(found, parameters.flat());
    }
  }
}

TEST_CASE("device step: in bfloat16 parameters stay float32, and replay changes no bit") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  TrainerConfig config = step_config();
  config.precision = "float32";
  Pair exact(config, *device);
  config.precision = "bf16";
  Pair pair(config, *device), eager(config, *device);
  const at::Tensor before = pair.there.model.parameters().flat().clone();
  exact.step->begin(2);
  pair.step->begin(2);
  for (size_t i = 0; i < kBatches.size(); ++i) {
    const at::Tensor rows = some_rows(kBatches[i].first, kBatches[i].second).to(*device);
    exact.step->train(rows, {}, kRate);
    pair.step->train(rows, {}, kRate);
    // It rounds the weights itself, which the other has from its last update.
    train_anew(eager, rows, static_cast<int64_t>(i) + 2);
  }
  const at::Tensor found = pair.there.model.parameters().flat();
  CHECK((found.scalar_type() == at::kFloat));
  CHECK_FALSE(found.equal(found.to(at::kBFloat16).to(at::kFloat)));
  CHECK(found.equal(eager.there.model.parameters().flat()));
  const at::Tensor near = exact.there.model.parameters().flat();
  CHECK(distance(found, near) < 0.2 * distance(near, before));
  CHECK(pair.step->memory() > 0);
}

TEST_CASE("device step: new data is read, NaN in it reaches the loss") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  Pair pair(step_config(), *device);
  const at::Tensor rows = some_rows(8).to(*device);
  pair.step->begin(0);
  for (int i = 0; i < 3; ++i) pair.step->train(rows, {}, kRate);
  CHECK(std::isfinite(pair.step->sums()[0].item<double>()));
  std::vector<at::Tensor> features = pair.there.features;
  features[1] = at::full_like(features[1], std::numeric_limits<double>::quiet_NaN());
  pair.step->bind(features, pair.there.scales, pair.there.targets);
  pair.step->begin(0);
  for (int i = 0; i < 3; ++i) pair.step->train(rows, {}, kRate);
  CHECK(std::isnan(pair.step->sums()[0].item<double>()));
  pair.step->bind(features, pair.there.scales, {});
  check_throws([&] { pair.step->train(rows, {}, kRate); }, "no targets");
}

TEST_CASE(
    "device step: features that a batch brings with it are the same as its rows of all data"
) {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  Pair bound(step_config(), *device), own(step_config(), *device);
  std::vector<at::Tensor> features = own.there.features;
  features[0] = features[2] = at::Tensor();
  own.step->bind(features, own.there.scales, own.there.targets);
  for (Pair* pair : {&bound, &own}) pair->step->begin(0);
  // Sizes that come again, so that graphs run, and one that needs more memory.
  for (const int64_t size : {8, 8, 8, 12, 8, 12, 12}) {
    const at::Tensor rows = some_rows(size, size).to(*device);
    bound.step->train(rows, {}, kRate);
    std::vector<ModalityBatch> brought(3);
    for (const size_t m : {0, 2}) brought[m].values = own.there.features[m].index_select(0, rows);
    own.step->train(rows, brought, kRate);
  }
  CHECK(own.step->sums().equal(bound.step->sums()));
  CHECK(own.there.model.parameters().flat().equal(bound.there.model.parameters().flat()));
  CHECK(own.step->memory() > bound.step->memory());
}

TEST_CASE("device step: gaussian noise is scaled by row, as on the CPU") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  Pair pair(step_config(), *device);
  pair.here.scales[1] = at::arange(kExamples, at::kFloat).div_(kExamples);
  pair.there.scales[1] = pair.here.scales[1].to(*device);
  pair.bind();
  const at::Tensor rows = some_rows(12, 3);
  pair.step->begin(4);
  pair.step->differentiate(rows.to(*device), {}, 1);
  check_alike(pair.step->sums(), pair.expect(rows, 4));
  const at::Tensor scaled = pair.there.model.parameters().gradients();
  check_alike(scaled, pair.here.model.parameters().gradients());
  const at::Tensor before = scaled.clone();
  pair.there.scales[1] = at::Tensor();
  pair.bind();
  pair.step->differentiate(rows.to(*device), {}, 1);
  CHECK_FALSE(scaled.allclose(before));
}

}  // namespace
}  // namespace cmir::test
