#include "training/device_step.h"

#include <thread>

#include "base/scratch.h"
#include "test/check.h"
#include "training/kernels.h"
#include "training/step.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

/** The same model, moments and data on the CPU and where the kernels run. */
struct Pair {
  struct Side {
    Side(const TrainerConfig& config, at::Device device)
        : model(
              {config.modalities, config.outputs, config.model},
              at::TensorOptions(device).dtype(type_of(config))
          ),
          optimizer(model.parameters().flat()) {
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
    at::Tensor targets;
  };

  Pair(const TrainerConfig& config, at::Device device)
      : config(config), there(config, device), here(config, at::kCPU) {
    step = make_device_step(config, there.model.parameters(), there.optimizer);
    step->bind(there.features, there.targets);
    reference = make_step(config, here.model.parameters());
  }

  /** Terms of the reference, whose gradients are then in its model. */
  at::Tensor expect(const at::Tensor& rows, int64_t number) {
    at::Tensor terms = at::zeros({term_count(config)}, at::kDouble);
    const auto* numbers = rows.const_data_ptr<int64_t>();
    std::vector<StepInput> inputs;
    for (const at::Tensor& values : here.features) {
      inputs.push_back({.values = values, .rows = numbers});
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

at::Tensor some_rows(int64_t count, int64_t first = 0) {
  return (at::arange(first, first + count, at::kLong) * 7).remainder(kExamples);
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
  fusion.weights = {0, 0, 0};
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

/** Steps of the first batch size, then smaller ones, and again: what runs eagerly, and replays. */
const std::vector<std::pair<int64_t, int64_t>> kBatches{
    {16, 0}, {16, 16}, {16, 32}, {8, 48}, {16, 56}, {8, 72}, {8, 80}, {20, 88}, {16, 108}, {16, 124}
};

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
      pair.step->train(rows.to(*device), {});

      // A step that is made anew captures nothing.
      eager.step = make_device_step(config, eager.there.model.parameters(), eager.there.optimizer);
      eager.step->bind(eager.there.features, eager.there.targets);
      eager.step->begin(number);
      eager.step->train(rows.to(*device), {});

      expected += pair.expect(rows, number) * static_cast<double>(rows.numel());
      auto& [model, optimizer, features, targets] = pair.here;
      optimizer.set_steps(number);
      optimizer.step(model.parameters().flat(), model.parameters().gradients(), config.optimizer);
    }
    check_alike(pair.step->sums(), expected);
    const at::Tensor found = pair.there.model.parameters().flat();
    check_alike(found, pair.here.model.parameters().flat());
    check_alike(pair.there.optimizer.exp_avg_sq, pair.here.optimizer.exp_avg_sq);
    CHECK(found.equal(eager.there.model.parameters().flat()));
    CHECK(pair.step->memory() > 0);
  }
}

TEST_CASE("device step: new data is read, NaN in it reaches the loss") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  Pair pair(step_config(), *device);
  const at::Tensor rows = some_rows(8).to(*device);
  pair.step->begin(0);
  for (int i = 0; i < 3; ++i) pair.step->train(rows, {});
  CHECK(std::isfinite(pair.step->sums()[0].item<double>()));
  std::vector<at::Tensor> features = pair.there.features;
  features[1] = at::full_like(features[1], std::numeric_limits<double>::quiet_NaN());
  pair.step->bind(features, pair.there.targets);
  pair.step->begin(0);
  for (int i = 0; i < 3; ++i) pair.step->train(rows, {});
  CHECK(std::isnan(pair.step->sums()[0].item<double>()));
  pair.step->bind(features, {});
  check_throws([&] { pair.step->train(rows, {}); }, "no targets");
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
  own.step->bind(features, own.there.targets);
  for (Pair* pair : {&bound, &own}) pair->step->begin(0);
  // Sizes that come again, so that graphs run, and one that needs more memory.
  for (const int64_t size : {8, 8, 8, 12, 8, 12, 12}) {
    const at::Tensor rows = some_rows(size, size).to(*device);
    bound.step->train(rows, {});
    std::vector<ModalityBatch> brought(3);
    for (const size_t m : {0, 2}) brought[m].values = own.there.features[m].index_select(0, rows);
    own.step->train(rows, brought);
  }
  CHECK(own.step->sums().equal(bound.step->sums()));
  CHECK(own.there.model.parameters().flat().equal(bound.there.model.parameters().flat()));
  CHECK(own.step->memory() > bound.step->memory());
}

TEST_CASE("trainer: tf32 is refused on the CPU") {
  TrainerConfig config = step_config();
  config.precision = "tf32";
  check_throws([&] { Trainer trainer(config); }, "tf32 needs a CUDA device");
}

TEST_CASE("trainer on a GPU: epochs, predictions and gradients are those on the CPU") {
  const auto device = kernel_device();
  if (!device || !device->is_cuda()) return;
  const auto make = [&](const std::string& name) {
    TrainerConfig config = step_config();
    config.device = name;
    auto trainer = std::make_unique<Trainer>(config);
    trainer->upload(step_input());
    return trainer;
  };
  const auto here = make("cpu"), there = make("cuda");
  const at::Tensor rows = at::arange(kExamples, at::kLong);
  for (int epoch = 0; epoch < 5; ++epoch) {
    const EpochResult expected = here->train_epoch(rows, 16), found = there->train_epoch(rows, 16);
    CHECK(found.steps == expected.steps);
    CHECK(found.terms.loss == doctest::Approx(expected.terms.loss).epsilon(1e-6));
  }
  const TrainerState expected = here->state(true), found = there->state(true);
  CHECK(found.step == expected.step);
  for (const auto& [name, tensor] : expected.tensors) {
    INFO(name);
    const at::Tensor difference = (found.tensors.at(name) - tensor).abs();
    CHECK(difference.max().item<double>() < 1e-5);
  }
  const EvaluationNoise noise{{"gaussian", 0.7}, 3};
  CHECK((there->predict(rows, {}) - here->predict(rows, {})).abs().max().item<double>() < 1e-5);
  CHECK(
      (there->predict(rows, noise) - here->predict(rows, noise)).abs().max().item<double>() < 1e-5
  );
  const auto [terms, gradients] = there->gradients(rows);
  CHECK(terms.loss == doctest::Approx(here->gradients(rows).first.loss).epsilon(1e-6));
}

TEST_CASE("trainer on a GPU: tf32 trains like float32, near it") {
  const auto device = kernel_device();
  if (!device || !device->is_cuda()) return;
  const auto loss = [&](const std::string& precision) {
    TrainerConfig config = step_config();
    config.device = "cuda";
    config.precision = precision;
    config.model = {.hidden = 64, .latent = 32, .dropout = 0.3, .pooling = "mean"};
    Trainer trainer(config);
    trainer.upload(step_input());
    double last = 0;
    for (int epoch = 0; epoch < 3; ++epoch) {
      last = trainer.train_epoch(at::arange(kExamples, at::kLong), 16).terms.loss;
    }
    return last;
  };
  CHECK(loss("tf32") == doctest::Approx(loss("float32")).epsilon(1e-2));
}

TEST_CASE("trainers on a GPU run side by side, each as it does alone") {
  const auto device = kernel_device();
  if (!device || !device->is_cuda()) return;
  const auto run = [&](int64_t seed) {
    TrainerConfig config = step_config();
    config.device = "cuda";
    config.precision = "float32";
    config.seed = seed;
    Trainer trainer(config);
    trainer.upload(step_input());
    for (int epoch = 0; epoch < 20; ++epoch) {
      trainer.train_epoch(at::arange(kExamples, at::kLong), 8);
    }
    return trainer.state(false);
  };
  constexpr int64_t kTrainers = 4;
  std::vector<TrainerState> together(kTrainers);
  std::vector<std::thread> threads;
  for (int64_t seed = 0; seed < kTrainers; ++seed) {
    threads.emplace_back([&, seed] { together[static_cast<size_t>(seed)] = run(seed); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int64_t seed = 0; seed < kTrainers; ++seed) {
    const TrainerState alone = run(seed);
    for (const auto& [name, tensor] : alone.tensors) {
      INFO("seed " << seed << " " << name);
      CHECK(tensor.equal(together[static_cast<size_t>(seed)].tensors.at(name)));
    }
  }
}

}  // namespace
}  // namespace cmir::test
