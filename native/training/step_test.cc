#include "training/step.h"

#include "base/gemm.h"
#include "ops/perturb/op.h"
#include "test/check.h"
#include "training/environments.h"
#include "training/objective.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

void check_step(const TrainerConfig& config, int64_t batch) {
  Scene scene(config);
  const at::Tensor rows = some_rows(batch);
  const auto [terms, gradients] = scene.step(rows);
  const auto [expected_terms, expected] = scene.reference(rows);
  const double epsilon = type_of(config) == at::kDouble ? 1e-10 : 1e-5;
  for (size_t i = 0; i < terms.size(); ++i) {
    INFO("term " << i);
    CHECK(terms[i] == doctest::Approx(expected_terms[i]).epsilon(epsilon));
  }
  check_close(gradients, expected);
}

TEST_CASE("step: terms and gradients are those of the objective under autograd") {
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
      for (const std::string on : {"all", "clean"}) {
        TrainerConfig config = step_config();
        config.precision = precision;
        config.prediction = {.loss = loss, .on = on, .class_weights = {}};
        config.outputs = loss == "crossEntropy" ? 4 : 1;
        config.reconstruction.target = on == "all" ? "environment" : "clean";
        // Fewer examples than latent dimensions, and more: decorrelation has a form for each.
        for (const int64_t batch : {1, 3, 6, 37}) {
          INFO(precision << " " << loss << " " << on << " batch " << batch);
          check_step(config, batch);
        }
      }
    }
  }
}

TEST_CASE("step: each constraint alone, none, no environment, one modality, no dropout") {
  for (int which = 0; which < 8; ++which) {
    TrainerConfig config = step_config();
    if ((which & 1) != 0) config.weights.invariance = 0;
    if ((which & 2) != 0) config.weights.decorrelation = 0;
    if ((which & 4) != 0) config.weights.reconstruction = 0;
    INFO("weights without " << which);
    check_step(config, 9);
  }
  TrainerConfig fusion = step_config();
  fusion.environments.clear();
  fusion.weights = {};
  check_step(fusion, 9);
  TrainerConfig single = step_config();
  single.modalities = {{"text", 1, false}};
  single.model = {.hidden = 1, .latent = 1, .dropout = 0, .pooling = "mean"};
  check_step(single, 5);
  TrainerConfig many = step_config();
  many.environments = std::vector<Environment>(16, {"gaussian", 0.2});
  check_step(many, 5);
}

TEST_CASE("step: one draw for all environments, scaled") {
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string kind : {"gaussian", "laplace"}) {
      TrainerConfig config = step_config();
      config.precision = precision;
      config.environments = {{kind, 0.3}, {kind, 0.6}, {kind, 0.9}};
      config.sharing = "common";
      check_step(config, 1);
      check_step(config, 37);
      config.reconstruction.target = "clean";
      config.prediction.on = "clean";
      check_step(config, 9);
    }
  }
  TrainerConfig mixed = step_config();
  mixed.sharing = "common";
  check_throws([&] { validate(mixed); }, "sharing: common needs environments of one additive kind");
  mixed.environments = {{"erase", 0.5}};
  check_throws([&] { validate(mixed); }, "found 'erase'");
}

TEST_CASE("step: risk and consistency, each alone and both, for each loss") {
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
      for (const int which : {1, 2, 3}) {
        TrainerConfig config = step_config();
        config.precision = precision;
        config.prediction.loss = loss;
        config.outputs = loss == "crossEntropy" ? 4 : 1;
        config.weights.risk = (which & 1) != 0 ? 1.5 : 0;
        config.weights.consistency = (which & 2) != 0 ? 0.8 : 0;
        for (const int64_t batch : {1, 37}) {
          INFO(precision << " " << loss << " " << which << " batch " << batch);
          check_step(config, batch);
        }
      }
    }
  }
  TrainerConfig alone = step_config();
  alone.environments = {{"gaussian", 0.5}};
  alone.weights = {};
  alone.weights.risk = alone.weights.consistency = 1;
  check_step(alone, 9);
}

TEST_CASE("step: risk and consistency need predictions on environments") {
  for (double Weights::* weight : {&Weights::risk, &Weights::consistency}) {
    TrainerConfig config = step_config();
    config.weights.*weight = 0.5;
    config.prediction.on = "clean";
    check_throws([&] { validate(config); }, "needs prediction.on all");
    config.prediction.on = "all";
    validate(config);
    config.environments.clear();
    config.weights.invariance = 0;
    check_throws([&] { validate(config); }, "at least one noisy environment");
    config.weights.*weight = -1;
    check_throws([&] { validate(config); }, "expected at least 0, found -1");
  }
}

TEST_CASE("step: classes with weights, alone and with risk and consistency") {
  for_class_weights([](const TrainerConfig& config, int64_t batch) { check_step(config, batch); });
}

