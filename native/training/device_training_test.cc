#include "training/device_fixture.h"
#include "training/divergence.h"

namespace cmir::test {
namespace {

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
        // One step has a batch of 8 and one of 4, and leaves a draw.
        const std::vector<int64_t> sizes =
            s == 1 ? std::vector<int64_t>{8, 4} : std::vector<int64_t>{8, 8, 8};
        const double examples = s == 1 ? 12 : 24;
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

TEST_CASE("device step: the first batch whose loss is not finite is told, with its terms") {
  const auto device = kernel_device();
  if (!device) return;
  const at::NoGradGuard no_grad;
  const OwnStream stream(*device);
  for (const int64_t accumulation : {1, 2}) {
    TrainerConfig config = step_config();
    config.optimizer.accumulation = accumulation;
    Pair pair(config, *device);
    // Example 7 alone, which is in the fourth batch: the graph runs it.
    pair.there.features[1][7] = std::numeric_limits<double>::infinity();
    pair.bind();
    const at::Tensor rows = at::arange(20, at::kLong).to(*device);
    const std::vector<int64_t> begins{8, 12, 16, 4, 8, 12};
    pair.step->begin(5);
    for (size_t i = 0; i < begins.size(); ++i) {
      if (i == 3) CHECK_FALSE(pair.step->broken().has_value());
      const at::Tensor part = rows.narrow(0, begins[i], 4);
      if (accumulation == 1) {
        pair.step->train(part, {}, kRate);
      } else {
        pair.step->accumulate(part, {}, 0.5);
        if (i % 2 == 1) pair.step->update(kRate);
      }
    }
    const auto broken = pair.step->broken();
    REQUIRE(broken.has_value());
    CHECK(broken->draw == 5 * accumulation + 3);
    const auto* terms = broken->terms.const_data_ptr<double>();
    const std::span list(terms, static_cast<size_t>(broken->terms.numel()));
    CHECK_FALSE(std::isfinite(list[0]));
    // Later batches are as broken, but everywhere: this one is so in what sees modality 1.
    const Divergence found = divergence_of(config, list);
    CHECK(found.term == "prediction");
    CHECK(std::isfinite(list[kSharedTerms + 6]));        // reconstruction of modality 0
    CHECK_FALSE(std::isfinite(list[kSharedTerms + 7]));  // and of 1
    pair.step->begin(5);
    CHECK_FALSE(pair.step->broken().has_value());
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
