#include "base/cuda_kernel.h"
#include "base/noise.h"
#include "ops/dropout/kernel.h"

namespace cmir {
namespace {

/** A block takes rows (x) of one environment (y), a thread the four columns of one counter. */
template <bool Drops, bool Aligned, class Value, class Out>
__global__ void __launch_bounds__(kBlock) forward_kernel(
    HiddenArguments a, const int64_t* step, const Value* x, const Value* bias, Out* out
) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= a.batch) return;
  const auto p = static_cast<float>(a.probability);
  const auto scale = static_cast<Value>(Drops ? static_cast<float>(1 / (1 - a.probability)) : 1.0F);
  uint32_t index = 0, now = 0, tag = 0;
  if constexpr (Drops) {
    index = static_cast<uint32_t>(a.index[row]);
    now = static_cast<uint32_t>(*step);
    tag = philox_tag(Stream::dropout, a.layer, blockIdx.y);
  }
  const int64_t start = (blockIdx.y * a.batch + row) * a.columns;
  const int64_t stride = 4 * static_cast<int64_t>(blockDim.x) * gridDim.z;
  int64_t first = 4 * (static_cast<int64_t>(blockIdx.z) * blockDim.x + threadIdx.x);
  for (; first < a.columns; first += stride) {
    const Four<Value> four = load_four<Aligned>(x + start, first, a.columns);
    Four<Value> shift{};
    if (bias != nullptr) shift = load_four<false>(bias, first, a.columns);
    Four<Out> result;
    PhiloxWords words{};
    if constexpr (Drops) words = philox(a.key, static_cast<uint32_t>(first / 4), index, now, tag);
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      // Written so that NaN passes: it must reach the loss.
      const Value sum = four.values[i] + shift.values[i];
      const Value value = sum <= 0 ? Value(0) : sum * scale;
      result.values[i] = static_cast<Out>(Drops && uniform(words[i]) < p ? Value(0) : value);
    }
    store_four<Aligned>(result, out + start, first, a.columns);
  }
}

template <class Value, class Out>
__global__ void __launch_bounds__(kBlock) backward_kernel(
    int64_t rows,
    int64_t columns,
    Value scale,
    const Out* x,
    const Value* gradient,
    Out* out,
    Value* sums,
    KernelScratch scratch
) {
  column_sums<Value>(rows, columns, scratch, sums, [&](int64_t row, int64_t column) {
    const int64_t at = row * columns + column;
    const Value value = static_cast<Value>(x[at]) == 0 ? Value(0) : gradient[at] * scale;
    out[at] = static_cast<Out>(value);
    return value;
  });
}

template <class Value>
__global__ void __launch_bounds__(kBlock) sums_kernel(
    int64_t rows,
    int64_t columns,
    const Value* x,
    Bfloat16* rounded,
    Value* sums,
    KernelScratch scratch
) {
  column_sums<Value>(rows, columns, scratch, sums, [&](int64_t row, int64_t column) {
    const int64_t at = row * columns + column;
    const Value value = x[at];
    if (rounded != nullptr) rounded[at] = Bfloat16(static_cast<float>(value));
    return value;
  });
}

template <bool Drops, class Value, class Out>
auto forward_kernel_for(bool aligned) {
  return aligned ? forward_kernel<Drops, true, Value, Out>
                 : forward_kernel<Drops, false, Value, Out>;
}

}  // namespace

template <class Value, class Out>
void hidden_forward_cuda(
    const HiddenArguments& a,
    const int64_t* step,
    const Value* x,
    const Value* bias,
    Out* out,
    CudaStream stream
) {
  const int64_t counters = ceil_div(a.columns, 4);
  const dim3 block = block_of_rows(counters);
  const dim3 grid(
      grid_size(ceil_div(a.batch, block.y), kMaxGridX),
      static_cast<unsigned>(a.environments),
      grid_size(ceil_div(counters, 4 * static_cast<int64_t>(block.x)))
  );
  const bool aligned = rows_aligned(a.columns, x, static_cast<const Out*>(out));
  const auto kernel = a.probability > 0 ? forward_kernel_for<true, Value, Out>(aligned)
                                        : forward_kernel_for<false, Value, Out>(aligned);
  launch(kernel, grid, block, stream, a, step, x, bias, out);
}

template <class Value, class Out>
void hidden_backward_cuda(
    const HiddenArguments& a,
    const Out* x,
    const Value* gradient,
    Out* out,
    Value* sums,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const int64_t rows = a.environments * a.batch;
  const auto scale = static_cast<Value>(static_cast<float>(1 / (1 - a.probability)));
  const ColumnGrid grid(rows, a.columns);
  launch(
      backward_kernel<Value, Out>,
      grid.grid,
      grid.block,
      stream,
      rows,
      a.columns,
      scale,
      x,
      gradient,
      out,
      sums,
      scratch
  );
}

template <class Value>
void column_sums_cuda(
    int64_t rows,
    int64_t columns,
    const Value* x,
    Bfloat16* rounded,
    Value* sums,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const ColumnGrid grid(rows, columns);
  launch(
      sums_kernel<Value>, grid.grid, grid.block, stream, rows, columns, x, rounded, sums, scratch
  );
}

#define CMIR_INSTANTIATE(Value, Out)                                                       \
  template void hidden_forward_cuda(                                                       \
      const HiddenArguments&, const int64_t*, const Value*, const Value*, Out*, CudaStream \
  );                                                                                       \
  template void hidden_backward_cuda(                                                      \
      const HiddenArguments&,                                                              \
      const Out*,                                                                          \
      const Value*,                                                                        \
      Out*,                                                                                \
      Value*,                                                                              \
      const KernelScratch&,                                                                \
      CudaStream                                                                           \
  )
CMIR_INSTANTIATE(float, float);
CMIR_INSTANTIATE(double, double);
CMIR_INSTANTIATE(float, Bfloat16);
#undef CMIR_INSTANTIATE
template void column_sums_cuda(
    int64_t, int64_t, const float*, Bfloat16*, float*, const KernelScratch&, CudaStream
);
template void column_sums_cuda(
    int64_t, int64_t, const double*, Bfloat16*, double*, const KernelScratch&, CudaStream
);

}  // namespace cmir
