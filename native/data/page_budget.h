#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/table.h"

namespace cmir {

/** Bytes of files that are mapped into this process and in its memory, where the system tells. */
std::optional<int64_t> resident_file_bytes();

/**
 * Bounds the memory that pages of mapped files take: once it is so much, all of it is released. May
 * be used from several threads.
 */
class PageBudget {
 public:
  /** A null stands for values in memory. */
  explicit PageBudget(std::vector<std::shared_ptr<const MappedFile>> files);

  /** To be told of the rows of a table that are read next. */
  void count(const FeatureTable& table, RowRange rows);

 private:
  /** Whether what was mapped since the last look, `bytes` at least, has to be released. */
  bool is_spent(int64_t bytes) const;

  std::vector<std::shared_ptr<const MappedFile>> files_;
  const std::optional<int64_t> before_;  // resident_file_bytes() without these files
  std::atomic<int64_t> bytes_{0};        // since the last look
};

}  // namespace cmir
