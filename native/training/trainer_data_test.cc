#include "training/trainer_data.h"

#include <limits>

#include "data/file_fixture.h"
#include "test/check.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

at::Tensor shuffled() { return (at::arange(kExamples, at::kLong) * 7).remainder(kExamples); }

/** A trainer whose normaliser is not the identity. */
Trainer& prepared(Trainer& trainer) {
  TrainerState state = trainer.state(false);
  for (const Modality& modality : trainer.config().modalities) {
    const std::string name = "normalizer." + modality.name;
    state.tensors[name + ".mean"] = normal({modality.features}, at::kFloat, 21);
    state.tensors[name + ".std"] = normal({modality.features}, at::kFloat, 22).abs() + 0.5;
  }
  trainer.set_state(state);
  return trainer;
}

/** All that a trainer says of its data, after training on it. */
std::map<std::string, at::Tensor> results(const TrainerConfig& config, const TrainerInput& input) {
  Trainer trainer(config);
  prepared(trainer).upload(input);
  std::map<std::string, at::Tensor> all;
  for (int epoch = 0; epoch < 2; ++epoch) {
    trainer.arm();
    const EpochResult result = trainer.train_epoch(shuffled(), 12);
    CHECK(result.steps == 4);
    all["loss " + std::to_string(epoch)] = at::scalar_tensor(result.terms.loss, at::kDouble);
  }
  for (const auto& [name, tensor] : trainer.state(true).tensors) all["state " + name] = tensor;
  for (const auto& [name, tensor] : trainer.gradients(shuffled()).second) all[name] = tensor;
  const at::Tensor rows = at::cat({shuffled().repeat({60}), shuffled().narrow(0, 3, 5)});
  all["outputs"] = trainer.predict(rows, {});
  all["noisy outputs"] = trainer.predict(rows, EvaluationNoise{"erase", 0.4, 3});
  const std::vector<Codes> codes = trainer.encode(rows, {});
  for (size_t m = 0; m < codes.size(); ++m) {
    all["invariant " + std::to_string(m)] = codes[m].invariant;
    all["spurious " + std::to_string(m)] = codes[m].spurious;
  }
  return all;
}

void check_same_results(const TrainerConfig& config, const TrainerInput& a, const TrainerInput& b) {
  const auto expected = results(config, a), found = results(config, b);
  REQUIRE(found.size() == expected.size());
  for (const auto& [name, tensor] : expected) {
    INFO(name);
    CHECK(found.at(name).equal(tensor));
  }
}

TEST_CASE(
    "trainer: data in files, all or some of it, trains and predicts as in memory, to the bit"
) {
  const TrainerInput memory = step_input();
  const ValueFile text(memory.features[0].values), audio(memory.features[1].values),
      vision(memory.features[2].values);
  TrainerInput files = memory, mixed = memory;
  files.features = {
      mapped_table(text, memory.features[0].values),
      mapped_table(audio, memory.features[1].values),
      mapped_table(vision, memory.features[2].values),
  };
  mixed.features[1] = files.features[1];
  for (const std::string precision : {"float32", "float64"}) {
    TrainerConfig config = step_config();
    config.precision = precision;
    check_same_results(config, memory, files);
    check_same_results(config, memory, mixed);
  }
  TrainerConfig common = step_config();
  common.sharing = "common";
  common.environments = {{"gaussian", 0.5}, {"gaussian", 1}};
  check_same_results(common, memory, files);
}

TEST_CASE("trainer: where values are missing they are the mean, in memory and in files") {
  TrainerInput gaps = step_input();
  gaps.replace_non_finite = true;
  gaps.features[1].values[4][2] = kNan;
  gaps.features[1].values[9].fill_(std::numeric_limits<float>::infinity());
  const ValueFile audio(gaps.features[1].values);
  TrainerInput file = gaps;
  file.features[1] = mapped_table(audio, gaps.features[1].values);
  check_same_results(step_config(), gaps, file);

  TrainerInput filled = step_input();
  filled.replace_non_finite = true;
  const at::Tensor mean = normal({5}, at::kFloat, 21);  // that of prepared()
  filled.features[1].values[4][2] = mean[2];
  filled.features[1].values[9] = mean;
  check_same_results(step_config(), gaps, filled);
}

TEST_CASE("trainer: a missing value in a file is an error where none may be, and only there") {
  TrainerInput input = step_input();
  input.features[1].values[4][2] = kNan;
  const ValueFile audio(input.features[1].values);
  Trainer trainer(step_config());
  check_throws([&] { trainer.upload(input); }, "'audio', row 4, feature 2");
  input.features[1] = mapped_table(audio, input.features[1].values);
  trainer.upload(input);
  const std::string message = "'audio', row 4, feature 2: expected a finite number, found nan";
  const at::Tensor all = at::arange(kExamples, at::kLong), others = at::arange(5, 15, at::kLong);
  check_throws([&] { trainer.train_epoch(all, 3); }, message);
  check_throws([&] { trainer.predict(all, {}); }, message);
  check_throws([&] { trainer.encode(all, {}); }, message);
  check_throws([&] { trainer.gradients(all); }, message);
  CHECK(trainer.train_epoch(others, 3).steps == 4);
  CHECK(trainer.predict(others, {}).isfinite().all().item<bool>());
}

TEST_CASE("trainer: an epoch on a file ends at once when aborted, or with an error of the file") {
  TrainerInput input = step_input();
  const ValueFile text(input.features[0].values);
  input.features[0] = mapped_table(text, input.features[0].values);
  Trainer trainer(step_config());
  trainer.upload(input);
  trainer.arm();
  trainer.abort();
  CHECK(trainer.train_epoch(shuffled(), 1).aborted);
  trainer.arm();
  CHECK(trainer.train_epoch(shuffled(), 1).steps == kExamples);
  text.resize(100);
  check_throws([&] { trainer.train_epoch(shuffled(), 8); }, text.path());
}

TEST_CASE("trainer: data in files takes no memory of its own") {
  TrainerInput input = step_input();
  Trainer trainer(step_config());
  trainer.upload(input);
  const int64_t before = trainer.memory();
  const ValueFile text(input.features[0].values);
  input.features[0] = mapped_table(text, input.features[0].values);
  trainer.upload(input);
  CHECK(before - trainer.memory() == kExamples * 13 * 8);
}

}  // namespace
}  // namespace cmir::test
