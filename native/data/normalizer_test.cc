#include "data/normalizer.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>

#include "data/file_fixture.h"
#include "test/check.h"

namespace cmir::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/** The definition, feature by feature, two passes in float64. */
Normalizer naive(const FeatureTable& table, const at::Tensor& rows, int64_t max_length) {
  const int64_t width = table.features();
  at::Tensor mean = at::zeros({width}, at::kDouble), std = at::ones({width}, at::kDouble);
  for (int64_t f = 0; f < width; ++f) {
    std::vector<double> values;
    for (int64_t i = 0; i < rows.numel(); ++i) {
      const auto [begin, end] = table.range(rows[i].item<int64_t>(), max_length);
      for (int64_t row = begin; row < end; ++row) {
        const double value = table.values[row][f].item<double>();
        if (std::isfinite(value)) values.push_back(value);
      }
    }
    if (values.empty()) continue;
    const auto count = static_cast<double>(values.size());
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    for (const double value : values) squares += std::pow(value - sum / count, 2);
    mean[f] = sum / count;
    if (squares > 0) std[f] = std::sqrt(squares / count);
  }
  return {mean, std};
}

void check_fit(const FeatureTable& table, const at::Tensor& rows, int64_t max_length = 0) {
  const Normalizer found = fit_normalizer(table, rows, max_length);
  const Normalizer expected = naive(table, rows, max_length);
  CHECK(found.mean.dtype() == at::kFloat);
  CHECK(at::allclose(found.mean.to(at::kDouble), expected.mean, 1e-6, 1e-30));
  CHECK(at::allclose(found.std.to(at::kDouble), expected.std, 1e-6, 0));
}

at::Tensor all(const FeatureTable& table) { return at::arange(table.examples(), at::kLong); }

TEST_CASE("normalizer: mean and deviation are the definition's") {
  const FeatureTable table{.values = normal({211, 9}, at::kFloat) * 3 + 2};
  check_fit(table, all(table));
  check_fit(table, integers({5, 3, 5, 200}));
  for (const int64_t rows : {1, 2, 31, 32, 33, 64, 65}) check_fit(table, at::arange(rows));
}

TEST_CASE("normalizer: a mean that is large beside its deviation cancels nothing") {
  // The first value of each feature is far from all others as well.
  at::Tensor values = normal({500, 5}, at::kFloat) * 0.01 + 4096;
  check_fit({.values = values}, at::arange(500));
  values[0].fill_(-1e9);
  check_fit({.values = values}, at::arange(500));
  check_fit({.values = values}, at::arange(1, 500));
}

TEST_CASE("normalizer: non-finite values are left out, a feature of nothing else is as it is") {
  at::Tensor values = normal({120, 6}, at::kFloat);
  values.narrow(1, 1, 1).fill_(kNan);
  values.narrow(1, 2, 1).fill_(7);
  values[0][3] = values[5][3] = kNan;
  values[1][3] = kInfinity;
  values[119][4] = -kInfinity;
  values.narrow(0, 0, 60).narrow(1, 5, 1).fill_(kNan);  // whole chunks without a value
  const FeatureTable table{.values = values};
  check_fit(table, all(table));
  const Normalizer fit = fit_normalizer(table, all(table), 0);
  CHECK(fit.mean[1].item<float>() == 0);
  CHECK(fit.std[1].item<float>() == 1);
  CHECK(fit.mean[2].item<float>() == 7);
  CHECK(fit.std[2].item<float>() == 1);
}

TEST_CASE("normalizer: of one row, or none, deviations are 1") {
  const FeatureTable table{.values = normal({4, 3}, at::kFloat)};
  const Normalizer one = fit_normalizer(table, integers({2}), 0);
  CHECK(one.mean.equal(table.values[2]));
  CHECK(one.std.equal(at::ones({3})));
  const Normalizer none = fit_normalizer(table, integers({}), 0);
  CHECK(none.mean.equal(at::zeros({3})));
  CHECK(none.std.equal(at::ones({3})));
  CHECK(fit_normalizer({.values = at::empty({0, 3})}, integers({}), 0).std.equal(at::ones({3})));
  CHECK(fit_normalizer({at::empty({0, 3}), integers({0})}, integers({}), 0).std.numel() == 3);
}

TEST_CASE("normalizer: values at the ends of float32, and deviations below it") {
  const float most = std::numeric_limits<float>::max();
  const at::Tensor values = at::tensor({most, -most, most, -most}).view({4, 1});
  CHECK(fit_normalizer({.values = values}, at::arange(4), 0).std.item<float>() == most);
  const float least = std::numeric_limits<float>::denorm_min();
  const at::Tensor tiny =
      at::tensor({least, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F}).view({8, 1});
  CHECK(fit_normalizer({.values = tiny}, at::arange(8), 0).std.item<float>() == 1);
}

TEST_CASE("normalizer: of a sequence, the frames that count") {
  const at::Tensor offsets = integers({0, 0, 1, 6, 6, 40, 43});
  const FeatureTable table{.values = normal({45, 4}, at::kFloat), .offsets = offsets};
  for (const int64_t max_length : {0, 1, 3, 100}) {
    check_fit(table, all(table), max_length);
    check_fit(table, integers({4, 2, 4}), max_length);
    check_fit(table, integers({0, 3}), max_length);  // not a frame
  }
}

TEST_CASE("normalizer: the same bits on any number of threads, in memory or in a file") {
  const at::Tensor values = normal({4000, 37}, at::kFloat);
  const ValueFile file(values);
  const at::Tensor rows = at::arange(3999, -1, -1, at::kLong);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Normalizer one = fit_normalizer({.values = values}, rows, 0);
  for (const int threads : {2, 3}) {
    at::set_num_threads(threads);
    for (const FeatureTable& table : {FeatureTable{values}, mapped_table(file, values)}) {
      const Normalizer other = fit_normalizer(table, rows, 0);
      CHECK(other.mean.equal(one.mean));
      CHECK(other.std.equal(one.std));
    }
  }
  at::set_num_threads(before);
}

TEST_CASE("normalizer: rows that are not there, and a file that is shorter now, are refused") {
  const at::Tensor values = normal({10, 3}, at::kFloat);
  check_throws([&] { fit_normalizer({values}, integers({10}), 0); }, "from 0 to 9, found 10");
  const ValueFile file(values);
  const FeatureTable table = mapped_table(file, values);
  file.resize(50);
  check_throws([&] { fit_normalizer(table, integers({0}), 0); }, file.path());
}

}  // namespace
}  // namespace cmir::test
