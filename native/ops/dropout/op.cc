#include "ops/dropout/op.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "base/noise.h"

namespace cmir {
namespace {

/** One row of the mask: `kept` where the draw is at least p, else 0. */
CMIR_MULTIVERSION void mask_row(
    float* out,
    int64_t columns,
    PhiloxKey key,
    uint32_t index,
    uint32_t step,
    uint32_t tag,
    float p,
    float kept
) {
  constexpr int64_t kBlock = 32;  // counters at a time
  for (int64_t first = 0; first < columns; first += 4 * kBlock) {
    alignas(64) float values[4 * kBlock];
    for (int64_t i = 0; i < kBlock; ++i) {
      const PhiloxWords words = philox(key, static_cast<uint32_t>(first / 4 + i), index, step, tag);
      values[4 * i] = uniform(words[0]);
      values[4 * i + 1] = uniform(words[1]);
      values[4 * i + 2] = uniform(words[2]);
      values[4 * i + 3] = uniform(words[3]);
    }
    const int64_t count = std::min(4 * kBlock, columns - first);
    for (int64_t c = 0; c < count; ++c) out[first + c] = values[c] < p ? 0.0F : kept;
  }
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, const DropoutSite& site, double p) {
  if (p == 0) return x;
  const int64_t environments = x.size(0), batch = x.size(1), columns = x.size(2);
  const at::Tensor mask = at::empty(x.sizes(), at::kFloat);  // [E, B, H], on the host
  const at::Tensor index = site.index.cpu().contiguous();
  const int64_t* indices = index.const_data_ptr<int64_t>();
  float* out = mask.mutable_data_ptr<float>();
  const PhiloxKey key = PhiloxKey::from_seed(static_cast<uint64_t>(site.seed));
  const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(1, columns));
  at::parallel_for(0, environments * batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      mask_row(
          out + row * columns,
          columns,
          key,
          static_cast<uint32_t>(indices[row % batch]),
          static_cast<uint32_t>(site.step),
          philox_tag(Stream::dropout, site.layer, row / batch),
          static_cast<float>(p),
          static_cast<float>(1 / (1 - p))
      );
    }
  });
  return x * mask.to(x.options());
}

}  // namespace cmir
