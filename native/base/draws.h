#pragma once

#include "base/noise.h"

namespace cmir {

/** What the draws of one row hang on, besides the column. */
struct RowKey {
  PhiloxKey key;
  uint32_t index, step, tag;
};

/** Counters drawn at a time: long enough to fill vector registers, short enough for L1. */
inline constexpr int64_t kDrawCounters = 32;

/** The four words of each of kDrawCounters counters: words[w][i] is word w of counter first + i. */
using DrawWords = uint32_t[4][kDrawCounters];

/** Fills the first `counters` columns of words, a multiple of 16. */
void draw_words(const RowKey& row, uint32_t first, int64_t counters, DrawWords& words);

/** Fills values with 4 * Counters draws of the columns from `first` on, a multiple of 4. */
template <NoiseKind kind, int64_t Counters>
CMIR_INLINE void draw_block(const RowKey& row, int64_t first, float* values) {
  alignas(64) DrawWords words;
  draw_words(row, static_cast<uint32_t>(first / 4), Counters, words);
  for (int64_t i = 0; i < Counters; ++i) {
    if constexpr (kind == NoiseKind::gaussian) {
      const NormalPair low = normal_pair(words[0][i], words[1][i]);
      const NormalPair high = normal_pair(words[2][i], words[3][i]);
      values[4 * i] = low.first;
      values[4 * i + 1] = low.second;
      values[4 * i + 2] = high.first;
      values[4 * i + 3] = high.second;
    } else {
      constexpr auto distribution = kind == NoiseKind::laplace ? laplace : uniform;
      values[4 * i] = distribution(words[0][i]);
      values[4 * i + 1] = distribution(words[1][i]);
      values[4 * i + 2] = distribution(words[2][i]);
      values[4 * i + 3] = distribution(words[3][i]);
    }
  }
}

/**
 * Calls use(first, count, values) for consecutive stretches of the columns from `begin`, a multiple
 * of 4, to `end` - 1, `values` holding the draws of those from first to first + count - 1: standard
 * normal, Laplace, or uniform.
 */
template <NoiseKind kind, class Use>
CMIR_INLINE void draw_columns(const RowKey& row, int64_t begin, int64_t end, const Use& use) {
  constexpr int64_t kWhole = 4 * kDrawCounters, kHalf = kWhole / 2;
  alignas(64) float values[kWhole];
  for (int64_t first = begin; first < end; first += kWhole) {
    const int64_t left = end - first;
    if (left > kHalf) {
      draw_block<kind, kDrawCounters>(row, first, values);
      use(first, left < kWhole ? left : kWhole, static_cast<const float*>(values));
    } else {
      draw_block<kind, kDrawCounters / 2>(row, first, values);
      use(first, left, static_cast<const float*>(values));
    }
  }
}

/** draw_columns of a whole row. */
template <NoiseKind kind, class Use>
CMIR_INLINE void draw_row(const RowKey& row, int64_t columns, const Use& use) {
  draw_columns<kind>(row, 0, columns, use);
}

}  // namespace cmir
