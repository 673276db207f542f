#include "training/step.h"

#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "base/gemm.h"
#include "ops/perturb/op.h"
#include "test/check.h"
#include "training/environments.h"
#include "training/objective.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

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
    std::vector<double> terms{found.loss.item<double>(), found.prediction.item<double>()};
    for (const auto* list : {&found.invariance, &found.decorrelation, &found.reconstruction}) {
      for (size_t m = 0; m < features.size(); ++m) {
        terms.push_back(list->empty() ? 0 : (*list)[m].item<double>());
      }
    }
    return {terms, model.parameters().gradients().clone()};
  }

  TrainerConfig config;
  CmirModel model;
  std::vector<at::Tensor> features;
  at::Tensor targets;
};

at::Tensor some_rows(int64_t count) {
  return (at::arange(count, at::kLong) * 7).remainder(kExamples);
}

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
        config.prediction = {.loss = loss, .on = on};
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
  fusion.weights = {0, 0, 0};
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

TEST_CASE("trainer: in bfloat16 it trains, evaluates in float32, and gives the same bits again") {
  if (!has_bfloat16_gemm()) {
    TrainerConfig config = step_config();
    config.precision = "bf16";
    check_throws([&] { Trainer{config}; }, "precision: bf16 needs a CPU");
    return;
  }
  const auto trained = [](int64_t threads) {
    TrainerConfig config = step_config();
    config.precision = "bf16";
    config.threads = threads;
    Trainer trainer(config);
    trainer.upload(step_input());
    const double first = trainer.train_epoch(some_rows(kExamples), 8).terms.loss;
    double last = first;
    for (int epoch = 0; epoch < 30; ++epoch) {
      last = trainer.train_epoch(some_rows(kExamples), 8).terms.loss;
    }
    CHECK(last < first);
    return trainer.predict(some_rows(kExamples), {});
  };
  CHECK(trained(1).equal(trained(1)));
}

/** What each environment's encoder sees, [E, B, D], of those rows, made before the step. */
at::Tensor ready_values(const Scene& scene, size_t modality, const at::Tensor& rows) {
  const EnvironmentLists lists(scene.config.environments);
  return perturb(
      scene.features[modality].index_select(0, rows),
      rows,
      at::scalar_tensor(3, at::kLong),
      scene.config.seed,
      static_cast<int64_t>(modality),
      static_cast<int64_t>(scene.features.size()),
      lists.kinds,
      lists.intensities
  );
}

TEST_CASE("step: inputs that come ready give the same bits, and their gradients") {
  for (const std::string target : {"environment", "clean"}) {
    TrainerConfig config = step_config();
    config.reconstruction.target = target;
    Scene scene(config);
    const at::Tensor rows = some_rows(11);
    const auto [terms, gradients] = scene.step(rows);
    std::vector<StepInput> inputs = scene.inputs(rows);
    for (const size_t m : {0, 2}) {
      const at::Tensor values = ready_values(scene, m, rows);
      inputs[m] = {.values = values, .gradient = at::empty_like(values)};
    }
    const auto [found_terms, found] = scene.step(rows, inputs);
    CHECK(found_terms == terms);
    CHECK(found.equal(gradients));

    // Down to the features, through noise held fixed: what autograd makes of the whole.
    std::vector<at::Tensor> leaves;
    scene.reference(rows, &leaves);
    for (const size_t m : {0, 2}) {
      Scene fixed(config);
      fixed.features[m].requires_grad_(true);
      ready_values(fixed, m, rows).backward(inputs[m].gradient);
      check_close(fixed.features[m].grad().index_select(0, rows), leaves[m].grad());
    }
  }
}

TEST_CASE("step: evaluation of inputs that come ready is that of the same noise drawn inside") {
  Scene scene(step_config());
  const at::NoGradGuard no_grad;
  const auto step = make_step(scene.config, scene.model.parameters());
  const at::Tensor rows = some_rows(9), out = at::empty({9, 1}, at::kDouble);
  const EvaluationNoise noise{.environment = {"laplace", 0.6}, .seed = 11};
  step->predict(scene.batch(rows, scene.inputs(rows)), rows.const_data_ptr<int64_t>(), &noise, out);
  const at::Tensor expected = out.clone();
  std::vector<StepInput> inputs = scene.inputs(rows);
  const EnvironmentLists lists({noise.environment});
  const at::Tensor noisy = perturb(
      scene.features[1].index_select(0, rows),
      rows,
      at::zeros({}, at::kLong),
      noise.seed,
      1,
      3,
      lists.kinds,
      lists.intensities
  );
  inputs[1] = {.values = noisy.narrow(0, 1, 1)};
  step->predict(scene.batch(rows, inputs), rows.const_data_ptr<int64_t>(), &noise, out);
  CHECK(out.equal(expected));
}

