#include <ATen/Parallel.h>

#include "ops/decorrelation/reference.h"
#include "ops/invariance/reference.h"
#include "ops/perturb/op.h"
#include "ops/reconstruction/reference.h"
#include "test/check.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

TrainerConfig small_config() {
  return {
      .seed = 3,
      .device = "cpu",
      .threads = 0,
      .precision = "float64",
      .modalities = {{"text", 7, false}, {"audio", 5, false}},
      .max_length = 0,
      .outputs = 1,
      .model = {.hidden = 8, .latent = 4, .dropout = 0, .pooling = "mean"},
      .environments = {{"gaussian", 0.5}, {"erase", 0.3}},
      .sharing = "independent",
      .weights =
          {.invariance = 0.7,
           .decorrelation = 0.5,
           .reconstruction = 0.3,
           .risk = 0,
           .consistency = 0},
      .decorrelation = {.off_diagonal = 0.3},
      .prediction = {.loss = "l1", .on = "all", .class_weights = {}},
      .reconstruction = {.target = "environment"},
      .optimizer = plain_optimizer(),
  };
}

constexpr int64_t kRows = 30;

void upload(Trainer& trainer) {
  trainer.upload({
      .features = {{normal({kRows, 7}, at::kFloat, 1)}, {normal({kRows, 5}, at::kFloat, 2)}},
      .targets = trainer.config().outputs == 1 ? normal({kRows}, at::kFloat, 3)
                                               : at::arange(kRows, at::kFloat).remainder(2),
  });
}

at::Tensor all_rows() { return at::arange(kRows, at::kLong); }

void check_equal_states(const TrainerState& a, const TrainerState& b) {
  CHECK(a.step == b.step);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    INFO(name);
    CHECK(tensor.equal(b.tensors.at(name)));
  }
}

TEST_CASE("trainer: the objective's terms are the definitions applied to the model's parts") {
  Trainer trainer(small_config());
  upload(trainer);
  const auto state = trainer.state(false);
  const auto linear = [&](const at::Tensor& x, const std::string& name) {
    return at::linear(x, state.tensors.at(name + ".weight"), state.tensors.at(name + ".bias"));
  };
  const at::Tensor rows = all_rows();
  const auto terms = trainer.gradients(rows).first;
  std::vector<at::Tensor> invariant;
  double loss = 0;
  for (const int64_t m : {0, 1}) {
    const std::string name = m == 0 ? "text" : "audio";
    const at::Tensor x = perturb(
        normal({kRows, m == 0 ? 7 : 5}, at::kFloat, static_cast<uint64_t>(m + 1)).to(at::kDouble),
        rows,
        at::zeros({}, at::kLong),
        3,
        m,
        2,
        {0, 2},
        {0.5, 0.3}
    );
    const at::Tensor z =
        linear(linear(x, "encoders." + name + ".0").relu(), "encoders." + name + ".3");
    const at::Tensor inv = z.narrow(-1, 0, 4), spu = z.narrow(-1, 4, 4);
    const at::Tensor decoded =
        linear(linear(z, "decoders." + name + ".0").relu(), "decoders." + name + ".2");
    const double r_inv = reference::invariance(inv).item<double>();
    const double r_dec = reference::decorrelation(inv, spu, 0.3).item<double>();
    const double r_rec = reference::reconstruction(decoded, x).item<double>();
    const auto i = static_cast<size_t>(m);
    CHECK(terms.invariance[i] == doctest::Approx(r_inv).epsilon(1e-10));
    CHECK(terms.decorrelation[i] == doctest::Approx(r_dec).epsilon(1e-10));
    CHECK(terms.reconstruction[i] == doctest::Approx(r_rec).epsilon(1e-10));
    loss += 0.7 * r_inv + 0.5 * r_dec + 0.3 * r_rec;
    invariant.push_back(inv);
  }
  const at::Tensor out = linear(linear(at::cat(invariant, -1), "head.0").relu(), "head.3");
  const double prediction = (out.squeeze(-1) - normal({kRows}, at::kFloat, 3).to(at::kDouble))
                                .abs()
                                .mean()
                                .item<double>();
  CHECK(terms.prediction == doctest::Approx(prediction).epsilon(1e-10));
  CHECK(terms.loss == doctest::Approx(loss + prediction).epsilon(1e-10));
}

