#include "base/cuda_kernel.h"
#include "training/kernels.h"

namespace cmir {
namespace {

/** -log softmax(o)_t of one row; o becomes (softmax(o) - onehot(t)) * scale. */
template <class Value>
__device__ double cross_entropy(Value* o, int64_t outputs, int64_t target, double scale) {
  auto largest = static_cast<double>(o[0]);
  for (int64_t c = 1; c < outputs; ++c) {
    const auto value = static_cast<double>(o[c]);
    if (value > largest) largest = value;
  }
  double sum = 0;
  for (int64_t c = 0; c < outputs; ++c) sum += std::exp(static_cast<double>(o[c]) - largest);
  const double log_sum = largest + std::log(sum);
  const double loss = log_sum - static_cast<double>(o[target]);
  for (int64_t c = 0; c < outputs; ++c) {
    const double share = std::exp(static_cast<double>(o[c]) - log_sum);
    o[c] = static_cast<Value>((share - (c == target ? 1 : 0)) * scale);
  }
  return loss;
}

enum class Loss { l1, mse, cross_entropy };

/** A thread a row, environments by y; outputs are few. */
template <class Value>
__global__ void __launch_bounds__(kBlock) prediction_kernel(
    Loss loss,
    int64_t batch,
    int64_t columns,
    double scale,
    const int64_t* example,
    const Value* targets,
    const int64_t* classes,
    Value* outputs,
    double* value,
    KernelScratch scratch
) {
  double total = 0;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kBlock;
  int64_t b = static_cast<int64_t>(blockIdx.x) * kBlock + thread_number();
  for (; b < batch; b += stride) {
    const int64_t row = blockIdx.y * batch + b;
    const int64_t from = example[b];
    if (loss == Loss::cross_entropy) {
      total += cross_entropy(outputs + row * columns, columns, classes[from], scale);
      continue;
    }
    const auto error = static_cast<double>(outputs[row] - targets[from]);
    if (loss == Loss::l1) {
      total += error < 0 ? -error : error;
      outputs[row] = static_cast<Value>(error > 0 ? scale : error < 0 ? -scale : 0.0);
    } else {
      total += error * error;
      outputs[row] = static_cast<Value>(2 * error * scale);
    }
  }
  grid_sum(total, scratch, [&](double sum) { *value = scale * sum; });
}

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

/** What one update multiplies with, as it lies in memory between the kernels. */
struct Factors {
  double clip, decay, step_size, root_correction;
};

template <class Value>
__device__ Factors factors_of(const AdamwArguments<Value>& config, double squares, int64_t step) {
  const auto t = static_cast<double>(step + 1);
  const double clip = config.clip_norm / (std::sqrt(squares) + 1e-6);
  return {
      // NaN is not above 1 and stays, as everywhere.
      .clip = config.clip_norm > 0 ? (clip > 1 ? 1.0 : clip) : 1.0,
      .decay = 1 - config.learning_rate * config.weight_decay,
      .step_size = config.learning_rate / (1 - std::pow(kBeta1, t)),
      .root_correction = 1 / std::sqrt(1 - std::pow(kBeta2, t)),
  };
}

/** The gradient's norm over all blocks; the last works out the factors. */
template <class Value>
__global__ void __launch_bounds__(kBlock) norm_kernel(
    AdamwArguments<Value> a, const int64_t* step, double* factors, KernelScratch scratch
) {
  double squares = 0;
  const int64_t stride = 4 * static_cast<int64_t>(gridDim.x) * kBlock;
  int64_t first = 4 * (static_cast<int64_t>(blockIdx.x) * kBlock + thread_number());
  for (; first < a.size; first += stride) {
    const Four<Value> g = first + 4 <= a.size ? load_four<true>(a.gradients, first, a.size)
                                              : load_four<false>(a.gradients, first, a.size);
    Value sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += g.values[i] * g.values[i];
    squares += static_cast<double>(sum);
  }
  grid_sum(squares, scratch, [&](double total) {
    const Factors f = factors_of(a, total, *step);
    factors[0] = f.clip;
    factors[1] = f.decay;
    factors[2] = f.step_size;
    factors[3] = f.root_correction;
  });
}

template <class Value>
__global__ void __launch_bounds__(kBlock) update_kernel(
    AdamwArguments<Value> b, const double* factors
) {
  constexpr auto beta1 = static_cast<Value>(kBeta1), rest1 = static_cast<Value>(1 - kBeta1),
                 beta2 = static_cast<Value>(kBeta2), rest2 = static_cast<Value>(1 - kBeta2),
                 epsilon = static_cast<Value>(kEpsilon);
  const auto clip = static_cast<Value>(factors[0]), decay = static_cast<Value>(factors[1]),
             step_size = static_cast<Value>(factors[2]),
             root_correction = static_cast<Value>(factors[3]);
  const int64_t stride = 4 * static_cast<int64_t>(gridDim.x) * kBlock;
  int64_t first = 4 * (static_cast<int64_t>(blockIdx.x) * kBlock + thread_number());
  const auto update = [&]<bool Whole>(std::bool_constant<Whole>) {
    const Four<Value> g = load_four<Whole>(b.gradients, first, b.size);
    Four<Value> m = load_four<Whole>(b.exp_avg, first, b.size);
    Four<Value> v = load_four<Whole>(b.exp_avg_sq, first, b.size);
    Four<Value> p = load_four<Whole>(b.parameters, first, b.size);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Value gradient = g.values[i] * clip;
      m.values[i] = beta1 * m.values[i] + rest1 * gradient;
      v.values[i] = beta2 * v.values[i] + rest2 * gradient * gradient;
      const Value root = std::sqrt(v.values[i]) * root_correction + epsilon;  // sqrt of v_hat
      p.values[i] = p.values[i] * decay - step_size * m.values[i] / root;
    }
    store_four<Whole>(m, b.exp_avg, first, b.size);
    store_four<Whole>(v, b.exp_avg_sq, first, b.size);
    store_four<Whole>(p, b.parameters, first, b.size);
    if (b.rounded != nullptr) store_four<Whole>(rounded_four(p), b.rounded, first, b.size);
  };
  for (; first < b.size; first += stride) {
    if (first + 4 <= b.size) {
      update(std::true_type{});
    } else {
      update(std::false_type{});
    }
  }
}

/** A block takes rows (x), a thread four columns at a time. */
template <bool Aligned>
__global__ void __launch_bounds__(kBlock) bias_kernel(
    int64_t rows, int64_t columns, const float* bias, float* x, Bfloat16* rounded
) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  const int64_t start = row * columns, stride = 4 * static_cast<int64_t>(blockDim.x) * gridDim.y;
  int64_t first = 4 * (static_cast<int64_t>(blockIdx.y) * blockDim.x + threadIdx.x);
  for (; first < columns; first += stride) {
    Four<float> four = load_four<Aligned>(x + start, first, columns);
    const Four<float> shift = load_four<false>(bias, first, columns);
#pragma unroll
    for (int i = 0; i < 4; ++i) four.values[i] += shift.values[i];
    store_four<Aligned>(four, x + start, first, columns);
    if (rounded == nullptr) continue;
    store_four<Aligned>(rounded_four(four), rounded + start, first, columns);
  }
}

