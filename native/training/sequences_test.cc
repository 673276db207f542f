#include "training/sequences.h"

#include <ATen/Parallel.h>

#include "test/check.h"
#include "training/inputs.h"
#include "training/objective.h"
#include "training/step_fixture.h"

namespace cmir::test {
namespace {

// None, one, the longest, and some that are as long as others.
const std::vector<int64_t> kLengths{4, 0, 1, 7, 4, 30, 2, 0, 11};
constexpr int64_t kBatch = 9, kStep = 3;

/** step_config() with two sequences beside a vector. */
TrainerConfig sequence_config(const std::string& pooling, const std::string& precision) {
  TrainerConfig config = step_config();
  config.precision = precision;
  config.model.pooling = pooling;
  config.modalities[1].sequence = config.modalities[2].sequence = true;
  return config;
}

/** A batch of examples with keys of their own; sequences of `lengths`. */
struct SequenceScene {
  explicit SequenceScene(
      const TrainerConfig& config, const std::vector<int64_t>& lengths = kLengths
  )
      : config(config), model({config.modalities, config.outputs, config.model}, type_of(config)) {
    at::NoGradGuard no_grad;
    model.parameters().initialize(config.seed);
    // A query that tells frames apart: it begins as 0.
    for (const std::string& name : model.parameters().names()) {
      if (name.ends_with(".query")) {
        const at::Tensor& query = model.parameters()[name];
        query.detach().copy_(normal(query.sizes(), type_of(config), 8));
      }
    }
    std::vector<int64_t> bounds{0};
    for (const int64_t length : lengths) bounds.push_back(bounds.back() + length);
    for (size_t m = 0; m < config.modalities.size(); ++m) {
      const auto& [name, width, sequence] = config.modalities[m];
      const int64_t rows = sequence ? bounds.back() : kBatch;
      features.push_back({
          .values = normal({rows, width}, type_of(config), m + 1),
          .offsets = sequence ? at::tensor(bounds, at::kLong) : at::Tensor(),
      });
    }
    targets = normal({kBatch}, type_of(config), 9);
    index = at::arange(kBatch, at::kLong) * 991 + 5;
    rows = at::arange(kBatch, at::kLong);
  }

  NoiseSite site() const {
    return {.seed = config.seed, .index = index, .step = at::scalar_tensor(kStep, at::kLong)};
  }
  SequenceNoise noise(const EnvironmentLists& environments, bool clean = true) const {
    return {config.seed, kStep, index.const_data_ptr<int64_t>(), environments, clean};
  }

