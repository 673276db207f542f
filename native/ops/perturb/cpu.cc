#include <c10/util/BFloat16.h>

#include <algorithm>

#include "base/draws.h"
#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/perturb/kernel.h"

namespace cmir {
namespace {

template <NoiseKind kind, class Scalar>
CMIR_INLINE void noisy_row(
    const RowKey& row, float intensity, int64_t columns, const Scalar* clean, Scalar* out
) {
  // Draws are float32; float64 adds them in float64, narrower types in float32.
  using Compute = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  const Compute scale = intensity;
  const float p = probability(intensity);
  draw_row<kind>(row, columns, [&](int64_t first, int64_t count, const float* values) {
    for (int64_t c = 0; c < count; ++c) {
      const auto value = static_cast<Compute>(clean[first + c]);
      if constexpr (kind == NoiseKind::erase) {
        out[first + c] = static_cast<Scalar>(values[c] < p ? Compute(0) : value);
      } else {
        out[first + c] = static_cast<Scalar>(value + scale * static_cast<Compute>(values[c]));
      }
    }
  });
}

template <class Scalar>
CMIR_INLINE void perturb_rows(
    const PerturbArguments& a, const Scalar* x, Scalar* out, int64_t begin, int64_t end
) {
  for (int64_t b = begin; b < end; ++b) {
    const int64_t source = a.source == nullptr ? b : a.source[b];
    const Scalar* clean = x + source * a.columns;
    std::copy_n(clean, a.columns, out + b * a.columns);
    const float gaussian_scale = a.scale == nullptr ? 1.0F : a.scale[source];
    const auto index = static_cast<uint32_t>(a.index[b]);
    for (int64_t e = 1; e <= a.environments; ++e) {
      Scalar* target = out + (e * a.rows + b) * a.columns;
      const RowKey row{
          a.key, index, a.step, philox_tag(Stream::noise, a.modality, a.shared_draw ? 1 : e)
      };
      const auto intensity = static_cast<float>(a.intensities[e - 1]);
      switch (static_cast<NoiseKind>(a.kinds[e - 1])) {
        case NoiseKind::gaussian:
          noisy_row<NoiseKind::gaussian>(row, intensity * gaussian_scale, a.columns, clean, target);
          break;
        case NoiseKind::laplace:
          noisy_row<NoiseKind::laplace>(row, intensity, a.columns, clean, target);
          break;
        case NoiseKind::erase:
          noisy_row<NoiseKind::erase>(row, intensity, a.columns, clean, target);
          break;
        case NoiseKind::drop:
          if (is_dropped(
                  a.key, index, a.step, a.modality, a.modalities, e, probability(intensity)
              )) {
            std::fill_n(target, a.columns, Scalar(0));
          } else {
            std::copy_n(clean, a.columns, target);
          }
          break;
      }
    }
  }
}

}  // namespace

template <class Scalar>
void perturb_cpu(const PerturbArguments& a, const Scalar* x, Scalar* out) {
  RowChunks(a.rows).for_each(
      8 * a.columns * (1 + a.environments), [&](int64_t, int64_t begin, int64_t end) {
        vectorized([&] { perturb_rows(a, x, out, begin, end); });
      }
  );
}

template void perturb_cpu(const PerturbArguments&, const float*, float*);
template void perturb_cpu(const PerturbArguments&, const double*, double*);
template void perturb_cpu(const PerturbArguments&, const c10::BFloat16*, c10::BFloat16*);

}  // namespace cmir
