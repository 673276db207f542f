#pragma once

#include <cstdint>

#include "base/kernel_scratch.h"

namespace cmir {

/** output [E, rows, columns], contiguous; target the same, or [rows, columns] for all environments.
 */
struct ReconstructionArguments {
  int64_t environments, rows, columns;
  bool shared_target;
  double gradient_scale;
};

/**
 * gradient = gradient_scale * (output - target); returns the sum of squared differences. `gradient`
 * may be `output`. Its sum over rows goes to `column_sums` [columns] unless that is null;
 * `column_parts` is scratch of [RowChunks::kMaxChunks, columns] then.
 */
template <class Scalar>
double reconstruction_cpu(
    const ReconstructionArguments& arguments,
    const Scalar* output,
    const Scalar* target,
    Scalar* gradient,
    Scalar* column_parts = nullptr,
    Scalar* column_sums = nullptr
);

/**
 * The same on a CUDA device, of output + bias, bias [columns] or null for none; value_scale times
 * the sum goes to `value` there. Scalar: float, double, Bfloat16. Out is Scalar, or Bfloat16 for
 * float; bias and column sums are not rounded to it.
 */
template <class Scalar, class Out>
void reconstruction_cuda(
    const ReconstructionArguments& arguments,
    const Scalar* output,
    const KernelValue<Scalar>* bias,
    const Scalar* target,
    Out* gradient,
    KernelValue<Scalar>* column_sums,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
);

}  // namespace cmir
