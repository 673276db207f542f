#include <limits>

#include "base/cuda_kernel.h"
#include "ops/decorrelation/kernel.h"

// The formulas are those of cpu.cc; the products between the two kernels are the launcher's. One
// warp a row in both.

namespace cmir {
namespace {

constexpr double kEpsilon = 1e-12;  // least norm
constexpr int64_t kRowsPerBlock = kBlock / kWarp;

dim3 warp_rows() { return {kWarp, kBlock / kWarp}; }

/** The norm of z [columns], in all lanes. */
template <class Value>
__device__ Value row_norm(const Value* z, int64_t columns) {
  Value squares = 0;
  for (int64_t c = threadIdx.x; c < columns; c += kWarp) squares += z[c] * z[c];
  squares = warp_sum(squares);
  // What every lane agrees on, so that the warp stays together.
  if (squares > std::numeric_limits<Value>::min() && squares <= std::numeric_limits<Value>::max()) {
    return std::sqrt(squares);
  }
  // Squares that overflow or vanish: once more, with the largest element taken out.
  Value largest = 0;
  for (int64_t c = threadIdx.x; c < columns; c += kWarp) {
    const Value size = z[c] < 0 ? -z[c] : z[c];
    if (size > largest) largest = size;  // NaN never is
  }
  largest = warp_max(largest);
  if (largest == 0 || largest > std::numeric_limits<Value>::max()) return std::sqrt(squares);
  Value sum = 0;
  for (int64_t c = threadIdx.x; c < columns; c += kWarp) {
    sum += (z[c] / largest) * (z[c] / largest);
  }
  return largest * std::sqrt(warp_sum(sum));
}

/** Rows by x, the two parts by y. */
template <class Value>
__global__ void __launch_bounds__(kBlock) normalize_kernel(
    DecorrelationArguments a,
    const Value* invariant,
    const Value* spurious,
    DecorrelationRows<Value> out
) {
  const int64_t rows = a.environments * a.batch;
  const int64_t row = blockIdx.x * kRowsPerBlock + threadIdx.y;
  if (row >= rows) return;  // a whole warp
  const Value* z = (blockIdx.y == 0 ? invariant : spurious) + row * a.input_stride;
  const int64_t at = blockIdx.y * rows + row;
  const Value norm = row_norm(z, a.columns);
  const Value inverse = 1 / (norm < Value(kEpsilon) ? Value(kEpsilon) : norm);
  if (threadIdx.x == 0) out.inverse_norm[at] = inverse;
  Value* unit = out.unit + at * a.columns;
  for (int64_t c = threadIdx.x; c < a.columns; c += kWarp) unit[c] = z[c] * inverse;
}

template <class Value>
__device__ Value row_dot(const Value* a, const Value* b, int64_t columns) {
  Value sum = 0;
  for (int64_t c = threadIdx.x; c < columns; c += kWarp) sum += a[c] * b[c];
  return warp_sum(sum);
}

template <class Value>
__global__ void __launch_bounds__(kBlock) finish_kernel(
    DecorrelationArguments a,
    DecorrelationRows<Value> in,
    Value* invariant_gradient,
    Value* spurious_gradient,
    double value_scale,
    double* value,
    KernelScratch scratch
) {
  const int64_t rows = a.environments * a.batch, size = rows * a.columns;
  const double off = a.off_diagonal * a.off_diagonal;
  const auto all = static_cast<Value>(2 * off * a.gradient_scale);
  const auto own = static_cast<Value>(2 * (1 - off) * a.gradient_scale);
  double total = 0;
  int64_t row = blockIdx.x * kRowsPerBlock + threadIdx.y;
  for (; row < rows; row += gridDim.x * kRowsPerBlock) {
    const Value* unit[2] = {in.unit + row * a.columns, in.unit + size + row * a.columns};
    const Value* product[2] = {in.product + row * a.columns, in.product + size + row * a.columns};
    Value* gradient[2] = {
        invariant_gradient + row * a.gradient_stride, spurious_gradient + row * a.gradient_stride
    };
    const Value diagonal = row_dot(unit[0], unit[1], a.columns);  // a_i . b_i
    const Value along[2] = {
        row_dot(unit[0], product[0], a.columns), row_dot(unit[1], product[1], a.columns)
    };
    if (threadIdx.x == 0) {
      total += off * static_cast<double>(along[0]) +
               (1 - off) * static_cast<double>(diagonal) * static_cast<double>(diagonal);
    }
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      const Value inverse = in.inverse_norm[part * rows + row];
      // Where the norm was raised to epsilon, a is z / epsilon and has no radial part to take out.
      const Value radial =
          inverse < Value(1 / kEpsilon) ? all * along[part] + own * diagonal * diagonal : Value(0);
      const bool adds = part == 0 && a.accumulate;
      for (int64_t c = threadIdx.x; c < a.columns; c += kWarp) {
        const Value g =
            all * product[part][c] + own * diagonal * unit[1 - part][c] - unit[part][c] * radial;
        gradient[part][c] = (adds ? gradient[part][c] : Value(0)) + g * inverse;
      }
    }
  }
  grid_sum(total, scratch, [&](double sum) { *value = value_scale * sum; });
}

}  // namespace

template <class Value>
void decorrelation_normalize_cuda(
    const DecorrelationArguments& a,
    const Value* invariant,
    const Value* spurious,
    const DecorrelationRows<Value>& rows,
    CudaStream stream
) {
  const dim3 grid(grid_size(ceil_div(a.environments * a.batch, kRowsPerBlock), kMaxGridX), 2);
  launch(normalize_kernel<Value>, grid, warp_rows(), stream, a, invariant, spurious, rows);
}

template <class Value>
void decorrelation_finish_cuda(
    const DecorrelationArguments& a,
    const DecorrelationRows<Value>& rows,
    Value* invariant_gradient,
    Value* spurious_gradient,
    double value_scale,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const dim3 grid(grid_size(ceil_div(a.environments * a.batch, kRowsPerBlock), kSumBlocks));
  launch(
      finish_kernel<Value>,
      grid,
      warp_rows(),
      stream,
      a,
      rows,
      invariant_gradient,
      spurious_gradient,
      value_scale,
      value,
      scratch
  );
}

#define CMIR_INSTANTIATE(Value)               \
  template void decorrelation_normalize_cuda( \
      const DecorrelationArguments&,          \
      const Value*,                           \
      const Value*,                           \
      const DecorrelationRows<Value>&,        \
      CudaStream                              \
  );                                          \
  template void decorrelation_finish_cuda(    \
      const DecorrelationArguments&,          \
      const DecorrelationRows<Value>&,        \
      Value*,                                 \
      Value*,                                 \
      double,                                 \
      double*,                                \
      const KernelScratch&,                   \
      CudaStream                              \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
#undef CMIR_INSTANTIATE

}  // namespace cmir
