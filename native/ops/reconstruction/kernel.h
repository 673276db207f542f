#pragma once

#include <cstdint>

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

}  // namespace cmir
