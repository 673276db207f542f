#include "base/cuda_kernel.h"
#include "training/kernels.h"

namespace cmir {
namespace {

/** PredictionArguments on the device: what all threads have in common. */
template <class Value>
struct PredictionRows {
  Loss loss;
  int64_t batch, columns, environments;
  const int64_t* example;
  const Value* targets;
  const int64_t* classes;
  double risk, consistency;

  explicit PredictionRows(const PredictionArguments<Value>& a)
      : loss(a.kind()),
        batch(a.batch),
        columns(a.outputs),
        environments(a.environments()),
        example(a.example),
        targets(a.targets),
        classes(a.classes),
        risk(a.risk),
        consistency(a.consistency) {}

  __device__ RowTarget<Value> target(int64_t b) const {
    const int64_t from = example[b];
    if (loss == Loss::cross_entropy) return {.value = 0, .index = classes[from]};
    return {.value = targets[from], .index = 0};
  }
};

/** A thread a row, environments by y; outputs are few. */
template <class Value>
__global__ void __launch_bounds__(kBlock) prediction_kernel(
    PredictionRows<Value> rows, double scale, Value* outputs, double* value, KernelScratch scratch
) {
  double total = 0;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kBlock;
  int64_t b = static_cast<int64_t>(blockIdx.x) * kBlock + thread_number();
  for (; b < rows.batch; b += stride) {
    Value* o = outputs + (blockIdx.y * rows.batch + b) * rows.columns;
    total += differentiate_row(rows.loss, o, rows.columns, rows.target(b), scale);
  }
  grid_sum(total, scratch, [&](double sum) { *value = scale * sum; });
}

/** A block an environment: its risk. The last of them tells the mean and the variance. */
template <class Value>
__global__ void __launch_bounds__(kBlock) risk_kernel(
    PredictionRows<Value> rows,
    const Value* outputs,
    double* risks,
    double* values,
    KernelScratch scratch
) {
  const int64_t e = blockIdx.x;
  double total = 0;
  for (int64_t b = thread_number(); b < rows.batch; b += kBlock) {
    const Value* o = outputs + (e * rows.batch + b) * rows.columns;
    total += row_loss(rows.loss, o, rows.columns, rows.target(b));
  }
  total = block_sum(total);
  if (thread_number() == 0) risks[e] = total / static_cast<double>(rows.batch);
  if (!is_last(scratch.arrivals, gridDim.x) || thread_number() != 0) return;
  const RiskSpread spread = RiskSpread::of(risks, rows.environments);
  values[0] = spread.mean;
  if (rows.risk > 0) values[1] = spread.variance;
}

/** A thread an example, through its environments: the clean one last, which the others are compared
 * with. */
template <class Value>
__global__ void __launch_bounds__(kBlock) risk_gradient_kernel(
    PredictionRows<Value> rows,
    Value* outputs,
    const double* risks,
    double* values,
    KernelScratch scratch
) {
  const auto clean_rows = static_cast<double>(rows.batch);
  const double noisy_rows = clean_rows * static_cast<double>(rows.environments - 1);
  const double mean = values[0];
  double distance = 0;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kBlock;
  int64_t b = static_cast<int64_t>(blockIdx.x) * kBlock + thread_number();
  for (; b < rows.batch; b += stride) {
    const RowTarget<Value> target = rows.target(b);
    const Value* clean = outputs + b * rows.columns;
    for (int64_t e = rows.environments - 1; e >= 0; --e) {
      Value* o = outputs + (e * rows.batch + b) * rows.columns;
      const double scale = risk_factor(risks[e], mean, rows.risk) / (clean_rows + noisy_rows);
      if (e > 0 && rows.consistency > 0) {
        const double pull = rows.consistency / noisy_rows;
        distance += differentiate_towards(rows.loss, o, clean, rows.columns, target, scale, pull);
      } else {
        differentiate_row(rows.loss, o, rows.columns, target, scale);
      }
    }
  }
  if (rows.consistency == 0) return;  // the same in all threads
  grid_sum(distance, scratch, [&](double sum) { values[2] = sum / noisy_rows; });
}

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

/** What one update multiplies with, as it lies in memory between the kernels. */
struct Factors {
  double clip, decay, step_size, root_correction;
};

template <class Value>
__device__ Factors factors_of(const AdamwArguments<Value>& config, double squares, int64_t step) {
  const auto t = static_cast<double>(step + 1);
  const double rate = *config.learning_rate;
  const double clip = config.clip_norm / (std::sqrt(squares) + 1e-6);
  return {
      // NaN is not above 1 and stays, as everywhere.
      .clip = config.clip_norm > 0 ? (clip > 1 ? 1.0 : clip) : 1.0,
      .decay = 1 - rate * config.weight_decay,
      .step_size = rate / (1 - std::pow(kBeta1, t)),
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
      const bool spared = b.spared != nullptr && first + i < b.size && b.spared[first + i];
      p.values[i] = p.values[i] * (spared ? Value(1) : decay) - step_size * m.values[i] / root;
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
  if (totals.risk > 0) loss += totals.risk * terms[2];
  if (totals.consistency > 0) loss += totals.consistency * terms[3];
  for (int64_t kind = 0; kind < 3; ++kind) {
    const double* values = terms + kSharedTerms + kind * totals.modalities;
    double sum = 0;
    for (int64_t m = 0; m < totals.modalities; ++m) sum += values[m];
    // A constraint that is off is no term, whatever stands there.
    if (totals.weights[kind] > 0) loss += totals.weights[kind] * sum;
  }
  terms[0] = loss;
  const int64_t count = kSharedTerms + 3 * totals.modalities;
  for (int64_t i = 0; i < count; ++i) sums[i] += totals.examples * terms[i];
  if (totals.counts) ++*step;
}

}  // namespace

template <class Value>
void prediction_cuda(
    const PredictionArguments<Value>& a,
    Value* outputs,
    double* risks,
    double* values,
    const KernelScratch& scratch,
    CudaStream stream
) {
  const PredictionRows<Value> rows(a);
  const int64_t environments = rows.environments, blocks = ceil_div(a.batch, kBlock);
  if (!a.plain()) {
    const dim3 each(grid_size(environments, kMaxGridX));
    const auto* read = static_cast<const Value*>(outputs);
    launch(risk_kernel<Value>, each, dim3(kBlock), stream, rows, read, risks, values, scratch);
    launch(
        risk_gradient_kernel<Value>,
        dim3(grid_size(blocks, kSumBlocks)),
        dim3(kBlock),
        stream,
        rows,
        outputs,
        static_cast<const double*>(risks),
        values,
        scratch
    );
    return;
  }
  const dim3 grid(
      grid_size(blocks, std::max<int64_t>(1, kSumBlocks / environments)),
      static_cast<unsigned>(environments)
  );
  launch(
      prediction_kernel<Value>,
      grid,
      dim3(kBlock),
      stream,
      rows,
      1 / static_cast<double>(a.rows),
      outputs,
      values,
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
      const PredictionArguments<Value>&,                                                      \
      Value*,                                                                                 \
      double*,                                                                                \
      double*,                                                                                \
      const KernelScratch&,                                                                   \
      CudaStream                                                                              \
  );                                                                                          \
  template void adamw_cuda(                                                                   \
      const AdamwArguments<Value>&, const int64_t*, double*, const KernelScratch&, CudaStream \
  )
CMIR_INSTANTIATE(float);
CMIR_INSTANTIATE(double);
#undef CMIR_INSTANTIATE

}  // namespace cmir
