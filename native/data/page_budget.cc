#include "data/page_budget.h"

#include <unistd.h>

#include <fstream>
#include <utility>

namespace cmir {
namespace {

constexpr int64_t kBudget = int64_t{256} << 20;

// To read one byte maps all cached pages of such a window around it, on Linux; where files are
// cached in huge pages, one of these.
constexpr uintptr_t kWindow = 64 * 1024;

// How much may be mapped between two looks: in huge pages, 32 times as much and still no more than
// the budget.
constexpr int64_t kLook = kBudget / 32;

}  // namespace

std::optional<int64_t> resident_file_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0, resident = 0, shared = 0;
  if (!(statm >> size >> resident >> shared)) return std::nullopt;
  return shared * sysconf(_SC_PAGESIZE);
}

PageBudget::PageBudget(std::vector<std::shared_ptr<const MappedFile>> files)
    : files_(std::move(files)), before_(resident_file_bytes()) {}

void PageBudget::count(const FeatureTable& table, RowRange rows) {
  if (!table.mapped()) return;
  const auto* values = table.values.const_data_ptr<float>();
  const auto first = reinterpret_cast<uintptr_t>(values + rows.begin * table.features()),
             end = reinterpret_cast<uintptr_t>(values + rows.end * table.features());
  const auto windows = static_cast<int64_t>((end + kWindow - 1) / kWindow - first / kWindow);
  const int64_t more = windows * static_cast<int64_t>(kWindow);
  const int64_t bytes = bytes_.fetch_add(more) + more;
  if (bytes < (before_ ? kLook : kBudget)) return;
  bytes_ = 0;
  if (!is_spent(bytes)) return;
  for (const auto& file : files_) {
    if (file != nullptr) file->release();
  }
}

bool PageBudget::is_spent(int64_t bytes) const {
  const std::optional<int64_t> now = before_ ? resident_file_bytes() : std::nullopt;
  return now ? *now - *before_ >= kBudget : bytes >= kBudget;
}

}  // namespace cmir
