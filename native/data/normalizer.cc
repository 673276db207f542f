#include "data/normalizer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rows.h"
#include "base/vectorized.h"
#include "data/page_budget.h"

namespace cmir {
namespace {

// Examples whose values a mapped file is asked for at a time, while those before are read.
constexpr int64_t kAhead = 256;

/** Number, mean and sum of squared deviations of the finite values of each feature so far. */
struct Moments {
  explicit Moments(size_t features) : count(features), mean(features), squares(features) {}

  /** One row more, by Welford's method: no cancellation where a mean is large beside its deviation.
   */
  CMIR_INLINE void add(const float* row) {
    const size_t features = count.size();
    double *n = count.data(), *m = mean.data(), *s = squares.data();
#pragma omp simd
    for (size_t f = 0; f < features; ++f) {
      const bool finite = std::abs(row[f]) <= std::numeric_limits<float>::max();
      // The mean in place of a value adds nothing.
      const double value = finite ? static_cast<double>(row[f]) : m[f];
      const double before = value - m[f];
      n[f] += finite ? 1 : 0;
      m[f] += before / (n[f] > 1 ? n[f] : 1);
      s[f] += before * (value - m[f]);
    }
  }

  /** Those of other rows as well (Chan, Golub and LeVeque, 1979). */
  void add(const Moments& other) {
    for (size_t f = 0; f < count.size(); ++f) {
      if (other.count[f] == 0) continue;
      const double all = count[f] + other.count[f], share = other.count[f] / all;
      const double apart = other.mean[f] - mean[f];
      mean[f] += apart * share;
      squares[f] += other.squares[f] + apart * apart * count[f] * share;
      count[f] = all;
    }
  }

  std::vector<double> count, mean, squares;
};

/** The moments of the examples rows[0] to rows[count - 1]. */
Moments moments_of(
    const FeatureTable& table,
    const int64_t* rows,
    int64_t count,
    int64_t max_length,
    PageBudget& budget
) {
  const int64_t width = table.features();
  const auto* values = table.values.const_data_ptr<float>();
  Moments moments(static_cast<size_t>(width));
  will_need(table, rows, std::min(count, kAhead), max_length);
  for (int64_t i = 0; i < count; ++i) {
    if (i % kAhead == 0 && i + kAhead < count) {
      will_need(table, rows + i + kAhead, std::min(kAhead, count - i - kAhead), max_length);
    }
    const auto [begin, end] = table.range(rows[i], max_length);
    budget.count(table, {begin, end});
    vectorized([&] {
      for (int64_t row = begin; row < end; ++row) moments.add(values + row * width);
    });
  }
  return moments;
}

}  // namespace

Normalizer fit_normalizer(const FeatureTable& table, const at::Tensor& rows, int64_t max_length) {
  check_rows(rows, table.examples());
  if (table.mapped()) table.file->check();
  const auto* numbers = rows.const_data_ptr<int64_t>();
  const RowChunks chunks(rows.numel());
  const auto width = static_cast<size_t>(table.features());
  std::vector<Moments> parts(static_cast<size_t>(chunks.count()), Moments(0));
  PageBudget budget({table.file});
  const int64_t frames =
      table.values.size(0) / std::max<int64_t>(1, table.examples());  // of one example, on average
  chunks.for_each(frames * table.features(), [&](int64_t chunk, int64_t begin, int64_t end) {
    parts[static_cast<size_t>(chunk)] =
        moments_of(table, numbers + begin, end - begin, max_length, budget);
  });
  Moments all(width);
  for (const Moments& part : parts) all.add(part);

  const at::Tensor mean = at::empty({table.features()}, at::kFloat), std = at::empty_like(mean);
  auto *means = mean.mutable_data_ptr<float>(), *deviations = std.mutable_data_ptr<float>();
  for (size_t f = 0; f < width; ++f) {
    means[f] = static_cast<float>(all.mean[f]);
    const auto deviation = static_cast<float>(std::sqrt(all.squares[f] / all.count[f]));
    // NaN where nothing was finite; 0 also where float32 cannot hold the deviation.
    deviations[f] = deviation > 0 ? deviation : 1;
  }
  return {mean, std};
}

}  // namespace cmir
