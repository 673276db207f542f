#include "training/optimizer.h"

#include <cmath>
#include <numbers>

#include "test/check.h"
#include "training/schedule.h"
#include "training/step_fixture.h"

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

}  // namespace
}  // namespace cmir::test
