#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

namespace cmir {

/**
 * R_dec = 1/(E B) * sum_e sum_{ij} w_ij^2 C_ij^2 with C = Nor(invariant) Nor(spurious)^T, Nor each
 * row divided by its L2 norm (at least 1e-12), w_ii = 1, w_ij = off_diagonal: the paper's
 * decorrelation, averaged over environments. Computed without the B x B matrix when B >= d, from
 * sum w^2 C^2 = w_ij^2 <A^T A, B^T B> + (1 - w_ij^2) sum_i (a_i . b_i)^2.
 *
 * invariant, spurious: [E, B, d], float32, float64 or bfloat16, of one type. Empty: 0. NaN stays
 * NaN. Differentiable once. Throws c10::Error on a wrong shape or type, or off_diagonal outside [0,
 * 1].
 */
at::Tensor decorrelation(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
);

/** The value and its gradients in invariant and spurious, without autograd. */
std::tuple<at::Tensor, at::Tensor, at::Tensor> decorrelation_with_gradients(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
);

}  // namespace cmir
