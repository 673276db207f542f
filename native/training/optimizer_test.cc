#include "training/optimizer.h"

#include <cmath>
#include <numbers>

#include "test/check.h"
#include "training/schedule.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

/** AdamW as it is written, in float64: clips, decays where `decays` is 1, and moves. */
struct Definition {
  at::Tensor w, decays;
  at::Tensor m = at::zeros_like(w), v = at::zeros_like(w);
  int64_t t = 0;

  void step(const at::Tensor& gradient, const OptimizerConfig& config, double rate) {
    ++t;
    const double norm = gradient.norm().item<double>();
    const double clip =
        config.clip_norm > 0 ? std::min(1.0, config.clip_norm / (norm + 1e-6)) : 1.0;
    m = 0.9 * m + 0.1 * clip * gradient;
    v = 0.999 * v + 0.001 * (clip * gradient).square();
    const at::Tensor m_hat = m / (1 - std::pow(0.9, t)), v_hat = v / (1 - std::pow(0.999, t));
    w = w * (1 - rate * config.weight_decay * decays) - rate * m_hat / (v_hat.sqrt() + 1e-8);
  }
};

TEST_CASE("optimizer: updates are those of the definition, at sizes around a chunk") {
  for (const int64_t size : {1, 1023, 1024, 1025, 40000}) {
    for (const bool spares : {false, true}) {
      INFO("size " << size << " spares " << spares);
      const at::Tensor spared = at::arange(size).remainder(7).lt(3);
      Definition expected{
          .w = normal({size}, at::kDouble, 1),
          .decays = spares ? spared.logical_not().to(at::kDouble) : at::ones({size}, at::kDouble),
      };
      const at::Tensor parameters = expected.w.clone();
      Optimizer optimizer(parameters, spares ? spared : at::Tensor());
      const OptimizerConfig config = plain_optimizer(1, 0.1, 2);
      for (const double rate : {0.01, 0.0, 0.3}) {
        const at::Tensor g =
            normal({size}, at::kDouble, static_cast<uint64_t>(optimizer.steps() + 2));
        expected.step(g, config, rate);
        optimizer.step(parameters, g.clone(), config, rate);
        check_close(parameters, expected.w);
      }
    }
  }
  at::Tensor parameters = at::ones({3});
  Optimizer optimizer(parameters);
  at::Tensor gradient = at::ones({3});
  gradient[1] = std::numeric_limits<float>::quiet_NaN();
  optimizer.step(parameters, gradient, plain_optimizer(0.1, 0), 0.1);
  CHECK(parameters.isnan().all().item<bool>());  // as torch's clipping has it
}

OptimizerConfig scheduled(const std::string& schedule, double warmup, int64_t epochs = 1) {
  OptimizerConfig config = plain_optimizer(0.2);
  config.schedule = schedule;
  config.warmup = warmup;
  config.epochs = epochs;
  return config;
}

TEST_CASE("schedule: rates are those of the formulas, and depend on the step alone") {
  for (const int64_t total : {1, 2, 7, 100}) {
    for (const double warmup : {0.0, 0.3, 0.99}) {
      const auto w = static_cast<int64_t>(std::floor(warmup * static_cast<double>(total)));
      const Schedule constant(scheduled("constant", warmup), total),
          linear(scheduled("linear", warmup), total), cosine(scheduled("cosine", warmup), total);
      for (int64_t step = 0; step <= total + 3; ++step) {
        INFO("step " << step << " of " << total << ", warm-up " << warmup);
        if (step < w) {
          const double rate = 0.2 * static_cast<double>(step) / static_cast<double>(w);
          for (const Schedule* schedule : {&constant, &linear, &cosine}) {
            CHECK(schedule->rate(step) == doctest::Approx(rate).epsilon(1e-14));
          }
          continue;
        }
        CHECK(constant.rate(step) == 0.2);
        const double p =
            static_cast<double>(std::min(step, total) - w) / static_cast<double>(total - w);
        CHECK(linear.rate(step) == doctest::Approx(0.2 * (1 - p)).epsilon(1e-12));
        const double half = std::pow(std::cos(std::numbers::pi * p / 2), 2);  // (1 + cos pi p) / 2
        CHECK(std::abs(cosine.rate(step) - 0.2 * half) < 1e-14);
      }
      CHECK(linear.rate(total) == 0);
      CHECK(cosine.rate(total) == 0);
      if (w == 0) CHECK(cosine.rate(0) == 0.2);
      if (w > 0) CHECK(linear.rate(0) == 0);
      CHECK(cosine.rate(w) == 0.2);
    }
  }
  CHECK(Schedule(scheduled("cosine", 0.5), 0).rate(0) == 0);
}

