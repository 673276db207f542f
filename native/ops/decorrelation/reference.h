#pragma once

#include <ATen/ATen.h>

namespace cmir::reference {

/** R_dec as written: the B x B matrix of cosines, weighted and squared, one environment after
 * another. */
inline at::Tensor decorrelation(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
) {
  const int64_t environments = invariant.size(0), batch = invariant.size(1);
  const auto normalize = [](const at::Tensor& z) {
    return z / at::linalg_vector_norm(z, 2, {-1}, true).clamp_min(1e-12);
  };
  const at::Tensor w =
      at::full({batch, batch}, off_diagonal, invariant.options()).fill_diagonal_(1);
  at::Tensor sum = at::zeros({}, invariant.options());
  for (int64_t e = 0; e < environments; ++e) {
    const at::Tensor c = normalize(invariant[e]).matmul(normalize(spurious[e]).t());
    sum = sum + (w * c).square().sum();
  }
  return sum / static_cast<double>(environments * batch);
}

}  // namespace cmir::reference
