#include "base/cuda_kernel.h"
#include "ops/reconstruction/kernel.h"

// A block takes a tile of columns through a chunk of rows of all environments, so that one pass
// gives the gradient, its sum over rows (the bias's gradient), and the sum of squares.

namespace cmir {
namespace {

template <class Scalar, class Out>
__global__ void __launch_bounds__(kBlock) reconstruction_kernel(
    ReconstructionArguments a,
    const Scalar* output,
    const KernelValue<Scalar>* bias,
    const Scalar* target,
    Out* gradient,
    KernelValue<Scalar>* sums,
    double value_scale,
    double* value,
    KernelScratch scratch
) {
  using Compute = KernelValue<Scalar>;
  const auto scale = static_cast<Compute>(a.gradient_scale);
  double squares = 0;
  column_sums<Compute>(
      a.environments * a.rows, a.columns, scratch, sums, [&](int64_t row, int64_t column) {
        const int64_t at = row * a.columns + column;
        const int64_t target_at = a.shared_target ? row % a.rows * a.columns + column : at;
        const Compute shift = bias == nullptr ? Compute(0) : bias[column];
        const Compute d =
            static_cast<Compute>(output[at]) + shift - static_cast<Compute>(target[target_at]);
        squares += static_cast<double>(d * d);
        gradient[at] = static_cast<Out>(scale * d);
        return scale * d;
      }
  );
  grid_sum(squares, scratch, [&](double total) { *value = value_scale * total; });
}

}  // namespace

template <class Scalar, class Out>
void reconstruction_cuda(
    const ReconstructionArguments& a,
    const Scalar* output,
    const KernelValue<Scalar>* bias,
    const Scalar* target,
    Out* gradient,
    KernelValue<Scalar>* sums,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const ColumnGrid grid(a.environments * a.rows, a.columns);
  launch(
      reconstruction_kernel<Scalar, Out>,
      grid.grid,
      grid.block,
      stream,
      a,
      output,
      bias,
      target,
      gradient,
      sums,
      value_scale,
      value,
      scratch
  );
}

#define CMIR_INSTANTIATE(Scalar, Out) \
  template void reconstruction_cuda(  \
      const ReconstructionArguments&, \
      const Scalar*,                  \
      const KernelValue<Scalar>*,     \
      const Scalar*,                  \
      Out*,                           \
      KernelValue<Scalar>*,           \
      double,                         \
      double*,                        \
      const KernelScratch&,           \
      CudaStream                      \
  )
CMIR_INSTANTIATE(float, float);
CMIR_INSTANTIATE(double, double);
CMIR_INSTANTIATE(Bfloat16, Bfloat16);
CMIR_INSTANTIATE(float, Bfloat16);
#undef CMIR_INSTANTIATE

}  // namespace cmir
