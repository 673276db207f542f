#include <ATen/ATen.h>

#include <cmath>

#include "data/file_fixture.h"
#include "ops/corrupt/reference.h"
#include "test/check.h"
#include "training/inputs.h"
#include "training/objective.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

// Trainers on sequences, whole: whatever way frames take to the encoder.

namespace cmir::test {
namespace {

const std::vector<Environment> kMeansSuffice{{"gaussian", 0.5}, {"drop", 0.4}, {"gaussian", 1}};

TrainerConfig sequence_config(const std::string& pooling, bool means_suffice = false) {
  TrainerConfig config = step_config();
  config.model.pooling = pooling;
  config.modalities[0].sequence = config.modalities[2].sequence = true;
  if (means_suffice) config.environments = kMeansSuffice;
  return config;
}

/** Two sequences beside a vector; example i has i * 7 % 6 frames, so some have none. */
TrainerInput sequence_input() {
  const at::Tensor lengths = (at::arange(kExamples, at::kLong) * 7).remainder(6);
  const at::Tensor offsets = at::cat({at::zeros({1}, at::kLong), lengths.cumsum(0)});
  const auto frames = offsets[-1].item<int64_t>();
  return {
      .features =
          {{normal({frames, 13}, at::kFloat, 1), offsets},
           {normal({kExamples, 5}, at::kFloat, 2)},
           {normal({frames, 33}, at::kFloat, 3), offsets}},
      .targets = normal({kExamples}, at::kFloat, 4),
      .keys = at::arange(kExamples, at::kLong) * 31 + 7,
  };
}

at::Tensor some_rows() { return (at::arange(25, at::kLong) * 11).remainder(kExamples); }

/** The examples `rows`, as objective() takes them; the normaliser is the identity. */
Batch batch_of(const TrainerInput& input, const at::Tensor& rows, at::Tensor index) {
  Batch batch{
      .features = {},
      .targets = input.targets.to(at::kDouble).index_select(0, rows),
      .index = std::move(index)
  };
  for (const FeatureTable& table : input.features) {
    std::vector<at::Tensor> parts;
    std::vector<int64_t> bounds{0};
    for (int64_t i = 0; i < rows.numel(); ++i) {
      const RowRange range = table.range(rows[i].item<int64_t>(), 0);
      parts.push_back(table.values.narrow(0, range.begin, range.end - range.begin));
      bounds.push_back(bounds.back() + range.end - range.begin);
    }
    batch.features.push_back({
        .values = at::cat(parts).to(at::kDouble),
        .offsets = table.sequence() ? at::tensor(bounds, at::kLong) : at::Tensor(),
    });
  }
  return batch;
}

/** A model with the trainer's parameters. */
std::unique_ptr<CmirModel> copy_of(Trainer& trainer) {
  const TrainerConfig& config = trainer.config();
  auto model = std::make_unique<CmirModel>(
      ModelShape{config.modalities, config.outputs, config.model}, at::kDouble
  );
  const at::NoGradGuard no_grad;
  const auto state = trainer.state(false).tensors;
  for (const std::string& name : model->parameters().names()) {
    model->parameters()[name].copy_(state.at(name));
  }
  return model;
}

/** The features of a batch under noise of seed 9 and intensity 0.6 on some modalities. */
std::vector<ModalityBatch> noisy(
    const Batch& batch,
    CorruptionKind kind,
    const std::vector<Modality>& modalities,
    const std::vector<size_t>& some
) {
  std::vector<ModalityBatch> all = batch.features;
  for (const size_t m : some) {
    auto& [values, offsets] = all[m];
    const PhiloxKey key = reference::evaluation_key(9, modalities[m].name);
    std::vector<at::Tensor> parts;
    for (int64_t b = 0; b < batch.index.numel(); ++b) {
      const int64_t begin = offsets.defined() ? offsets[b].item<int64_t>() : b;
      const int64_t end = offsets.defined() ? offsets[b + 1].item<int64_t>() : b + 1;
      const at::Tensor x = values.narrow(0, begin, end - begin);
      parts.push_back(reference::corrupted(x, kind, 0.6, key, batch.index[b].item<int64_t>()));
    }
    values = at::cat(parts);
  }
  return all;
}

/** One epoch, so that attention's query tells frames apart. */
void train_a_little(Trainer& trainer) {
  trainer.arm();
  trainer.train_epoch(at::arange(kExamples, at::kLong), 8);
}

template <class Body>
void for_each_way(const Body& body) {
  for (const std::string pooling : {"mean", "attention", "gru"}) {
    for (const bool means_suffice : {false, true}) {
      INFO(pooling << (means_suffice ? ", gaussian and drop" : ", all kinds of noise"));
      body(sequence_config(pooling, means_suffice));
    }
  }
}

TEST_CASE("trainer: a step on sequences is that of the objective, pooling's gradients too") {
  for_each_way([](const TrainerConfig& config) {
    const TrainerInput input = sequence_input();
    Trainer trainer(config);
    trainer.upload(input);
    train_a_little(trainer);
    const int64_t step = trainer.state(false).step;
    const auto model = copy_of(trainer);
    const auto [terms, gradients] = trainer.gradients(some_rows());

    const Terms expected =
        objective(*model, config, batch_of(input, some_rows(), some_rows()), step);
    expected.loss.backward();
    CHECK(terms.loss == doctest::Approx(expected.loss.item<double>()).epsilon(1e-6));
    for (const std::string& name : model->parameters().names()) {
      INFO(name);
      check_close(gradients.at(name).to(at::kFloat), model->parameters()[name].grad());
    }
  });
}

TEST_CASE("trainer: predictions and codes of sequences are those of the readable form") {
  for_each_way([](const TrainerConfig& config) {
    const TrainerInput input = sequence_input();
    Trainer trainer(config);
    trainer.upload(input);
    train_a_little(trainer);
    const auto model = copy_of(trainer);
    const at::NoGradGuard no_grad;
    const Batch batch = batch_of(input, some_rows(), input.keys.index_select(0, some_rows()));
    const auto expect = [&](const std::vector<ModalityBatch>& features,
                            const std::vector<Environment>& noise) {
      const NoiseSite site{9, batch.index, at::zeros({}, at::kLong)};
      std::vector<at::Tensor> invariant;
      for (size_t m = 0; m < features.size(); ++m) {
        const at::Tensor x = encoder_inputs(*model, m, features[m], EnvironmentLists(noise), site);
        invariant.push_back(model->encode_invariant(m, x.narrow(0, x.size(0) - 1, 1)));
      }
      return std::pair{model->predict(invariant).squeeze(0), invariant};
    };
    const auto [clean, codes] = expect(batch.features, {});
    check_close(trainer.predict(some_rows(), {}).to(at::kFloat), clean);
    const auto found = trainer.encode(some_rows(), {});
    for (size_t m = 0; m < codes.size(); ++m) {
      check_close(found[m].invariant.to(at::kFloat), codes[m].squeeze(0));
    }
    const auto check_noisy = [&](const EvaluationNoise& noise, const auto& expected) {
      INFO(noise.kind);
      const at::Tensor outputs = trainer.predict(some_rows(), noise);
      check_close(outputs.to(at::kFloat), expected.first);
      const auto encoded = trainer.encode(some_rows(), noise);
      for (size_t m = 0; m < encoded.size(); ++m) {
        check_close(encoded[m].invariant.to(at::kFloat), expected.second[m].squeeze(0));
      }
      CHECK_FALSE(outputs.allclose(clean));
    };
    // Its draws are those of training.
    check_noisy({"drop", 0.6, 9}, expect(batch.features, {{"drop", 0.6}}));
    const std::pair<std::string, CorruptionKind> kinds[] = {
        {"gaussian", CorruptionKind::gaussian},
        {"laplace", CorruptionKind::laplace},
        {"erase", CorruptionKind::erase},
        {"replace", CorruptionKind::replace},
        {"frame", CorruptionKind::frame},
        {"block", CorruptionKind::block},
        {"modality", CorruptionKind::modality},
    };
    for (const auto& [name, kind] : kinds) {
      const auto& modalities = config.modalities;
      check_noisy({name, 0.6, 9}, expect(noisy(batch, kind, modalities, {0, 1, 2}), {}));
      const auto some = expect(noisy(batch, kind, modalities, {1, 2}), {});
      check_noisy({name, 0.6, 9, {{"vision", "audio"}}}, some);
    }
  });
}

TEST_CASE("trainer: noise that it cannot make is refused by name") {
  Trainer trainer(sequence_config("mean"));
  trainer.upload(sequence_input());
  const auto refuse = [&](const EvaluationNoise& noise, const std::string& message) {
    check_throws([&] { trainer.predict(some_rows(), noise); }, message);
  };
  refuse({"fog", 0.5, 0}, "noise.kind: expected one of gaussian");
  refuse({"gaussian", -1, 0}, "noise.intensity: expected a finite number of at least 0, found -1");
  refuse({"laplace", INFINITY, 0}, "noise.intensity: expected a finite number");
  refuse({"erase", 1.5, 0}, "noise.intensity: expected a probability from 0 to 1, found 1.5");
  refuse({"block", NAN, 0}, "noise.intensity: expected a probability");
  refuse({"erase", 0.5, 0, {{"smell"}}}, "noise.modalities: the model has no modality 'smell'");
}

/** Parameters and noisy outputs after two epochs. */
std::vector<at::Tensor> results(const TrainerConfig& config, const TrainerInput& input) {
  Trainer trainer(config);
  trainer.upload(input);
  for (int epoch = 0; epoch < 2; ++epoch) train_a_little(trainer);
  std::vector<at::Tensor> all{trainer.predict(some_rows(), EvaluationNoise{"erase", 0.4, 3})};
  for (const auto& [name, tensor] : trainer.state(true).tensors) all.push_back(tensor);
  for (const at::Tensor& tensor : all) CHECK(tensor.isfinite().all().item<bool>());
  return all;
}

void check_same(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i].equal(expected[i]));
}

