#include "base/scratch.h"

#include <ATen/ATen.h>

namespace cmir {

Scratch::Scratch(int64_t widest, const at::TensorOptions& device) {
  const int64_t sums = max_sum_parts(widest), columns = kMaxColumnParts * widest,
                arrivals = 1 + column_tiles(widest);
  const int64_t words = (arrivals + 1) / 2;  // they are half as wide as what stands before them
  memory_ = at::empty({sums + columns + words}, device.dtype(at::kDouble));
  memory_.narrow(0, sums + columns, words).zero_();
  auto* base = memory_.mutable_data_ptr<double>();
  scratch_ = {
      .sums = base,
      .columns = base + sums,
      .arrivals = reinterpret_cast<uint32_t*>(base + sums + columns),
  };
}

}  // namespace cmir
