#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace cmir {

/**
 * Rows in at most kMaxChunks chunks whose bounds depend on their number alone: sums taken a chunk
 * at a time and then over chunks in order are the same on any number of threads.
 */
struct RowChunks {
  static constexpr int64_t kMaxChunks = 32;

  explicit RowChunks(int64_t rows)
      : rows(rows), length(std::max<int64_t>(1, (rows + kMaxChunks - 1) / kMaxChunks)) {}

  int64_t count() const { return (rows + length - 1) / length; }

  /** Calls body(chunk, first row, end row), chunks in parallel. `cost` is about one row's elements.
   */
  template <class Body>
  void for_each(int64_t cost, const Body& body) const {
    constexpr int64_t kWorthAThread = 16384;  // elements
    const int64_t grain = std::max<int64_t>(1, kWorthAThread / std::max<int64_t>(1, cost * length));
    at::parallel_for(0, count(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        body(chunk, chunk * length, std::min(rows, (chunk + 1) * length));
      }
    });
  }

  /** The sum of body(first row, end row) over all chunks. */
  template <class Body>
  double sum(int64_t cost, const Body& body) const {
    std::array<double, kMaxChunks> parts{};
    for_each(cost, [&](int64_t chunk, int64_t begin, int64_t end) {
      parts[static_cast<size_t>(chunk)] = body(chunk, begin, end);
    });
    double total = 0;
    for (const double part : parts) total += part;
    return total;
  }

  int64_t rows, length;
};

/** out[c] = sum over chunks of parts[chunk, c]: the last step of a sum over rows. */
template <class Value>
void sum_chunks(const Value* parts, int64_t chunks, int64_t columns, Value* out) {
  std::fill_n(out, columns, Value(0));
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (int64_t c = 0; c < columns; ++c) out[c] += parts[chunk * columns + c];
  }
}

}  // namespace cmir
