#pragma once

#include <ATen/ATen.h>

namespace cmir::reference {

/** R_rec as written. */
inline at::Tensor reconstruction(const at::Tensor& output, const at::Tensor& target) {
  return (output - target.expand_as(output)).square().sum() / static_cast<double>(output.numel());
}

}  // namespace cmir::reference