std::unique_ptr<Trainer> trainer_of(const OptimizerConfig& optimizer) {
  TrainerConfig config = step_config();
  config.optimizer = optimizer;
  auto trainer = std::make_unique<Trainer>(config);
  trainer->upload(step_input());
  trainer->arm();
  return trainer;
}

TEST_CASE("schedule: each step of a trainer has its rate, and so the same after a resume") {
  constexpr int64_t kBatch = 16, kSteps = 3, kEpochs = 2;  // 40 examples: two batches and a rest
  const at::Tensor rows = some_rows(kExamples);
  for (const std::string kind : {"constant", "linear", "cosine"}) {
    const OptimizerConfig config = scheduled(kind, 0.4, kEpochs);
    const Schedule schedule(config, kSteps * kEpochs);
    const auto whole = trainer_of(config), first = trainer_of(config);
    TrainerState state = whole->state(true);
    for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
      const EpochResult result = whole->train_epoch(rows, kBatch);
      CHECK(result.learning_rate == schedule.rate((epoch + 1) * kSteps));
      if (epoch == 0) {
        first->train_epoch(rows, kBatch);
        const auto second = trainer_of(config);
        second->set_state(first->state(true));
        second->train_epoch(rows, kBatch);
        state = second->state(true);
      }
    }
    for (const auto& [name, tensor] : whole->state(true).tensors) {
      INFO(kind << " " << name);
      CHECK(tensor.equal(state.tensors.at(name)));
    }
    // The same steps, each by a trainer that knows one rate.
    TrainerState stepped = trainer_of(config)->state(true);
    for (int64_t step = 0; step < kSteps * kEpochs; ++step) {
      const auto one = trainer_of(plain_optimizer(schedule.rate(step)));
      one->set_state(stepped);
      const int64_t begin = step % kSteps * kBatch;
      const int64_t count = std::min(kBatch, kExamples - begin);
      one->train_epoch(rows.narrow(0, begin, count), kBatch);
      stepped = one->state(true);
    }
    for (const auto& [name, tensor] : stepped.tensors) {
      INFO(kind << " " << name);
      CHECK(tensor.equal(state.tensors.at(name)));
    }
  }
}

/** Without draws: what is left is the prediction, a mean over rows. */
TrainerConfig drawless(const std::string& loss) {
  TrainerConfig config = step_config();
  config.environments.clear();
  config.weights = {};
  config.model.dropout = 0;
  config.prediction.loss = loss;
  config.outputs = loss == "crossEntropy" ? 3 : 1;
  return config;
}

