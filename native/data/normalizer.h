#pragma once

#include <ATen/core/Tensor.h>

#include "data/table.h"

namespace cmir {

/** What standardises a modality: one mean and one deviation a feature. */
struct Normalizer {
  at::Tensor mean, std;  // [D]
};

/**
 * Mean and population standard deviation, float32, of each feature over the values of the examples
 * `rows` (int64 [n]), of a sequence those of its first `max_length` frames; non-finite values are
 * left out. A feature that is constant (or never finite: mean 0) gets 1 as its deviation. One pass
 * in float64; the result does not depend on the number of threads.
 */
Normalizer fit_normalizer(const FeatureTable& table, const at::Tensor& rows, int64_t max_length);

}  // namespace cmir
