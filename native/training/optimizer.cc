#include "training/optimizer.h"

#include <ATen/ATen.h>

namespace cmir {

Optimizer::Optimizer(const at::Tensor& parameters)
    : exp_avg(at::zeros_like(parameters)),
      exp_avg_sq(at::zeros_like(parameters)),
      step_(at::zeros({}, parameters.options().dtype(at::kFloat))) {}

void Optimizer::set_steps(int64_t steps) {
  steps_ = steps;
  step_.fill_(steps);
}

void Optimizer::step(
    const at::Tensor& parameters, const at::Tensor& gradients, const OptimizerConfig& config
) {
  if (config.clip_norm > 0) {
    const at::Tensor norm = at::linalg_vector_norm(gradients);
    gradients.mul_((config.clip_norm / (norm + 1e-6)).clamp_max_(1));
  }
  set_steps(steps_ + 1);
  at::_fused_adamw_(
      {parameters},
      {gradients},
      {exp_avg},
      {exp_avg_sq},
      {},
      {step_},
      config.learning_rate,
      /*beta1=*/0.9,
      /*beta2=*/0.999,
      config.weight_decay,
      /*eps=*/1e-8,
      /*amsgrad=*/false,
      /*maximize=*/false
  );
}

}  // namespace cmir
