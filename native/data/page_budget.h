#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/mapped_file.h"

namespace cmir {

/**
 * Bounds the memory that pages of mapped files take: once so much was read, all of it is released.
 * May be used from several threads.
 */
class PageBudget {
 public:
  explicit PageBudget(std::vector<std::shared_ptr<const MappedFile>> files);

  /** Counts the pages of what was read, or soon will be. */
  void count(const void* begin, int64_t bytes);

 private:
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::atomic<int64_t> bytes_{0};
};

}  // namespace cmir