TEST_CASE("trainer: gradients are those of finite differences") {
  for (const std::string on : {"all", "clean"}) {
    TrainerConfig config = small_config();
    config.prediction = {.loss = "mse", .on = on, .class_weights = {}};
    config.reconstruction.target = on == "all" ? "environment" : "clean";
    config.environments.push_back({"laplace", 0.4});
    config.model.dropout = 0.25;
    Trainer trainer(config);
    upload(trainer);
    const auto analytic = trainer.gradients(all_rows()).second;
    const TrainerState state = trainer.state(false);
    for (const auto& [name, gradient] : analytic) {
      const auto loss_at = [&](double change) {
        TrainerState moved = state;
        moved.tensors[name] = moved.tensors[name].clone();
        moved.tensors[name].flatten()[0] += change;
        trainer.set_state(moved);
        return trainer.gradients(all_rows()).first.loss;
      };
      const double h = 1e-6;
      INFO(name);
      CHECK(
          gradient.flatten()[0].item<double>() ==
          doctest::Approx((loss_at(h) - loss_at(-h)) / (2 * h)).epsilon(1e-4)
      );
    }
  }
}

TEST_CASE("trainer: one step is torch's AdamW after clipping") {
  TrainerConfig config = small_config();
  Trainer trainer(config);
  upload(trainer);
  const auto before = trainer.state(false);
  const auto gradients = trainer.gradients(all_rows()).second;
  double norm = 0;
  for (const auto& [name, gradient] : gradients) norm += gradient.square().sum().item<double>();
  const double clip = std::min(1.0, 1 / (std::sqrt(norm) + 1e-6));
  trainer.arm();
  trainer.train_epoch(all_rows(), kRows);
  const auto after = trainer.state(false);
  for (const auto& [name, gradient] : gradients) {
    const at::Tensor g = gradient * clip, w = before.tensors.at(name);
    // The first step: both moments, bias-corrected, are g and g^2.
    check_close(after.tensors.at(name), w * (1 - 0.01 * 0.01) - 0.01 * g / (g.abs() + 1e-8));
  }
}

TEST_CASE("trainer: the same seed gives the same bits, on one thread or two the same noise") {
  TrainerConfig config = small_config();
  config.model.dropout = 0.2;
  config.precision = "float32";
  const auto trained = [&](int64_t threads) {
    config.threads = threads;
    Trainer trainer(config);
    upload(trainer);
    for (int epoch = 0; epoch < 3; ++epoch) {
      trainer.arm();
      trainer.train_epoch(all_rows(), 8);
    }
    return trainer.state(true);
  };
  const auto one = trained(1), two = trained(2);
  check_equal_states(one, trained(1));
  for (const auto& [name, tensor] : one.tensors) {
    CHECK((tensor - two.tensors.at(name)).abs().max().item<double>() < 1e-4);
  }
}

TEST_CASE("trainer: continuing from a state equals never having stopped") {
  TrainerConfig config = small_config();
  config.model.dropout = 0.2;
  Trainer whole(config), first(config), second(config);
  for (Trainer* trainer : {&whole, &first, &second}) {
    upload(*trainer);
    trainer->arm();
  }
  whole.train_epoch(all_rows(), 7);
  whole.train_epoch(all_rows(), 7);
  first.train_epoch(all_rows(), 7);
  second.set_state(first.state(true));
  second.train_epoch(all_rows(), 7);
  check_equal_states(whole.state(true), second.state(true));
}

TEST_CASE("trainer: training lowers the loss, for each prediction loss") {
  for (const std::string loss : {"l1", "mse", "crossEntropy"}) {
    TrainerConfig config = small_config();
    config.prediction.loss = loss;
    config.outputs = loss == "crossEntropy" ? 2 : 1;
    Trainer trainer(config);
    upload(trainer);
    trainer.arm();
    const double start = trainer.train_epoch(all_rows(), 10).terms.prediction;
    EpochResult last{};
    for (int epoch = 0; epoch < 60; ++epoch) last = trainer.train_epoch(all_rows(), 10);
    CHECK(last.terms.prediction < 0.6 * start);
    CHECK(last.steps == 3);
    CHECK(last.examples == kRows);
  }
}

