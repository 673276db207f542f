#include <thread>

#include "test/check.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

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
  const auto outputs_differ_by = [&](const std::optional<EvaluationNoise>& noise) {
    return (there->predict(rows, noise) - here->predict(rows, noise)).abs().max().item<double>();
  };
  CHECK(outputs_differ_by({}) < 1e-5);
  for (const std::string kind : {"gaussian", "erase", "drop", "replace", "modality"}) {
    INFO(kind);
    CHECK(outputs_differ_by(EvaluationNoise{kind, 0.7, 3}) < 1e-5);
  }
  const auto [terms, gradients] = there->gradients(rows);
  CHECK(terms.loss == doctest::Approx(here->gradients(rows).first.loss).epsilon(1e-6));
}

TEST_CASE("trainer on a GPU: tf32 and bf16 train like float32, near it") {
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
  const double exact = loss("float32");
  for (const std::string precision : {"tf32", "bf16"}) {
    INFO(precision);
    const double found = loss(precision);
    CHECK(found == doctest::Approx(exact).epsilon(1e-2));
    CHECK(found != exact);
  }
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
