#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/table.h"

namespace cmir {

/**
 * Bounds the memory that pages of mapped files take: once so much was read, all of it is released.
 * May be used from several threads.
 */
class PageBudget {
 public:
  /** A null stands for values in memory. */
  explicit PageBudget(std::vector<std::shared_ptr<const MappedFile>> files);

  /** To be told of the rows of a table that are read next. */
  void count(const FeatureTable& table, RowRange rows);

 private:
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::atomic<int64_t> bytes_{0};
};

}  // namespace cmir