TEST_CASE("trainer: no constraints and no environments is plain fusion") {
  TrainerConfig config = small_config();
  config.environments.clear();
  config.weights = {};
  Trainer trainer(config);
  upload(trainer);
  const auto [terms, gradients] = trainer.gradients(all_rows());
  CHECK(terms.loss == terms.prediction);
  CHECK(gradients.at("decoders.text.0.weight").abs().max().item<double>() == 0);
  CHECK(gradients.at("head.0.weight").abs().max().item<double>() > 0);
}

TEST_CASE("trainer: prediction does not depend on batches, and uses the normaliser") {
  Trainer trainer(small_config());
  TrainerState state = trainer.state(false);
  state.tensors["normalizer.text.mean"] = at::full({7}, 2.0, at::kDouble);
  state.tensors["normalizer.text.std"] = at::full({7}, 4.0, at::kDouble);
  trainer.set_state(state);
  const at::Tensor text = normal({3000, 7}, at::kFloat, 1),
                   audio = normal({3000, 5}, at::kFloat, 2);
  trainer.upload({.features = {{text}, {audio}}});
  const at::Tensor all = trainer.predict(at::arange(3000, at::kLong), {});
  check_close(trainer.predict(at::arange(1100, 1103, at::kLong), {}), all.narrow(0, 1100, 3));
  CHECK(trainer.predict(at::empty({0}, at::kLong), {}).sizes() == at::IntArrayRef({0, 1}));
  Trainer plain(small_config());
  plain.upload({.features = {{(text.to(at::kDouble) - 2).div(4).to(at::kFloat)}, {audio}}});
  CHECK(
      (plain.predict(at::arange(9, at::kLong), {}) - all.narrow(0, 0, 9))
          .abs()
          .max()
          .item<double>() < 1e-6
  );
  const EvaluationNoise noise{.kind = "gaussian", .intensity = 0.5, .seed = 1};
  CHECK_FALSE(trainer.predict(at::arange(9, at::kLong), noise).equal(all.narrow(0, 0, 9)));
  const EvaluationNoise none{.kind = "gaussian", .intensity = 0, .seed = 1};
  check_close(trainer.predict(at::arange(9, at::kLong), none), all.narrow(0, 0, 9));
}

TEST_CASE("trainer: abort ends an armed epoch at once") {
  Trainer trainer(small_config());
  upload(trainer);
  trainer.arm();
  trainer.abort();
  const EpochResult result = trainer.train_epoch(all_rows(), 5);
  CHECK(result.aborted);
  CHECK(result.steps == 0);
  trainer.arm();
  CHECK_FALSE(trainer.train_epoch(all_rows(), 5).aborted);
}

TEST_CASE("trainer: a state that does not fit changes nothing") {
  Trainer trainer(small_config());
  const TrainerState before = trainer.state(true);
  TrainerState broken = before;
  broken.tensors["head.0.bias"] = at::zeros({3});
  check_throws(
      [&] { trainer.set_state(broken); }, "tensor 'head.0.bias': expected shape [8], found [3]"
  );
  broken = before;
  broken.tensors.erase("head.0.bias");
  check_throws([&] { trainer.set_state(broken); }, "missing tensor 'head.0.bias'");
  broken = before;
  broken.tensors["extra"] = at::zeros({1});
  check_throws([&] { trainer.set_state(broken); }, "unknown tensor 'extra'");
  check_equal_states(before, trainer.state(true));
}