TEST_CASE("step: a batch that was gathered is the same as its rows of all data") {
  for (const std::string sharing : {"independent", "common"}) {
    TrainerConfig config = step_config();
    config.sharing = sharing;
    if (sharing == "common") config.environments = {{"gaussian", 0.5}, {"gaussian", 1}};
    Scene scene(config);
    const at::NoGradGuard no_grad;
    const at::Tensor rows = some_rows(11), out = at::empty({11, 1}, at::kDouble);
    const auto [terms, gradients] = scene.step(rows);
    std::vector<StepInput> inputs = scene.inputs(rows);
    for (const size_t m : {0, 2}) {
      inputs[m] = {.values = scene.features[m].index_select(0, rows)};
    }
    const auto [found_terms, found] = scene.step(rows, inputs);
    CHECK(found_terms == terms);
    CHECK(found.equal(gradients));
    const auto step = make_step(config, scene.model.parameters());
    const EvaluationNoise noise{.environment = {"laplace", 0.5}, .seed = 1};
    const auto* keys = rows.const_data_ptr<int64_t>();
    step->predict(scene.batch(rows, scene.inputs(rows)), keys, &noise, out);
    const at::Tensor expected = out.clone();
    step->predict(scene.batch(rows, inputs), keys, &noise, out);
    CHECK(out.equal(expected));
  }
}

TEST_CASE("step: flat rows have their own scale of gaussian noise") {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = some_rows(11);
  TrainerConfig weaker = step_config();
  weaker.modalities = {{"vision", 33, false}};
  weaker.environments = {{"gaussian", 0.8}, {"laplace", 0.7}};
  Scene scaled(weaker);
  std::vector<StepInput> inputs = scaled.inputs(rows);
  inputs[0].scale = at::full({kExamples}, 0.25F);
  const auto terms = scaled.step(rows, inputs).first;
  scaled.config.environments[0].intensity = 0.2;
  CHECK(scaled.step(rows).first == terms);
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
  const EvaluationNoise noise{.environment = {"erase", 0.5}, .seed = 1};
  const at::Tensor rows = some_rows(400), out = at::empty({400, 1}, at::kDouble);
  used->predict(scene.batch(rows, scene.inputs(rows)), rows.const_data_ptr<int64_t>(), &noise, out);
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
  const auto* numbers = rows.const_data_ptr<int64_t>();
  const std::vector<StepInput> inputs = scene.inputs(rows);
  StepBatch batch = scene.batch(rows, inputs);
  step->predict(batch, numbers, nullptr, out);
  const at::Tensor before = out.clone();
  batch.size = int64_t{1} << 40;
  CHECK_THROWS(step->predict(batch, numbers, nullptr, out));
  batch.size = 5;
  step->predict(batch, numbers, nullptr, out);
  CHECK(out.equal(before));
}

TEST_CASE("step: evaluation under every noise is the operator's and the model's") {
  Scene scene(step_config());
  at::NoGradGuard no_grad;
  const auto step = make_step(scene.config, scene.model.parameters());
  const at::Tensor rows = some_rows(9), keys = rows + 1000;
  for (const std::string kind : {"gaussian", "laplace", "erase", "drop"}) {
    const EvaluationNoise noise{.environment = {kind, 0.6}, .seed = 11};
    const EnvironmentLists lists({noise.environment});
    std::vector<at::Tensor> invariant;
    for (int64_t m = 0; m < 3; ++m) {
      const auto i = static_cast<size_t>(m);
      const at::Tensor x = perturb(
          scene.features[i].index_select(0, rows),
          keys,
          at::zeros({}, at::kLong),
          11,
          m,
          3,
          lists.kinds,
          lists.intensities
      );
      invariant.push_back(scene.model.encode_invariant(i, x.narrow(0, 1, 1)));
    }
    const at::Tensor out = at::empty({9, 1}, at::kDouble);
    step->predict(
        scene.batch(rows, scene.inputs(rows)), keys.const_data_ptr<int64_t>(), &noise, out
    );
    INFO(kind);
    check_close(out, scene.model.predict(invariant).squeeze(0));
  }
}

