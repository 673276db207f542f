#pragma once

#include <cstdint>

#include "base/kernel_scratch.h"

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

/**
 * The same on a CUDA device; value_scale times the sum goes to `value` there. Scalar: float,
 * double, Bfloat16.
 */
template <class Scalar>
void invariance_cuda(
    const InvarianceArguments& arguments,
    const Scalar* z,
    Scalar* gradient,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
);

}  // namespace cmir