  TrainerConfig config;
  CmirModel model;
  std::vector<ModalityBatch> features;
  at::Tensor targets, index, rows;
};

template <class Body>
void for_each_kind(const Body& body) {
  for (const std::string precision : {"float64", "float32"}) {
    for (const std::string pooling : {"mean", "attention", "gru"}) {
      INFO(precision << " " << pooling);
      body(sequence_config(pooling, precision));
    }
  }
}

TEST_CASE("sequences: what the encoder sees is the readable form of it, and so are gradients") {
  for_each_kind([](const TrainerConfig& config) {
    const at::NoGradGuard no_grad;
    SequenceScene scene(config);
    const EnvironmentLists environments(config.environments);
    for (const size_t m : {1, 2}) {
      const auto pooling = make_sequence_pooling(config, m, scene.model.parameters());
      // Twice: memory is used again.
      pooling->forward(scene.features[m], scene.noise(environments), true);
      const StepInput found = pooling->forward(scene.features[m], scene.noise(environments), true);
      REQUIRE(found.ready());
      const at::AutoGradMode grad_mode(true);
      scene.model.parameters().gradients().zero_();
      const at::Tensor expected =
          encoder_inputs(scene.model, m, scene.features[m], environments, scene.site());
      check_close(found.values, expected.detach());
      for (const int64_t empty : {1, 7}) {
        CHECK(found.values.select(1, empty).abs().max().item<double>() == 0);
      }
      if (config.model.pooling == "mean") {
        CHECK_FALSE(found.gradient.defined());
        CHECK_FALSE(expected.requires_grad());
        continue;
      }
      const at::Tensor incoming = normal(found.values.sizes(), type_of(config), 4);
      expected.backward(incoming);
      const at::Tensor gradients = scene.model.parameters().gradients().clone();
      REQUIRE(gradients.abs().max().item<double>() > 0.1);
      found.gradient.copy_(incoming);
      // What was there is overwritten.
      for (const std::string& name : scene.model.parameters().names()) {
        if (name.starts_with("pooling." + config.modalities[m].name)) {
          scene.model.parameters()[name].grad().fill_(100);
        }
      }
      pooling->backward();
      check_close(scene.model.parameters().gradients(), gradients);
      CHECK(pooling->memory() > 0);
    }
  });
}

TEST_CASE("sequences: without the clean environment the others are the same") {
  for_each_kind([](const TrainerConfig& config) {
    const at::NoGradGuard no_grad;
    SequenceScene scene(config);
    const EnvironmentLists environments(config.environments);
    const auto pooling = make_sequence_pooling(config, 2, scene.model.parameters());
    const at::Tensor all =
        pooling->forward(scene.features[2], scene.noise(environments), false).values.clone();
    const at::Tensor noisy =
        pooling->forward(scene.features[2], scene.noise(environments, false), false).values;
    check_close(noisy, all.narrow(0, 1, 4));
    // No environment at all: the clean one.
    const at::Tensor clean =
        pooling->forward(scene.features[2], scene.noise(EnvironmentLists({})), false).values;
    check_close(clean, all.narrow(0, 0, 1));
  });
}

TEST_CASE("sequences: a batch without any frame is 0, and its gradients are") {
  for_each_kind([](const TrainerConfig& config) {
    const at::NoGradGuard no_grad;
    SequenceScene scene(config, std::vector<int64_t>(kBatch, 0));
    const EnvironmentLists environments(config.environments);
    const auto pooling = make_sequence_pooling(config, 1, scene.model.parameters());
    const StepInput input = pooling->forward(scene.features[1], scene.noise(environments), true);
    CHECK(input.values.equal(at::zeros_like(input.values)));
    CHECK(encoder_inputs(scene.model, 1, scene.features[1], environments, scene.site())
              .equal(input.values));
    if (!input.gradient.defined()) return;
    scene.model.parameters().gradients().zero_();
    input.gradient.fill_(1);
    pooling->backward();
    CHECK(scene.model.parameters().gradients().abs().max().item<double>() == 0);
  });
}

TEST_CASE("sequences: a step after pooling, and back through it, is the objective's") {
  for_each_kind([](const TrainerConfig& config) {
    SequenceScene scene(config);
    const at::Tensor& gradients = scene.model.parameters().gradients();
    const Batch batch{scene.features, scene.targets, scene.index};
    gradients.zero_();
    const Terms terms = objective(scene.model, config, batch, kStep);
    terms.loss.backward();
    const at::Tensor expected = gradients.clone();

    const at::NoGradGuard no_grad;
    gradients.zero_();
    const EnvironmentLists environments(config.environments);
    std::vector<StepInput> inputs{{.values = scene.features[0].values}};
    std::vector<std::unique_ptr<SequencePooling>> poolings;
    for (const size_t m : {1, 2}) {
      poolings.push_back(make_sequence_pooling(config, m, scene.model.parameters()));
      inputs.push_back(
          poolings.back()->forward(scene.features[m], scene.noise(environments), true)
      );
    }
    // The keys of dropout, and of the vector's noise, are those of the sequences' noise.
    const at::Tensor targets = at::zeros({scene.index.max().item<int64_t>() + 1}, type_of(config))
                                   .index_copy_(0, scene.index, scene.targets);
    std::vector<double> found(static_cast<size_t>(term_count(config)));
    make_step(config, scene.model.parameters())
        ->run({inputs, targets, scene.index.const_data_ptr<int64_t>(), kBatch}, kStep, found);
    for (const auto& pooling : poolings) pooling->backward();
    const double epsilon = type_of(config) == at::kDouble ? 1e-10 : 1e-5;
    CHECK(found[0] == doctest::Approx(terms.loss.item<double>()).epsilon(epsilon));
    check_close(gradients, expected);
    for (const auto& name : scene.model.parameters().names()) {
      INFO(name);
      CHECK(scene.model.parameters()[name].grad().abs().max().item<double>() > 0);
    }
  });
}

TEST_CASE("config: environments share a draw over sequences only where it is one of their mean") {
  TrainerConfig config = sequence_config("mean", "float64");
  config.sharing = "common";
  config.environments = {{"gaussian", 0.5}, {"gaussian", 1}};
  validate(config);
  config.environments = {{"laplace", 0.5}};
  check_throws([&] { validate(config); }, "for the sequence 'audio', found mean and laplace");
  config.environments = {{"gaussian", 0.5}};
  config.model.pooling = "gru";
  check_throws([&] { validate(config); }, "sharing: common needs model.pooling mean");
  config.modalities[1].sequence = config.modalities[2].sequence = false;
  validate(config);
}

}  // namespace
}  // namespace cmir::test
