#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <optional>

namespace cmir {

/** perturb() into out [1 + K, B, ...] where x lies, by the CUDA kernel; nothing is checked. */
void perturb_on_device(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale,
    const at::Tensor& out
);

}  // namespace cmir
