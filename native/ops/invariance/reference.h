#pragma once

#include <ATen/ATen.h>

namespace cmir::reference {

/** R_inv as written: every pair of environments. */
inline at::Tensor invariance(const at::Tensor& z) {
  const int64_t environments = z.size(0);
  at::Tensor sum = at::zeros({}, z.options());
  for (int64_t i = 0; i < environments; ++i) {
    for (int64_t j = i + 1; j < environments; ++j) sum = sum + (z[i] - z[j]).abs().mean();
  }
  return sum * 2 / static_cast<double>(environments * (environments - 1));
}

}  // namespace cmir::reference
