#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "ops/invariance/kernel.h"

namespace cmir {

/** z, which is not empty, as the kernels read it; and the value's scale. */
struct InvarianceInput {
  explicit InvarianceInput(const at::Tensor& z);

  at::Tensor z;
  InvarianceArguments arguments;
  double scale;  // what turns the sum over unordered pairs and elements into R_inv
};

/** The value and its gradient where z lies, by the CUDA kernel. */
std::tuple<at::Tensor, at::Tensor> invariance_on_device(const at::Tensor& z);

}  // namespace cmir
