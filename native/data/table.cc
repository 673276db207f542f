#include "data/table.h"

#include <ATen/ATen.h>

namespace cmir {

void check_table(const FeatureTable& table, const std::string& name, int64_t features) {
  const at::Tensor& values = table.values;
  TORCH_CHECK_VALUE(
      values.dim() == 2 && values.size(1) == features && values.is_contiguous() &&
          values.scalar_type() == at::kFloat,
      name,
      ": expected float32 values of [",
      table.sequence() ? "frames" : "examples",
      ", ",
      features,
      "], found ",
      values.scalar_type(),
      " of ",
      values.sizes()
  );
  if (!table.sequence()) return;
  TORCH_CHECK_VALUE(
      table.offsets.dim() == 1 && table.offsets.numel() >= 1 && table.offsets.is_contiguous() &&
          table.offsets.scalar_type() == at::kLong,
      name,
      ": expected offsets int64 [examples + 1], found ",
      table.offsets.scalar_type(),
      " of ",
      table.offsets.sizes()
  );
  const auto* offsets = table.offsets.const_data_ptr<int64_t>();
  const int64_t frames = values.size(0);
  int64_t before = 0;
  for (int64_t i = 0; i < table.offsets.numel(); ++i) {
    TORCH_CHECK_VALUE(
        offsets[i] >= before && offsets[i] <= frames,
        name,
        ": expected offsets that ascend from 0 to ",
        frames,
        " at most, found ",
        offsets[i],
        " at ",
        i,
        " after ",
        before
    );
    before = offsets[i];
  }
}

void check_rows(const at::Tensor& rows, int64_t examples) {
  if (rows.numel() == 0) return;
  const auto [least, most] = rows.aminmax();
  const auto low = least.item<int64_t>(), high = most.item<int64_t>();
  TORCH_CHECK_VALUE(
      low >= 0 && high < examples,
      "rows: expected indices from 0 to ",
      examples - 1,
      ", found ",
      low < 0 ? low : high
  );
}

void will_need(const FeatureTable& table, const int64_t* rows, int64_t count, int64_t max_length) {
  if (!table.mapped()) return;
  const auto* values = table.values.const_data_ptr<float>();
  const int64_t width = table.features();
  RowRange run{0, 0};  // rows that lie one after another, not asked for yet
  const auto ask = [&] {
    if (run.begin == run.end) return;
    const auto bytes = static_cast<int64_t>(sizeof(float)) * (run.end - run.begin) * width;
    table.file->will_need(values + run.begin * width, bytes);
  };
  for (int64_t i = 0; i < count; ++i) {
    const RowRange next = table.range(rows[i], max_length);
    if (next.begin != run.end) {
      ask();
      run.begin = next.begin;
    }
    run.end = next.end;
  }
  ask();
}

}  // namespace cmir
