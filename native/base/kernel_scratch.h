#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "base/device.h"

namespace cmir {

/** What a kernel computes in: float64 stays, all else is float32. */
template <class Scalar>
using KernelValue = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;

/** Columns a block sums at a time. */
inline constexpr int64_t kTileColumns = 32;

/** Most blocks that share one column's sum. */
inline constexpr int64_t kMaxColumnParts = 128;

/** Blocks whose column tiles fill x [rows, columns]. */
inline int64_t column_tiles(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }

/** Blocks that share one sum over everything: enough to fill a GPU. */
inline constexpr int64_t kSumBlocks = 1024;

/** Most of them, where there is one an environment, or one a column tile. */
inline int64_t max_sum_parts(int64_t columns) {
  return std::max<int64_t>(4096, column_tiles(columns));
}

/**
 * Where blocks leave their parts of a sum for the last of them, which adds them up in a fixed
 * order: no floating-point atomics, so the same bits at every run. Kernels of one stream share it.
 */
struct KernelScratch {
  double* sums;        // [max_sum_parts(widest)]
  double* columns;     // [kMaxColumnParts, widest], used as the kernel's type
  uint32_t* arrivals;  // [1 + column_tiles(widest)], 0 between kernels
};

}  // namespace cmir
