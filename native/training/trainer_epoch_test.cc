#include <cmath>

#include "test/check.h"
#include "training/schedule.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

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

TEST_CASE("averaging: evaluations and the saved model are of the moving average of the weights") {
  constexpr double kDecay = 0.3;  // above (1 + t) / (10 + t) in the first two steps
  OptimizerConfig config = plain_optimizer(0.05);
  const auto plain = trainer_of(config);
  config.averaging = kDecay;
  const auto averaging = trainer_of(config), resumed = trainer_of(config);
  std::map<std::string, at::Tensor> expected = plain->state(false).tensors;
  const at::Tensor rows = some_rows(kExamples);
  for (int64_t t = 1; t <= 6; ++t) {
    const at::Tensor batch = rows.narrow(0, 6 * (t - 1), 6);
    plain->train_epoch(batch, 6);
    averaging->train_epoch(batch, 6);
    const double decay =
        std::min(kDecay, (1 + static_cast<double>(t)) / (10 + static_cast<double>(t)));
    const TrainerState weights = plain->state(true);
    const TrainerState state = averaging->state(true), model = averaging->state(false);
    for (auto& [name, mean] : expected) {
      if (name.starts_with("normalizer.")) continue;
      INFO("step " << t << " " << name);
      mean = decay * mean + (1 - decay) * weights.tensors.at(name);
      check_close(model.tensors.at(name), mean);
      CHECK(state.tensors.at(name).equal(model.tensors.at(name)));
      // What is trained goes on as without averages.
      CHECK(state.tensors.at("optimizer.weights." + name).equal(weights.tensors.at(name)));
    }
    // Predictions and codes of the averages, as a trainer has them that holds nothing else.
    const auto loaded = trainer_of(plain_optimizer());
    loaded->set_state(model);
    CHECK(averaging->predict(rows, {}).equal(loaded->predict(rows, {})));
    CHECK(averaging->encode(rows, {})[0].invariant.equal(loaded->encode(rows, {})[0].invariant));
    CHECK_FALSE(averaging->predict(rows, {}).equal(plain->predict(rows, {})));
    // And a stop at any step changes no bit.
    const auto next = trainer_of(config);
    next->set_state(t == 1 ? averaging->state(true) : resumed->state(true));
    if (t > 1) next->train_epoch(batch, 6);
    resumed->set_state(next->state(true));
    for (const auto& [name, tensor] : resumed->state(true).tensors) {
      CHECK(tensor.equal(state.tensors.at(name)));
    }
  }
  // A model alone begins anew from its weights.
  resumed->set_state(averaging->state(false));
  const TrainerState begun = resumed->state(true);
  for (const auto& [name, mean] : expected) {
    if (name.starts_with("normalizer.")) continue;
    CHECK(begun.tensors.at("optimizer.weights." + name).equal(begun.tensors.at(name)));
  }
  check_throws(
      [&] { plain->set_state(averaging->state(true)); }, "unknown tensor 'optimizer.weights"
  );
  check_throws(
      [&] { averaging->set_state(plain->state(true)); }, "missing tensor 'optimizer.weights"
  );
}

TEST_CASE("divergence: an epoch ends before the step whose loss is not finite, and names it") {
  for (const int64_t accumulation : {1, 2}) {
    TrainerConfig config = step_config();
    config.precision = "float32";
    config.optimizer.accumulation = accumulation;
    TrainerInput input = step_input();
    input.features[2].values[11] = 3e38F;  // finite, its square is not
    Trainer trainer(config), before(config);
    const at::Tensor rows = at::arange(kExamples, at::kLong);
    for (Trainer* one : {&trainer, &before}) {
      one->upload(input);
      one->arm();
    }
    // Batches of 4: example 11 is in the third, the second of two or the first of its step.
    const EpochResult result = trainer.train_epoch(rows, 4);
    REQUIRE(result.diverged.has_value());
    CHECK(result.diverged->step == (accumulation == 1 ? 3 : 2));
    CHECK(result.diverged->rows.equal(at::arange(8, 12, at::kLong)));
    CHECK_FALSE(std::isfinite(result.diverged->value));
    CHECK_FALSE(result.aborted);
    CHECK(result.steps == (accumulation == 1 ? 2 : 1));
    CHECK(result.examples == 8);
    const EpochResult fine = before.train_epoch(rows.narrow(0, 0, 8), 4);
    CHECK_FALSE(fine.diverged.has_value());
    const TrainerState expected = before.state(true), found = trainer.state(true);
    CHECK(found.step == expected.step);
    for (const auto& [name, tensor] : expected.tensors) CHECK(tensor.equal(found.tensors.at(name)));
  }
}

TEST_CASE("divergence: the first term that is not finite is named, the loss if it is alone") {
  const TrainerConfig config = step_config();
  std::vector<double> terms(static_cast<size_t>(term_count(config)), 1.0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  terms[0] = nan;
  const auto named = [&] {
    const Divergence found = divergence_of(config, terms);
    return found.term + " of " + found.modality;
  };
  CHECK(named() == "loss of ");
  terms.back() = std::numeric_limits<double>::infinity();
  CHECK(named() == "reconstruction of vision");
  CHECK(std::isinf(divergence_of(config, terms).value));
  terms[kSharedTerms + 4] = nan;
  CHECK(named() == "decorrelation of audio");
  terms[3] = nan;
  CHECK(named() == "consistency of ");
  terms[1] = nan;
  CHECK(named() == "prediction of ");
}

}  // namespace
}  // namespace cmir::test