TEST_CASE("trainer: sequences in a file are trained on as in memory, on one thread as on two") {
  for_each_way([](TrainerConfig config) {
    const TrainerInput memory = sequence_input();
    TrainerInput file = memory;
    const ValueFile text(memory.features[0].values);
    file.features[0] = mapped_table(text, memory.features[0].values, memory.features[0].offsets);
    config.threads = 2;
    const auto expected = results(config, memory);
    check_same(results(config, file), expected);
    config.threads = 1;
    const auto found = results(config, memory);
    // LibTorch's products in float64 may be cut up otherwise on one thread.
    for (size_t i = 0; i < found.size(); ++i) check_close(found[i].to(at::kFloat), expected[i]);
  });
}

TEST_CASE("trainer: frames beyond max_length count for nothing") {
  for_each_way([](TrainerConfig config) {
    config.max_length = 2;
    TrainerInput input = sequence_input(), cut = input;
    for (const size_t m : {0, 2}) {
      FeatureTable& table = cut.features[m];
      std::vector<at::Tensor> parts;
      for (int64_t i = 0; i < kExamples; ++i) {
        const RowRange range = table.range(i, 2);
        parts.push_back(table.values.narrow(0, range.begin, range.end - range.begin));
      }
      const at::Tensor lengths = table.offsets.diff().clamp_max(2);
      table = {at::cat(parts), at::cat({at::zeros({1}, at::kLong), lengths.cumsum(0)})};
    }
    const auto expected = results(config, cut);
    check_same(results(config, input), expected);
    config.max_length = 0;
    check_same(results(config, cut), expected);
  });
}

