#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace cmir {

/**
 * R_inv = 2 / (E (E-1)) * sum_{i<j} mean |z_i - z_j|: how far the invariant part moves between
 * environments. The paper sums over ordered pairs; ours is that sum / (E (E-1)), so that lambda_1
 * does not depend on K.
 *
 * z: [E, ...], E >= 2, float32, float64 or bfloat16. Empty: 0. Ties: gradient 0. NaN stays NaN.
 * Differentiable once. Throws c10::Error on a wrong shape or type.
 */
at::Tensor invariance(const at::Tensor& z);

/** The value and its gradient in z, without autograd. */
std::tuple<at::Tensor, at::Tensor> invariance_with_gradient(const at::Tensor& z);

}  // namespace cmir