TEST_CASE("trainer: refuses data and rows that do not fit") {
  Trainer trainer(small_config());
  check_throws([&] { trainer.predict(all_rows(), {}); }, "no data uploaded");
  const at::Tensor text = at::zeros({3, 7}), audio = at::zeros({3, 5});
  const auto refuses = [&](const TrainerInput& input, const std::string& message) {
    check_throws([&] { trainer.upload(input); }, message);
  };
  refuses({.features = {{text}}}, "2 modalities, found 1");
  refuses(
      {.features = {{text}, {at::zeros({3, 6})}}},
      "'audio': expected float32 values of [examples, 5]"
  );
  refuses({.features = {{text}, {at::zeros({4, 5})}}}, "'audio': expected 3 examples, found 4");
  refuses(
      {.features = {{text}, {audio, at::zeros({4}, at::kLong)}}},
      "'audio': expected a vector an example, found a sequence"
  );
  refuses({.features = {{text}, {audio}}, .targets = at::zeros({2})}, "3 targets, found 2");
  refuses({.features = {{text}, {audio}}, .keys = at::zeros({2}, at::kLong)}, "expected 3 keys");
  at::Tensor odd = audio.clone();
  odd[2][1] = -std::numeric_limits<float>::infinity();
  refuses(
      {.features = {{text}, {odd}}},
      "'audio', row 2, feature 1: expected a finite number, found -inf"
  );
  trainer.upload({.features = {{text}, {audio}}});
  refuses({.features = {{text}}}, "2 modalities, found 1");
  CHECK(trainer.predict(at::arange(3, at::kLong), {}).numel() == 3);  // on the data before
  check_throws([&] { trainer.predict(at::full({1}, 3, at::kLong), {}); }, "indices from 0 to 2");
  check_throws([&] { trainer.train_epoch(at::zeros({1}, at::kLong), 1); }, "no targets");
}

TEST_CASE("trainer: without decay of biases they alone keep their size") {
  TrainerConfig config = small_config();
  config.optimizer.weight_decay = 0.5;
  const auto trained = [&](bool decay_biases) {
    config.optimizer.decay_biases = decay_biases;
    Trainer trainer(config);
    upload(trainer);
    trainer.arm();
    trainer.train_epoch(all_rows(), kRows);
    return trainer.state(false);
  };
  const TrainerState before = Trainer(config).state(false), with = trained(true),
                     without = trained(false);
  for (const auto& [name, tensor] : without.tensors) {
    if (name.starts_with("normalizer.")) continue;
    INFO(name);
    const at::Tensor decay = 0.01 * 0.5 * before.tensors.at(name);
    const bool spared = name.ends_with(".bias");
    check_close(tensor, with.tensors.at(name) + (spared ? decay : at::zeros_like(decay)));
    CHECK((decay.abs().max().item<double>() > 0));
  }
}

TEST_CASE("config: each field is checked by name") {
  const auto refuses = [](const std::function<void(TrainerConfig&)>& spoil,
                          const std::string& message) {
    TrainerConfig config = small_config();
    spoil(config);
    check_throws([&] { Trainer{config}; }, message);
  };
  refuses(
      [](auto& c) { c.precision = "half"; },
      "precision: expected one of float32, float64, bf16, tf32, found 'half'"
  );
  refuses([](auto& c) { c.sharing = "some"; }, "sharing: expected one of independent, common");
  refuses([](auto& c) { c.modalities.clear(); }, "modalities: expected 1 to");
  refuses([](auto& c) { c.modalities[1].name = "text"; }, "'text' occurs twice");
  refuses([](auto& c) { c.modalities[0].name = "a.b"; }, "without a dot");
  refuses([](auto& c) { c.model.dropout = 1; }, "model.dropout: expected below 1");
  refuses(
      [](auto& c) { c.environments[0].kind = "salt"; },
      "environments.kind: expected one of gaussian"
  );
  refuses(
      [](auto& c) { c.weights.invariance = -1; },
      "weights.invariance: expected at least 0, found -1"
  );
  refuses(
      [](auto& c) { c.environments.clear(); },
      "weights.invariance: needs at least one noisy environment"
  );
  refuses([](auto& c) { c.prediction.loss = "crossEntropy"; }, "at least 2 classes");
  refuses(
      [](auto& c) { c.optimizer.schedule = "step"; },
      "optimizer.schedule: expected one of constant, linear, cosine, found 'step'"
  );
  refuses([](auto& c) { c.optimizer.warmup = 1; }, "optimizer.warmup: expected below 1, found 1");
  refuses([](auto& c) { c.optimizer.epochs = 0; }, "optimizer.epochs: expected at least 1");
  refuses([](auto& c) { c.optimizer.accumulation = 0; }, "optimizer.accumulation: expected at le");
  refuses([](auto& c) { c.optimizer.averaging = 1; }, "optimizer.averaging: expected below 1");
  refuses([](auto& c) { c.device = "cuda"; }, "device: found 'cuda'");
  refuses([](auto& c) { c.device = "meta"; }, "device: expected cpu or cuda");
}

}  // namespace
}  // namespace cmir::test
