#pragma once

#include <ATen/core/Tensor.h>

#include "ops/dropout/op.h"

namespace cmir {

/** The mask for x [E, B, H] where it lies, by the CUDA kernel: 1 / (1 - p) or 0. */
at::Tensor dropout_mask_on_device(const at::Tensor& x, const DropoutSite& site, double p);

}  // namespace cmir