TEST_CASE("trainer: a sequence of one frame, averaged, trains as a vector does, to the bit") {
  TrainerInput input = step_input(), frames = input;
  for (FeatureTable& table : frames.features) {
    table.offsets = at::arange(kExamples + 1, at::kLong);
  }
  for (const bool means_suffice : {false, true}) {
    TrainerConfig config = step_config();
    if (means_suffice) config.environments = kMeansSuffice;
    const auto expected = results(config, input);
    for (Modality& modality : config.modalities) modality.sequence = true;
    const auto found = results(config, frames);
    // Noisy copies lie elsewhere in memory, which LibTorch's products may round otherwise.
    check_close(found.front().to(at::kFloat), expected.front());
    check_same({found.begin() + 1, found.end()}, {expected.begin() + 1, expected.end()});
  }
}

TEST_CASE("trainer: without any frame a modality is 0, and nothing is NaN") {
  for_each_way([](const TrainerConfig& config) {
    TrainerInput input = sequence_input();
    input.features[2] = {at::empty({0, 33}), at::zeros({kExamples + 1}, at::kLong)};
    results(config, input);
  });
}

TEST_CASE("trainer: a vector for a sequence, or the other way round, is refused") {
  Trainer sequences(sequence_config("mean")), vectors(step_config());
  check_throws([&] { sequences.upload(step_input()); }, "'text': expected a sequence of frames");
  check_throws([&] { vectors.upload(sequence_input()); }, "'text': expected a vector an example");
}

}  // namespace
}  // namespace cmir::test
