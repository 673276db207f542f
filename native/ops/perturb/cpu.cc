#include <ATen/Parallel.h>

#include <algorithm>

#include "ops/perturb/kernel.h"

namespace cmir {
namespace {

// Draws for this many counters at a time: long enough to fill vector registers, short enough for
// L1.
constexpr int64_t kBlock = 32;

/** Fills values with the draws of the counters block..block+kBlock-1 of one row, four a counter. */
template <NoiseKind kind>
CMIR_INLINE void draw(
    float* values, PhiloxKey key, int64_t block, uint32_t index, uint32_t step, uint32_t tag
) {
  alignas(64) uint32_t words[4][kBlock];
  for (int64_t i = 0; i < kBlock; ++i) {
    const PhiloxWords four = philox(key, static_cast<uint32_t>(block + i), index, step, tag);
    words[0][i] = four[0];
    words[1][i] = four[1];
    words[2][i] = four[2];
    words[3][i] = four[3];
  }
  for (int64_t i = 0; i < kBlock; ++i) {
    if constexpr (kind == NoiseKind::gaussian) {
      const NormalPair low = normal_pair(words[0][i], words[1][i]);
      const NormalPair high = normal_pair(words[2][i], words[3][i]);
      values[4 * i] = low.first;
      values[4 * i + 1] = low.second;
      values[4 * i + 2] = high.first;
      values[4 * i + 3] = high.second;
    } else {
      constexpr auto distribution = kind == NoiseKind::laplace ? laplace : uniform;
      values[4 * i] = distribution(words[0][i]);
      values[4 * i + 1] = distribution(words[1][i]);
      values[4 * i + 2] = distribution(words[2][i]);
      values[4 * i + 3] = distribution(words[3][i]);
    }
  }
}

template <NoiseKind kind, class Scalar>
CMIR_INLINE void perturb_rows(
    const PerturbArguments& a, const Scalar* x, Scalar* out, int64_t begin, int64_t end
) {
  const uint32_t tag = philox_tag(Stream::noise, a.modality, a.environment);
  const float p = probability(a.intensity);
  const Scalar intensity = a.intensity;
  alignas(64) float values[4 * kBlock];
  for (int64_t row = begin; row < end; ++row) {
    const auto index = static_cast<uint32_t>(a.index[row]);
    const Scalar* source = x + row * a.columns;
    Scalar* target = out + row * a.columns;
    for (int64_t first = 0; first < a.columns; first += 4 * kBlock) {
      draw<kind>(values, a.key, first / 4, index, a.step, tag);
      const int64_t count = std::min(4 * kBlock, a.columns - first);
      for (int64_t c = 0; c < count; ++c) {
        const float value = values[c];
        const Scalar clean = source[first + c];
        if constexpr (kind == NoiseKind::erase) {
          target[first + c] = value < p ? Scalar(0) : clean;
        } else {
          target[first + c] = clean + intensity * Scalar(value);
        }
      }
    }
  }
}

template <class Scalar>
void drop_rows(
    const PerturbArguments& a, const Scalar* x, Scalar* out, int64_t begin, int64_t end
) {
  const float p = probability(a.intensity);
  for (int64_t row = begin; row < end; ++row) {
    const auto index = static_cast<uint32_t>(a.index[row]);
    const bool dropped =
        is_dropped(a.key, index, a.step, a.modality, a.modalities, a.environment, p);
    Scalar* target = out + row * a.columns;
    if (dropped) {
      std::fill_n(target, a.columns, Scalar(0));
    } else {
      std::copy_n(x + row * a.columns, a.columns, target);
    }
  }
}

// Function multiversioning takes no templates: one plain function a kind and type.
#define CMIR_PERTURB_ROWS(KIND, SCALAR)                                                   \
  CMIR_MULTIVERSION void KIND##_rows(                                                     \
      const PerturbArguments& a, const SCALAR* x, SCALAR* out, int64_t begin, int64_t end \
  ) {                                                                                     \
    perturb_rows<NoiseKind::KIND>(a, x, out, begin, end);                                 \
  }
CMIR_PERTURB_ROWS(gaussian, float)
CMIR_PERTURB_ROWS(gaussian, double)
CMIR_PERTURB_ROWS(laplace, float)
CMIR_PERTURB_ROWS(laplace, double)
CMIR_PERTURB_ROWS(erase, float)
CMIR_PERTURB_ROWS(erase, double)
#undef CMIR_PERTURB_ROWS

}  // namespace

template <class Scalar>
void perturb_cpu(const PerturbArguments& a, const Scalar* x, Scalar* out) {
  const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(1, a.columns));
  at::parallel_for(0, a.rows, grain, [&](int64_t begin, int64_t end) {
    switch (a.kind) {
      case NoiseKind::gaussian:
        return gaussian_rows(a, x, out, begin, end);
      case NoiseKind::laplace:
        return laplace_rows(a, x, out, begin, end);
      case NoiseKind::erase:
        return erase_rows(a, x, out, begin, end);
      case NoiseKind::drop:
        return drop_rows(a, x, out, begin, end);
    }
  });
}

template void perturb_cpu(const PerturbArguments&, const float*, float*);
template void perturb_cpu(const PerturbArguments&, const double*, double*);

}  // namespace cmir
