#pragma once

#include <ATen/core/Tensor.h>

#include "training/config.h"

namespace cmir {

/**
 * AdamW (Loshchilov and Hutter, 2019; betas 0.9, 0.999, epsilon 1e-8) over one flat buffer, after
 * clipping the norm of the whole gradient. All tensors have the parameters' device and type.
 */
class Optimizer {
 public:
  /** `spared`, unless undefined, bool [parameters]: true where nothing decays. */
  explicit Optimizer(const at::Tensor& parameters, at::Tensor spared = {});

  /** Updates `parameters` at this learning rate; may leave `gradients` clipped. */
  void step(
      const at::Tensor& parameters,
      const at::Tensor& gradients,
      const OptimizerConfig& config,
      double learning_rate
  );

  /** The moments, [parameters] each. */
  at::Tensor exp_avg, exp_avg_sq;

  const at::Tensor& spared() const { return spared_; }
  int64_t steps() const { return steps_; }
  /** For who takes the steps of these moments elsewhere. */
  void count_step() { ++steps_; }
  void set_steps(int64_t steps);

 private:
  const at::Tensor spared_;
  int64_t steps_ = 0;
  at::Tensor step_;  // float32 [], as the fused kernel wants it
};

}  // namespace cmir
