#include "model/pooling.h"

#include <cmath>
#include <functional>

#include "model/cmir.h"
#include "test/check.h"

namespace cmir::test {
namespace {

constexpr int64_t kEnvironments = 2, kLongest = 5, kFeatures = 3, kHidden = 4;
// None, one, all, and some between.
const std::vector<int64_t> kLengths{5, 0, 1, 3, 4};

at::Tensor lengths() { return at::tensor(kLengths, at::kLong); }

at::Tensor some_frames(uint64_t seed = 1) {
  return normal(
      {kEnvironments, static_cast<int64_t>(kLengths.size()), kLongest, kFeatures}, at::kDouble, seed
  );
}

std::vector<at::Tensor> some_gru() {
  return {
      normal({3 * kHidden, kFeatures}, at::kDouble, 2) * 0.5,
      normal({3 * kHidden, kHidden}, at::kDouble, 3) * 0.5,
      normal({3 * kHidden}, at::kDouble, 4),
      normal({3 * kHidden}, at::kDouble, 5),
  };
}

/** The definition, frame by frame, of one example [T, D]. */
using Pooling = std::function<at::Tensor(const at::Tensor&)>;

at::Tensor by_definition(const at::Tensor& frames, int64_t width, const Pooling& pool) {
  at::Tensor out = at::zeros({frames.size(0), frames.size(1), width}, frames.options());
  for (int64_t e = 0; e < frames.size(0); ++e) {
    for (size_t b = 0; b < kLengths.size(); ++b) {
      const auto example = static_cast<int64_t>(b);
      if (kLengths[b] > 0) out[e][example] = pool(frames[e][example].narrow(0, 0, kLengths[b]));
    }
  }
  return out;
}

at::Tensor attention_by_definition(const at::Tensor& frames, const at::Tensor& query) {
  at::Tensor sum = at::zeros_like(query), total = at::zeros({}, query.options());
  for (int64_t t = 0; t < frames.size(0); ++t) {
    const at::Tensor weight = (frames[t].dot(query) / std::sqrt(3.0)).exp();
    sum = sum + weight * frames[t];
    total = total + weight;
  }
  return sum / total;
}

at::Tensor gru_by_definition(const at::Tensor& frames, const std::vector<at::Tensor>& w) {
  at::Tensor h = at::zeros({kHidden}, frames.options());
  for (int64_t t = 0; t < frames.size(0); ++t) {
    const at::Tensor in = at::mv(w[0], frames[t]) + w[2], back = at::mv(w[1], h) + w[3];
    const auto part = [](const at::Tensor& all, int64_t gate) {
      return all.narrow(0, gate * kHidden, kHidden);
    };
    const at::Tensor reset = (part(in, 0) + part(back, 0)).sigmoid();
    const at::Tensor update = (part(in, 1) + part(back, 1)).sigmoid();
    const at::Tensor next = (part(in, 2) + reset * part(back, 2)).tanh();
    h = (1 - update) * next + update * h;
  }
  return h;
}

TEST_CASE("pooling: each kind is its definition on the frames that count") {
  const at::Tensor frames = some_frames(), query = normal({kFeatures}, at::kDouble, 7);
  const auto mean = [](const at::Tensor& x) { return x.mean(0); };
  check_close(mean_pooling(frames, lengths()), by_definition(frames, kFeatures, mean));
  check_close(
      attention_pooling(frames, lengths(), query),
      by_definition(frames, kFeatures, [&](const at::Tensor& x) {
        return attention_by_definition(x, query);
      })
  );
  const auto w = some_gru();
  check_close(
      gru_pooling(frames, lengths(), w),
      by_definition(frames, kHidden, [&](const at::Tensor& x) { return gru_by_definition(x, w); })
  );
}

TEST_CASE("pooling: gradients are those of finite differences, and finite where nothing counts") {
  const auto check = [](const std::vector<at::Tensor>& parameters,
                        const std::function<at::Tensor(const std::vector<at::Tensor>&)>& pool) {
    const auto loss = [&](const std::vector<at::Tensor>& at) { return pool(at).sin().sum(); };
    const auto found = differentiate(loss, parameters);
    for (size_t i = 0; i < parameters.size(); ++i) {
      for (const int64_t element : {int64_t{0}, parameters[i].numel() - 1}) {
        const auto moved = [&](double change) {
          std::vector<at::Tensor> others = parameters;
          others[i] = others[i].clone();
          others[i].view({-1})[element] += change;
          return loss(others).item<double>();
        };
        const double h = 1e-6;
        INFO("parameter " << i << " element " << element);
        CHECK(
            found[i + 1].flatten()[element].item<double>() ==
            doctest::Approx((moved(h) - moved(-h)) / (2 * h)).epsilon(1e-6)
        );
      }
    }
  };
  const at::Tensor frames = some_frames();
  check({normal({kFeatures}, at::kDouble, 7), frames}, [](const auto& p) {
    return attention_pooling(p[1], lengths(), p[0]);
  });
  check(some_gru(), [&](const auto& p) { return gru_pooling(frames, lengths(), p); });
  const at::Tensor none = at::zeros_like(lengths());
  const auto found = differentiate(
      [&](const auto& p) { return attention_pooling(frames, none, p[0]).sum(); },
      {normal({kFeatures}, at::kDouble, 7)}
  );
  CHECK(found[0].item<double>() == 0);
  CHECK(found[1].equal(at::zeros({kFeatures}, at::kDouble)));
}

TEST_CASE("pooling: what stands behind an example's frames does not count") {
  const at::Tensor frames = some_frames(), query = normal({kFeatures}, at::kDouble, 7);
  const at::Tensor behind = at::arange(kLongest) >= lengths().unsqueeze(1);
  const at::Tensor others = at::where(behind.unsqueeze(-1), some_frames(9) * 100, frames);
  REQUIRE_FALSE(others.equal(frames));
  const auto w = some_gru();
  CHECK(mean_pooling(others, lengths()).equal(mean_pooling(frames, lengths())));
  CHECK(
      attention_pooling(others, lengths(), query).equal(attention_pooling(frames, lengths(), query))
  );
  CHECK(gru_pooling(others, lengths(), w).equal(gru_pooling(frames, lengths(), w)));
}

TEST_CASE("model: a pooling's parameters are torch's by name and shape, attention begins as mean") {
  const auto model_with = [](const std::string& pooling) {
    CmirModel model(
        {.modalities = {{"text", 6, false}, {"audio", kFeatures, true}},
         .outputs = 1,
         .model = {.hidden = kHidden, .latent = 2, .dropout = 0, .pooling = pooling}},
        at::kDouble
    );
    at::NoGradGuard no_grad;
    model.parameters().initialize(3);
    return model;
  };
  const at::NoGradGuard no_grad;
  const CmirModel mean = model_with("mean"), attention = model_with("attention"),
                  gru = model_with("gru");
  CHECK(mean.parameters().names().size() == 20);
  CHECK(attention.parameters()["pooling.audio.query"].sizes() == at::IntArrayRef({kFeatures}));
  CHECK(
      gru.parameters()["pooling.audio.weight_ih_l0"].sizes() ==
      at::IntArrayRef({3 * kHidden, kFeatures})
  );
  CHECK(gru.parameters()["encoders.audio.0.weight"].sizes() == at::IntArrayRef({kHidden, kHidden}));
  CHECK(gru.parameters()["decoders.audio.2.bias"].sizes() == at::IntArrayRef({kHidden}));
  CHECK(gru.parameters()["decoders.text.2.bias"].sizes() == at::IntArrayRef({6}));
  for (const std::string& name : mean.parameters().names()) {
    CHECK(attention.parameters()[name].equal(mean.parameters()[name]));
  }
  const auto& bias = gru.parameters()["pooling.audio.bias_hh_l0"];
  CHECK(bias.abs().max().item<double>() <= 0.5);
  CHECK(bias.abs().max().item<double>() > 0.3);
  const at::Tensor frames = some_frames();
  check_close(attention.pool(1, frames, lengths()), mean.pool(1, frames, lengths()));
  CHECK(gru.pool(1, frames, lengths()).size(2) == kHidden);
}

}  // namespace
}  // namespace cmir::test
