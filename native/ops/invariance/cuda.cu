#include "base/cuda_kernel.h"
#include "ops/invariance/kernel.h"

// A thread takes one column of one row through all environments: every pair of them once, in
// registers where there are at most 8. Neighbouring threads read neighbouring columns.

namespace cmir {
namespace {

/** What one pair adds, with d = a - b: |d| to the value, sign(d) to the gradient of a. */
template <class Compute>
struct Pair {
  Compute distance, sign;
};

// A tie has sign 0. So has NaN, which stays in the distance.
template <class Compute>
__device__ Pair<Compute> compare(Compute a, Compute b) {
  const Compute d = a - b;
  return {
      d < 0 ? -d : d,
      (d > 0 ? Compute(1) : Compute(0)) - (d < 0 ? Compute(1) : Compute(0)),
  };
}

template <int Environments, class Compute, class Scalar>
__device__ Compute
few_environments(const InvarianceArguments& a, const Scalar* z, Scalar* gradient) {
  Compute values[Environments], signs[Environments], sum = 0;
#pragma unroll
  for (int e = 0; e < Environments; ++e) {
    values[e] = static_cast<Compute>(z[e * a.environment_stride]);
    signs[e] = 0;
  }
#pragma unroll
  for (int i = 0; i < Environments; ++i) {
#pragma unroll
    for (int j = i + 1; j < Environments; ++j) {
      const Pair<Compute> pair = compare(values[i], values[j]);
      sum += pair.distance;
      signs[i] += pair.sign;
      signs[j] -= pair.sign;
    }
  }
#pragma unroll
  for (int e = 0; e < Environments; ++e) {
    gradient[e * a.gradient_environment_stride] =
        static_cast<Scalar>(signs[e] * static_cast<Compute>(a.gradient_scale));
  }
  return sum;
}

/** Any number of environments: each is read again beside every other, from the caches. */
template <class Compute, class Scalar>
__device__ Compute
many_environments(const InvarianceArguments& a, const Scalar* z, Scalar* gradient) {
  Compute sum = 0;
  for (int64_t i = 0; i < a.environments; ++i) {
    const auto own = static_cast<Compute>(z[i * a.environment_stride]);
    Compute sign = 0;
    for (int64_t j = 0; j < a.environments; ++j) {
      const Pair<Compute> pair = compare(own, static_cast<Compute>(z[j * a.environment_stride]));
      if (j > i) sum += pair.distance;
      sign += pair.sign;
    }
    gradient[i * a.gradient_environment_stride] =
        static_cast<Scalar>(sign * static_cast<Compute>(a.gradient_scale));
  }
  return sum;
}

/** Environments 0 stands for many. */
template <int Environments, class Scalar>
__global__ void __launch_bounds__(kBlock) invariance_kernel(
    InvarianceArguments a,
    const Scalar* z,
    Scalar* gradient,
    double value_scale,
    double* value,
    KernelScratch scratch
) {
  using Compute = KernelValue<Scalar>;
  const int64_t row_stride = static_cast<int64_t>(blockDim.y) * gridDim.x;
  const int64_t column_stride = static_cast<int64_t>(blockDim.x) * gridDim.y;
  double sum = 0;
  int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  for (; row < a.rows; row += row_stride) {
    int64_t column = static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
    for (; column < a.columns; column += column_stride) {
      const Scalar* from = z + row * a.row_stride + column;
      Scalar* to = gradient + row * a.gradient_row_stride + column;
      if constexpr (Environments > 0) {
        sum += few_environments<Environments, Compute>(a, from, to);
      } else {
        sum += many_environments<Compute>(a, from, to);
      }
    }
  }
  grid_sum(sum, scratch, [&](double total) { *value = value_scale * total; });
}

template <class Scalar>
auto kernel_for(int64_t environments) {
  switch (environments) {
    case 2:
      return invariance_kernel<2, Scalar>;
    case 3:
      return invariance_kernel<3, Scalar>;
    case 4:
      return invariance_kernel<4, Scalar>;
    case 5:
      return invariance_kernel<5, Scalar>;
    case 6:
      return invariance_kernel<6, Scalar>;
    case 7:
      return invariance_kernel<7, Scalar>;
    case 8:
      return invariance_kernel<8, Scalar>;
    default:
      return invariance_kernel<0, Scalar>;
  }
}

}  // namespace

template <class Scalar>
void invariance_cuda(
    const InvarianceArguments& a,
    const Scalar* z,
    Scalar* gradient,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const dim3 block = block_of_rows(a.columns);
  const unsigned tiles = grid_size(ceil_div(a.columns, block.x), 32);
  const dim3 grid(grid_size(ceil_div(a.rows, block.y), kSumBlocks / tiles), tiles);
  launch(
      kernel_for<Scalar>(a.environments),
      grid,
      block,
      stream,
      a,
      z,
      gradient,
      value_scale,
      value,
      scratch
  );
}

#define CMIR_INSTANTIATE(Scalar)  \
  template void invariance_cuda(  \
      const InvarianceArguments&, \
      const Scalar*,              \
      Scalar*,                    \
      double,                     \
      double*,                    \
      const KernelScratch&,       \
      CudaStream                  \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
CMIR_INSTANTIATE(Bfloat16);
#undef CMIR_INSTANTIATE

}  // namespace cmir
