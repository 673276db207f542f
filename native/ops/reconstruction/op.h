#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace cmir {

/**
 * R_rec = mean (output - target)^2 over environments, rows and features.
 *
 * output: [E, B, D]; target: [E, B, D], or [B, D] to compare every environment with the same
 * (clean) input; float32, float64 or bfloat16, of one type. Empty: 0. NaN stays NaN. The target is
 * a constant: were a learned pooling in front of it differentiated, it could shrink the target
 * instead of learning to rebuild it. Differentiable once, in output. Throws c10::Error on a wrong
 * shape or type, or a target that requires grad.
 */
at::Tensor reconstruction(const at::Tensor& output, const at::Tensor& target);

/** The value and its gradient in output, without autograd. */
std::tuple<at::Tensor, at::Tensor> reconstruction_with_gradient(
    const at::Tensor& output, const at::Tensor& target
);

}  // namespace cmir
