#include <c10/util/BFloat16.h>

#include <algorithm>

#include "base/rows.h"
#include "base/vectorized.h"
#include "ops/perturb/kernel.h"
#include "ops/perturb/noisy_columns.h"

namespace cmir {
namespace {

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
      const auto kind = static_cast<NoiseKind>(a.kinds[e - 1]);
      if (kind != NoiseKind::drop) {
        const float scale = kind == NoiseKind::gaussian ? gaussian_scale : 1.0F;
        noisy_columns(kind, row, intensity * scale, 0, a.columns, clean, target);
      } else if (is_dropped(
                     a.key, index, a.step, a.modality, a.modalities, e, probability(intensity)
                 )) {
        std::fill_n(target, a.columns, Scalar(0));
      } else {
        std::copy_n(clean, a.columns, target);
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
