#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "ops/reconstruction/kernel.h"

namespace cmir {

/** Arguments for an output that is not empty; the gradient's scale is 2 / its size. */
ReconstructionArguments reconstruction_arguments(
    const at::Tensor& output, const at::Tensor& target
);

/** The value and its gradient where the inputs lie, by the CUDA kernel. */
std::tuple<at::Tensor, at::Tensor> reconstruction_on_device(
    const at::Tensor& output, const at::Tensor& target
);

}  // namespace cmir