TEST_CASE("accumulation: batches of a step together are the one big batch") {
  for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
    TrainerConfig config = drawless(loss);
    TrainerInput input = step_input();
    if (loss == "crossEntropy") input.targets = at::arange(kExamples, at::kFloat).remainder(3);
    const auto trained = [&](int64_t accumulation, int64_t batch) {
      config.optimizer.accumulation = accumulation;
      auto trainer = std::make_unique<Trainer>(config);
      trainer->upload(input);
      trainer->arm();
      // 37 examples: a step of 15, one of 15, and one of 7 in batches of 5 and 2.
      const EpochResult result = trainer->train_epoch(some_rows(37), batch);
      CHECK(result.steps == 3);
      CHECK(result.examples == 37);
      CHECK(trainer->progress() == 3);
      return std::pair{result.terms.prediction, trainer->state(true)};
    };
    const auto [big_loss, big] = trained(1, 15);
    const auto [loss_of_parts, parts] = trained(3, 5);
    CHECK(loss_of_parts == doctest::Approx(big_loss).epsilon(1e-12));
    CHECK(parts.step == 3);
    for (const auto& [name, tensor] : parts.tensors) {
      INFO(loss << " " << name);
      check_close(tensor, big.tensors.at(name));
    }
    // More batches than there are is one step.
    config.optimizer.accumulation = int64_t{1} << 40;
    Trainer all(config);
    all.upload(input);
    all.arm();
    CHECK(all.train_epoch(some_rows(37), 5).steps == 1);
  }
}

TEST_CASE("accumulation: each batch has draws of its own, also after a step of fewer") {
  TrainerConfig config = step_config();
  config.optimizer.accumulation = 3;
  Trainer trainer(config);
  trainer.upload(step_input());
  trainer.arm();
  const at::Tensor rows = some_rows(kExamples);
  trainer.train_epoch(rows.narrow(0, 0, 22), 5);  // a step of 15, and one of 5 and 2
  trainer.train_epoch(rows.narrow(0, 0, 5), 5);
  Scene scene(config);
  at::NoGradGuard no_grad;
  scene.features.clear();
  for (const FeatureTable& table : step_input().features) {
    scene.features.push_back(table.values.to(at::kDouble));
  }
  scene.targets = step_input().targets.to(at::kDouble);
  const Parameters& parameters = scene.model.parameters();
  Optimizer optimizer(parameters.flat());
  const auto step = make_step(config, parameters);
  std::vector<double> terms(static_cast<size_t>(term_count(config)));
  const std::vector<std::vector<std::pair<int64_t, int64_t>>> steps{
      {{0, 5}, {5, 5}, {10, 5}}, {{15, 5}, {20, 2}}, {{0, 5}}
  };
  for (size_t s = 0; s < steps.size(); ++s) {
    at::Tensor sum = at::zeros_like(parameters.flat());
    double examples = 0;
    for (size_t i = 0; i < steps[s].size(); ++i) {
      const auto& [begin, count] = steps[s][i];
      const at::Tensor part = rows.narrow(0, begin, count).contiguous();
      step->run(scene.batch(part, scene.inputs(part)), static_cast<int64_t>(3 * s + i), terms);
      sum += parameters.gradients() * static_cast<double>(count);
      examples += static_cast<double>(count);
    }
    optimizer.step(parameters.flat(), sum / examples, config.optimizer, 0.01);
  }
  const TrainerState state = trainer.state(false);
  for (const auto& [name, tensor] : parameters.split(parameters.flat())) {
    INFO(name);
    check_close(state.tensors.at(name), tensor);
  }
}

TEST_CASE("accumulation: continuing equals never having stopped") {
  OptimizerConfig config = scheduled("cosine", 0.2, 2);
  config.accumulation = 2;
  const auto whole = trainer_of(config), first = trainer_of(config), second = trainer_of(config);
  const at::Tensor rows = some_rows(kExamples);
  whole->train_epoch(rows, 9);
  whole->train_epoch(rows, 9);
  first->train_epoch(rows, 9);
  second->set_state(first->state(true));
  second->train_epoch(rows, 9);
  const TrainerState expected = whole->state(true), found = second->state(true);
  CHECK(found.step == expected.step);
  for (const auto& [name, tensor] : expected.tensors) {
    INFO(name);
    CHECK(tensor.equal(found.tensors.at(name)));
  }
  CHECK(trainer_of(config)->memory() > trainer_of(plain_optimizer())->memory());
}

}  // namespace
}  // namespace cmir::test