/** One thread: there are few terms, and their order is fixed. */
__global__ void finish_kernel(StepTotals totals, double* terms, double* sums, int64_t* step) {
  double loss = terms[1];
  for (int64_t kind = 0; kind < 3; ++kind) {
    double sum = 0;
    for (int64_t m = 0; m < totals.modalities; ++m) sum += terms[2 + kind * totals.modalities + m];
    // A constraint that is off is no term, whatever stands there.
    if (totals.weights[kind] > 0) loss += totals.weights[kind] * sum;
  }
  terms[0] = loss;
  for (int64_t i = 0; i < 2 + 3 * totals.modalities; ++i) sums[i] += totals.examples * terms[i];
  if (totals.counts) ++*step;
}

}  // namespace

template <class Value>
void prediction_cuda(
    const PredictionArguments<Value>& a,
    Value* outputs,
    double* value,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const int64_t environments = a.rows / a.batch;
  const dim3 grid(
      grid_size(ceil_div(a.batch, kBlock), std::max<int64_t>(1, kSumBlocks / environments)),
      static_cast<unsigned>(environments)
  );
  const Loss loss = a.loss == "l1" ? Loss::l1 : a.loss == "mse" ? Loss::mse : Loss::cross_entropy;
  launch(
      prediction_kernel<Value>,
      grid,
      dim3(kBlock),
      stream,
      loss,
      a.batch,
      a.outputs,
      1 / static_cast<double>(a.rows),
      a.example,
      a.targets,
      a.classes,
      outputs,
      value,
      scratch
  );
}

template <class Value>
void adamw_cuda(
    const AdamwArguments<Value>& arguments,
    const int64_t* step,
    double* factors,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const int64_t blocks = ceil_div(arguments.size, 4 * kBlock);
  launch(
      norm_kernel<Value>,
      dim3(grid_size(blocks, kSumBlocks)),
      dim3(kBlock),
      stream,
      arguments,
      step,
      factors,
      scratch
  );
  launch(
      update_kernel<Value>,
      dim3(grid_size(blocks, kMaxGridX)),
      dim3(kBlock),
      stream,
      arguments,
      static_cast<const double*>(factors)
  );
}

void add_bias_cuda(
    int64_t rows, int64_t columns, const float* bias, float* x, Bfloat16* rounded, CudaStream stream
) {
  const int64_t fours = ceil_div(columns, 4);
  const dim3 block = block_of_rows(fours);
  const dim3 grid(
      grid_size(ceil_div(rows, block.y), kMaxGridX),
      grid_size(ceil_div(fours, 4 * static_cast<int64_t>(block.x)))
  );
  const bool aligned =
      rows_aligned(columns, static_cast<const float*>(x), static_cast<const Bfloat16*>(rounded));
  const auto kernel = aligned ? bias_kernel<true> : bias_kernel<false>;
  launch(kernel, grid, block, stream, rows, columns, bias, x, rounded);
}

void finish_step_cuda(
    const StepTotals& totals, double* terms, double* sums, int64_t* step, CudaStream stream
) {
  launch(finish_kernel, dim3(1), dim3(1), stream, totals, terms, sums, step);
}

#define CMIR_INSTANTIATE(Value)                                                               \
  template void prediction_cuda(                                                              \
      const PredictionArguments<Value>&, Value*, double*, const KernelScratch&, CudaStream    \
  );                                                                                          \
  template void adamw_cuda(                                                                   \
      const AdamwArguments<Value>&, const int64_t*, double*, const KernelScratch&, CudaStream \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
#undef CMIR_INSTANTIATE

}  // namespace cmir
