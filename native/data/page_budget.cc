#include "data/page_budget.h"

#include <utility>

namespace cmir {
namespace {

constexpr int64_t kBudget = int64_t{256} << 20;

// To read one byte maps all cached pages of such a window around it, on Linux.
constexpr uintptr_t kWindow = 64 * 1024;

}  // namespace

PageBudget::PageBudget(std::vector<std::shared_ptr<const MappedFile>> files)
    : files_(std::move(files)) {}

void PageBudget::count(const FeatureTable& table, RowRange rows) {
  if (!table.mapped()) return;
  const auto* values = table.values.const_data_ptr<float>();
  const auto first = reinterpret_cast<uintptr_t>(values + rows.begin * table.features()),
             end = reinterpret_cast<uintptr_t>(values + rows.end * table.features());
  const auto windows = static_cast<int64_t>((end + kWindow - 1) / kWindow - first / kWindow);
  const int64_t more = windows * static_cast<int64_t>(kWindow);
  if (bytes_.fetch_add(more) + more < kBudget) return;
  bytes_ = 0;
  for (const auto& file : files_) {
    if (file != nullptr) file->release();
  }
}

}  // namespace cmir
