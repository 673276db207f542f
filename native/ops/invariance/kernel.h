#pragma once

#include <cstdint>

namespace cmir {

/** z [E, rows, columns] and its gradient, columns contiguous, the other strides given in elements.
 */
struct InvarianceArguments {
  int64_t environments, rows, columns;
  int64_t environment_stride, row_stride;                    // of z
  int64_t gradient_environment_stride, gradient_row_stride;  // of the gradient
  double gradient_scale;
};

/**
 * gradient of z_i = gradient_scale * (#{z_j < z_i} - #{z_j > z_i}); returns sum_{i<j} |z_i - z_j|
 * over all elements, unscaled.
 */
template <class Scalar>
double invariance_cpu(const InvarianceArguments& arguments, const Scalar* z, Scalar* gradient);

}  // namespace cmir