TEST_CASE("step: weights of classes are one a class, and positive") {
  TrainerConfig config = step_config();
  config.prediction.class_weights = {1};
  check_throws([&] { validate(config); }, "prediction.classWeights: expected one a class");
  config.prediction = {.loss = "crossEntropy", .on = "all", .class_weights = {1, 2}};
  config.outputs = 3;
  check_throws([&] { validate(config); }, "found 2 for loss crossEntropy and outputs 3");
  config.outputs = 2;
  validate(config);
  config.prediction.class_weights = {1, 0};
  check_throws([&] { validate(config); }, "expected positive numbers, found 0");
}

TEST_CASE("step: widths of whole vectors and of whole tiles") {
  TrainerConfig config = step_config();
  config.precision = "float32";
  config.modalities = {{"text", 96, false}, {"audio", 300, false}};
  config.model = {.hidden = 64, .latent = 32, .dropout = 0.5, .pooling = "mean"};
  check_step(config, 40);
}

TEST_CASE("step: in bfloat16 the gradients are those of float32 up to its rounding") {
  if (!has_bfloat16_gemm()) return;
  TrainerConfig config = step_config();
  config.precision = "float32";
  config.modalities = {{"text", 96, false}, {"audio", 30, false}};
  config.model = {.hidden = 64, .latent = 32, .dropout = 0.3, .pooling = "mean"};
  const at::Tensor rows = some_rows(32);
  const auto [terms, gradients] = Scene(config).step(rows);
  config.precision = "bf16";
  const auto [rounded_terms, rounded] = Scene(config).step(rows);
  CHECK(rounded_terms[0] == doctest::Approx(terms[0]).epsilon(0.01));
  CHECK_FALSE(rounded.equal(gradients));
  // Signs of close values may flip in the L1 terms, so the gradient is compared as a whole.
  CHECK((rounded - gradients).norm().item<double>() < 0.1 * gradients.norm().item<double>());
}

TEST_CASE("step: memory is used again, whatever ran before") {
  Scene scene(step_config());
  at::NoGradGuard no_grad;
  const at::Tensor flat = scene.model.parameters().gradients();
  const auto run = [&](Step& step, int64_t batch) {
    flat.fill_(std::numeric_limits<double>::quiet_NaN());
    std::vector<double> terms(static_cast<size_t>(term_count(scene.config)));
    const at::Tensor rows = some_rows(batch);
    step.run(scene.batch(rows, scene.inputs(rows)), 3, terms);
    return flat.clone();
  };
  const auto used = make_step(scene.config, scene.model.parameters());
  const at::Tensor first = run(*used, 37);
  const at::Tensor rows = some_rows(400), out = at::empty({400, 1}, at::kDouble);
  used->predict(scene.batch(rows, scene.inputs(rows)), out);
  for (const int64_t batch : {3, 37, 1}) {
    const auto fresh = make_step(scene.config, scene.model.parameters());
    const at::Tensor expected = run(*fresh, batch);
    CHECK(run(*used, batch).equal(expected));
  }
  CHECK_FALSE(first.isnan().any().item<bool>());
}

TEST_CASE("step: more memory than there is, is an error, and smaller batches go on") {
  Scene scene(step_config());
  const auto step = make_step(scene.config, scene.model.parameters());
  const at::Tensor rows = some_rows(5), out = at::empty({5, 1}, at::kDouble);
  const std::vector<StepInput> inputs = scene.inputs(rows);
  StepBatch batch = scene.batch(rows, inputs);
  step->predict(batch, out);
  const at::Tensor before = out.clone();
  batch.size = int64_t{1} << 40;
  CHECK_THROWS(step->predict(batch, out));
  batch.size = 5;
  step->predict(batch, out);
  CHECK(out.equal(before));
}

TEST_CASE("step: evaluation is the model's") {
  Scene scene(step_config());
  at::NoGradGuard no_grad;
  const auto step = make_step(scene.config, scene.model.parameters());
  const at::Tensor rows = some_rows(9), out = at::empty({9, 1}, at::kDouble);
  std::vector<at::Tensor> invariant;
  for (size_t m = 0; m < 3; ++m) {
    const at::Tensor x = scene.features[m].index_select(0, rows).unsqueeze(0);
    invariant.push_back(scene.model.encode_invariant(m, x));
  }
  step->predict(scene.batch(rows, scene.inputs(rows)), out);
  check_close(out, scene.model.predict(invariant).squeeze(0));
}

TEST_CASE("step: NaN in the input reaches the loss") {
  Scene scene(step_config());
  scene.features[1][0][0] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(scene.step(at::zeros({1}, at::kLong)).first[0]));
}

}  // namespace
}  // namespace cmir::test