TEST_CASE("optimizer: updates are those of the definition, at sizes around a chunk") {
  for (const int64_t size : {1, 1023, 1024, 1025, 40000}) {
    at::Tensor w = normal({size}, at::kDouble, 1), m = at::zeros({size}, at::kDouble),
               v = m.clone();
    at::Tensor parameters = w.clone();
    Optimizer optimizer(parameters);
    const OptimizerConfig config{.learning_rate = 0.01, .weight_decay = 0.1, .clip_norm = 2};
    for (int64_t t = 1; t <= 3; ++t) {
      const at::Tensor g = normal({size}, at::kDouble, static_cast<uint64_t>(t + 1));
      const double clip = std::min(1.0, 2 / (g.norm().item<double>() + 1e-6));
      m = 0.9 * m + 0.1 * clip * g;
      v = 0.999 * v + 0.001 * (clip * g).square();
      const at::Tensor m_hat = m / (1 - std::pow(0.9, t)), v_hat = v / (1 - std::pow(0.999, t));
      w = w * (1 - 0.01 * 0.1) - 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
      optimizer.step(parameters, g.clone(), config);
      check_close(parameters, w);
    }
  }
  at::Tensor parameters = at::ones({3});
  Optimizer optimizer(parameters);
  at::Tensor gradient = at::ones({3});
  gradient[1] = std::numeric_limits<float>::quiet_NaN();
  optimizer.step(parameters, gradient, {.learning_rate = 0.1, .weight_decay = 0, .clip_norm = 1});
  CHECK(parameters.isnan().all().item<bool>());  // as torch's clipping has it
}

TEST_CASE("trainer: a call's threads are its own, whatever ran before on the same thread") {
  TrainerConfig config = step_config();
  const auto threads_inside = [&](int64_t threads) {
    config.threads = threads;
    Trainer trainer(config);
    trainer.state(false);
    return at::get_num_threads();
  };
  const int standard = threads_inside(0);
  CHECK(threads_inside(1) == 1);
  CHECK(threads_inside(0) == standard);
}

TEST_CASE("step: NaN in the input reaches the loss") {
  Scene scene(step_config());
  scene.features[1][0][0] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(scene.step(at::zeros({1}, at::kLong)).first[0]));
}

/** Counts what LibTorch's allocator hands out on this thread while it lives. */
class AllocationCounter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
    if (size > 0) ++count;
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t count = 0;
};

TEST_CASE("trainer: a step allocates nothing once the first has run") {
  Trainer trainer(step_config());
  trainer.upload(step_input());
  const auto allocations = [&](int64_t steps) {
    trainer.arm();
    const auto counter = std::make_shared<AllocationCounter>();
    const at::Tensor rows = some_rows(8 * steps);
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
    CHECK(trainer.train_epoch(rows, 8).steps == steps);
    return counter->count;
  };
  allocations(1);
  const int64_t one = allocations(1);
  CHECK(one > 0);  // the epoch itself: it is seen at all
  CHECK(allocations(50) == one);
}

TEST_CASE("trainer: any number of threads gives the same bits where the products are our own") {
  if (!has_own_gemm()) return;
  TrainerConfig config = step_config();
  config.precision = "float32";
  config.modalities = {{"text", 300, false}};
  config.model = {.hidden = 256, .latent = 64, .dropout = 0.3, .pooling = "mean"};
  const auto parameters = [&](int64_t threads) {
    config.threads = threads;
    Trainer trainer(config);
    trainer.upload(
        {.features = {{normal({400, 300}, at::kFloat)}}, .targets = normal({400}, at::kFloat)}
    );
    trainer.arm();
    trainer.train_epoch(at::arange(400, at::kLong), 128);
    return trainer.state(false);
  };
  const TrainerState one = parameters(1), two = parameters(2);
  for (const auto& [name, tensor] : one.tensors) {
    INFO(name);
    CHECK(tensor.equal(two.tensors.at(name)));
  }
}

}  // namespace
}  // namespace cmir::test
