#include "base/cuda_kernel.h"
#include "ops/perturb/kernel.h"

// One launch for the clean copy and all environments: a block takes rows (x) of one environment
// (y), a thread four columns at a time, which is what one Philox counter gives. The step is read
// from device memory, so that a replayed graph draws anew once the counter there has moved on.

namespace cmir {
namespace {

constexpr int64_t kClean = -1;  // beside the values of NoiseKind

/** Environments of one launch, handed over with the kernel's arguments. */
constexpr int64_t kEnvironments = 64;
struct Environments {
  int64_t first;  // number of the first of them
  int8_t kinds[kEnvironments];
  float intensities[kEnvironments];
};

struct KernelArguments {
  int64_t rows, columns;
  const int64_t *source, *index, *step;
  PhiloxKey key;
  int64_t modality, modalities;
  bool shared_draw;
  const float* scale;
};

template <class Compute>
__device__ void add_noise(
    NoiseKind kind, float intensity, const PhiloxWords& words, Compute (&values)[4]
) {
  float draws[4];
  if (kind == NoiseKind::gaussian) {
    const NormalPair low = normal_pair(words[0], words[1]), high = normal_pair(words[2], words[3]);
    draws[0] = low.first;
    draws[1] = low.second;
    draws[2] = high.first;
    draws[3] = high.second;
  } else {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      draws[i] = kind == NoiseKind::laplace ? laplace(words[i]) : uniform(words[i]);
    }
  }
  const auto scale = static_cast<Compute>(intensity);
  const float p = probability(intensity);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (kind == NoiseKind::erase) {
      if (draws[i] < p) values[i] = Compute(0);
    } else {
      values[i] += scale * static_cast<Compute>(draws[i]);
    }
  }
}

template <bool Aligned, class Scalar>
__global__ void __launch_bounds__(kBlock) perturb_kernel(
    KernelArguments a, Environments list, const Scalar* x, Scalar* out, Bfloat16* rounded
) {
  using Compute = KernelValue<Scalar>;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= a.rows) return;
  const int64_t environment = list.first + blockIdx.y;
  const int64_t kind = list.kinds[blockIdx.y];
  float intensity = list.intensities[blockIdx.y];
  const auto index = static_cast<uint32_t>(a.index[row]);
  const auto step = static_cast<uint32_t>(*a.step);
  const bool draws = kind >= 0 && kind <= static_cast<int64_t>(NoiseKind::erase);
  const bool dropped =
      kind == static_cast<int64_t>(NoiseKind::drop) &&
      is_dropped(a.key, index, step, a.modality, a.modalities, environment, probability(intensity));
  const uint32_t tag = philox_tag(Stream::noise, a.modality, a.shared_draw ? 1 : environment);
  const int64_t source = a.source == nullptr ? row : a.source[row];
  const Scalar* clean = x + source * a.columns;
  const int64_t start = (environment * a.rows + row) * a.columns;
  if (a.scale != nullptr && kind == static_cast<int64_t>(NoiseKind::gaussian)) {
    intensity *= a.scale[source];
  }

  const int64_t stride = 4 * static_cast<int64_t>(blockDim.x) * gridDim.z;
  int64_t first = 4 * (static_cast<int64_t>(blockIdx.z) * blockDim.x + threadIdx.x);
  for (; first < a.columns; first += stride) {
    Four<Scalar> four = load_four<Aligned>(clean, first, a.columns);
    if (draws || dropped) {
      Compute values[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        values[i] = dropped ? Compute(0) : static_cast<Compute>(four.values[i]);
      }
      if (draws) {
        const PhiloxWords words = philox(a.key, static_cast<uint32_t>(first / 4), index, step, tag);
        add_noise(static_cast<NoiseKind>(kind), intensity, words, values);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) four.values[i] = static_cast<Scalar>(values[i]);
    }
    store_four<Aligned>(four, out + start, first, a.columns);
    if (rounded == nullptr) continue;
    store_four<Aligned>(rounded_four(four), rounded + start, first, a.columns);
  }
}

}  // namespace

template <class Scalar>
void perturb_cuda(
    const PerturbArguments& a,
    const int64_t* step,
    const Scalar* x,
    Scalar* out,
    CudaStream stream,
    Bfloat16* rounded
) {
  const KernelArguments arguments{
      .rows = a.rows,
      .columns = a.columns,
      .source = a.source,
      .index = a.index,
      .step = step,
      .key = a.key,
      .modality = a.modality,
      .modalities = a.modalities,
      .shared_draw = a.shared_draw,
      .scale = a.scale,
  };
  const int64_t counters = ceil_div(a.columns, 4);
  const dim3 block = block_of_rows(counters);
  const bool aligned = rows_aligned(
      a.columns, x, static_cast<const Scalar*>(out), static_cast<const Bfloat16*>(rounded)
  );
  const auto kernel = aligned ? perturb_kernel<true, Scalar> : perturb_kernel<false, Scalar>;
  for (int64_t first = 0; first <= a.environments; first += kEnvironments) {
    const int64_t count = std::min(kEnvironments, 1 + a.environments - first);
    Environments list{};
    list.first = first;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t e = first + i;  // environment 0 is the clean one
      list.kinds[i] = static_cast<int8_t>(e == 0 ? kClean : a.kinds[e - 1]);
      list.intensities[i] = e == 0 ? 0.0F : static_cast<float>(a.intensities[e - 1]);
    }
    const dim3 grid(
        grid_size(ceil_div(a.rows, block.y), kMaxGridX),
        static_cast<unsigned>(count),
        grid_size(ceil_div(counters, 4 * static_cast<int64_t>(block.x)))
    );
    launch(kernel, grid, block, stream, arguments, list, x, out, rounded);
  }
}

template void perturb_cuda(
    const PerturbArguments&, const int64_t*, const float*, float*, CudaStream, Bfloat16*
);
template void perturb_cuda(
    const PerturbArguments&, const int64_t*, const double*, double*, CudaStream, Bfloat16*
);
template void perturb_cuda(
    const PerturbArguments&, const int64_t*, const Bfloat16*, Bfloat16*, CudaStream, Bfloat16*
);

}  // namespace cmir
