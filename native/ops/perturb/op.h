#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <optional>

namespace cmir {

/**
 * The clean input and its noisy copies: out[0] = x, out[e] = x with noise of kinds[e-1],
 * intensities[e-1]: gaussian x + a n, n ~ N(0, 1) (the paper); laplace (unit variance), erase (an
 * element becomes 0 with probability min(a, 0.95)), drop (the whole modality, never all modalities)
 * are ours.
 *
 * x: [B, ...], float32, float64 or bfloat16, standardised; index: int64 [B], the example's index in
 * the data set; step: int64 []; scale: float32 [B], a factor of each row's gaussian noise beside
 * the intensity: 1 / sqrt(T) where the row is a mean of T frames with that noise each, 1 without
 * it. Returns [1 + K, B, ...]. Draws are float32 whatever x is. They depend only on (seed, step,
 * modality, environment, index, column), so they are the same however a batch is cut, on any number
 * of threads, and on any device up to rounding. The derivative in x is that of the same noise held
 * fixed; scale is a constant. Throws c10::Error on a wrong shape, type, kind, or an intensity that
 * is negative or not finite.
 */
at::Tensor perturb(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale = {}
);

}  // namespace cmir
