#include "training/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/rows.h"
#include "base/vectorized.h"

namespace cmir {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

/** A flat buffer's elements, in chunks like rows of this width. */
constexpr int64_t kWidth = 1024;

template <class Value>
CMIR_INLINE double squares(const Value* values, int64_t begin, int64_t end) {
  double total = 0;
  for (int64_t first = begin; first < end; first += kWidth) {
    const int64_t count = std::min(kWidth, end - first);
    Value sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; ++i) sum += values[first + i] * values[first + i];
    total += static_cast<double>(sum);
  }
  return total;
}

/** What one update multiplies with, in the buffers' type. */
template <class Value>
struct Factors {
  Value clip, decay, step_size, root_correction;
};

template <bool Spares, class Value>
CMIR_INLINE void update(
    const Factors<Value>& f,
    int64_t size,
    const bool* spared,
    Value* parameter,
    const Value* gradient,
    Value* m,
    Value* v
) {
  constexpr auto beta1 = static_cast<Value>(kBeta1), rest1 = static_cast<Value>(1 - kBeta1),
                 beta2 = static_cast<Value>(kBeta2), rest2 = static_cast<Value>(1 - kBeta2),
                 epsilon = static_cast<Value>(kEpsilon);
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    const Value g = gradient[i] * f.clip;
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    const Value root = std::sqrt(v[i]) * f.root_correction + epsilon;  // sqrt of v_hat
    const Value kept = Spares && spared[i] ? Value(1) : f.decay;
    parameter[i] = parameter[i] * kept - f.step_size * m[i] / root;
  }
}

/** One pass for the norm, one for everything else. */
template <class Value>
void step_cpu(
    const at::Tensor& parameters,
    const at::Tensor& gradients,
    const at::Tensor& exp_avg,
    const at::Tensor& exp_avg_sq,
    const at::Tensor& spared,
    int64_t steps,
    const OptimizerConfig& config,
    double learning_rate
) {
  const int64_t size = parameters.numel();
  const Value* gradient = gradients.const_data_ptr<Value>();
  const RowChunks chunks((size + kWidth - 1) / kWidth);
  double clip = 1;
  if (config.clip_norm > 0) {
    const double sum = chunks.sum(kWidth, [&](int64_t, int64_t begin, int64_t end) {
      double part = 0;
      vectorized([&] { part = squares(gradient, begin * kWidth, std::min(size, end * kWidth)); });
      return part;
    });
    const double ratio = config.clip_norm / (std::sqrt(sum) + 1e-6);
    clip = ratio >= 1 ? 1 : ratio;  // NaN stays NaN, for every parameter
  }
  const auto t = static_cast<double>(steps);
  const Factors<Value> factors{
      .clip = static_cast<Value>(clip),
      .decay = static_cast<Value>(1 - learning_rate * config.weight_decay),
      .step_size = static_cast<Value>(learning_rate / (1 - std::pow(kBeta1, t))),
      .root_correction = static_cast<Value>(1 / std::sqrt(1 - std::pow(kBeta2, t))),
  };
  auto* parameter = parameters.mutable_data_ptr<Value>();
  auto* m = exp_avg.mutable_data_ptr<Value>();
  auto* v = exp_avg_sq.mutable_data_ptr<Value>();
  const bool* spares = spared.defined() ? spared.const_data_ptr<bool>() : nullptr;
  chunks.for_each(4 * kWidth, [&](int64_t, int64_t begin, int64_t end) {
    const int64_t at = begin * kWidth, count = std::min(size, end * kWidth) - at;
    Value *p = parameter + at, *first = m + at, *second = v + at;
    if (spares == nullptr) {
      vectorized([&] { update<false>(factors, count, nullptr, p, gradient + at, first, second); });
    } else {
      vectorized([&] {
        update<true>(factors, count, spares + at, p, gradient + at, first, second);
      });
    }
  });
}

}  // namespace

Optimizer::Optimizer(const at::Tensor& parameters, at::Tensor spared)
    : exp_avg(at::zeros_like(parameters)),
      exp_avg_sq(at::zeros_like(parameters)),
      spared_(std::move(spared)),
      step_(at::zeros({}, parameters.options().dtype(at::kFloat))) {}

void Optimizer::set_steps(int64_t steps) {
  steps_ = steps;
  step_.fill_(steps);
}

void Optimizer::step(
    const at::Tensor& parameters,
    const at::Tensor& gradients,
    const OptimizerConfig& config,
    double learning_rate
) {
  if (parameters.device().is_cpu()) {
    const auto run = parameters.scalar_type() == at::kDouble ? step_cpu<double> : step_cpu<float>;
    ++steps_;
    run(parameters, gradients, exp_avg, exp_avg_sq, spared_, steps_, config, learning_rate);
    return;
  }
  if (config.clip_norm > 0) {
    const at::Tensor norm = at::linalg_vector_norm(gradients);
    gradients.mul_((config.clip_norm / (norm + 1e-6)).clamp_max_(1));
  }
  double decay = config.weight_decay;
  if (spared_.defined()) {
    // The fused kernel decays all or nothing.
    const at::Tensor kept = spared_.logical_not().to(parameters.scalar_type());
    parameters.mul_(1 - learning_rate * decay * kept);
    decay = 0;
  }
  set_steps(steps_ + 1);
  at::_fused_adamw_(
      {parameters},
      {gradients},
      {exp_avg},
      {exp_avg_sq},
      {},
      {step_},
      learning_rate,
      kBeta1,
      kBeta2,
      decay,
      kEpsilon,
      /*amsgrad=*/false,
      /*maximize=*/false
  );
}

}  // namespace cmir
