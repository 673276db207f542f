#include "data/file_fixture.h"
#include "data/page_budget.h"
#include "test/check.h"

namespace cmir::test {
namespace {

TEST_CASE("mapped file: values are those that were written, wherever they begin") {
  const at::Tensor values = normal({700, 13}, at::kFloat);
  for (const size_t offset : {0, 4, 128, 4092, 4096, 4100, 65536, 100004}) {
    const ValueFile file(values, offset);
    INFO("offset " << offset);
    CHECK(map_floats(file.path(), static_cast<int64_t>(offset), 700, 13).values.equal(values));
    const auto later = static_cast<int64_t>(offset) + 13 * 4;
    CHECK(map_floats(file.path(), later, 600, 13).values.equal(values.narrow(0, 1, 600)));
  }
}

TEST_CASE("mapped file: no rows at all are no rows, at the end of a file too") {
  const ValueFile file(at::ones({2, 3}));
  CHECK(map_floats(file.path(), 0, 0, 3).values.sizes() == at::IntArrayRef({0, 3}));
  const MappedFloats none = map_floats(file.path(), 24, 0, 3);
  CHECK(none.values.numel() == 0);
  none.file->release();
  const ValueFile empty(at::empty({0}));
  CHECK(map_floats(empty.path(), 0, 0, 5).values.numel() == 0);
}

TEST_CASE("mapped file: a tensor keeps its file mapped") {
  const at::Tensor values = normal({50, 4}, at::kFloat);
  at::Tensor kept;
  {
    const ValueFile file(values);
    kept = map_floats(file.path(), 0, 50, 4).values.narrow(0, 10, 20);
  }
  CHECK(kept.equal(values.narrow(0, 10, 20)));
}

TEST_CASE("mapped file: what cannot be mapped is an error that names the file") {
  const ValueFile file(at::ones({10, 3}), 8);
  const auto refuses = [&](int64_t offset, int64_t rows, int64_t columns, const std::string& what) {
    check_throws(
        [&] { map_floats(file.path(), offset, rows, columns); }, file.path() + ": " + what
    );
  };
  refuses(8, 11, 3, "expected at least 140 bytes, found 128");
  refuses(12, 10, 3, "expected at least 132 bytes, found 128");
  refuses(1 << 20, 1, 3, "expected at least 1048588 bytes, found 128");
  refuses(132, 0, 3, "expected at least 132 bytes, found 128");
  for (const int64_t offset : {1, 2, 7, -4}) {
    refuses(offset, 1, 3, "expected values from a byte on that is a multiple of 4");
  }
  refuses(0, -1, 3, "expected a number of rows");
  refuses(8, int64_t{1} << 60, 3, "expected a number of rows");
  check_throws([] { map_floats("/no/such/file", 0, 1, 1); }, "/no/such/file: No such file");
  const std::string folder = std::filesystem::temp_directory_path().string();
  check_throws([&] { map_floats(folder, 0, 1, 1); }, folder + ": expected a file");
}

TEST_CASE("mapped file: that it was cut short later is noticed before it is read") {
  const ValueFile file(at::ones({10, 3}));
  const MappedFloats mapped = map_floats(file.path(), 0, 10, 3);
  mapped.file->check();
  file.resize(119);
  check_throws([&] { mapped.file->check(); }, file.path() + ": expected at least 120 bytes");
}

TEST_CASE("mapped file: to ask for what is read soon, or to release it, changes no value") {
  const at::Tensor values = normal({3000, 33}, at::kFloat);
  const ValueFile file(values, 4);
  const MappedFloats mapped = map_floats(file.path(), 4, 3000, 33);
  const auto* data = mapped.values.const_data_ptr<float>();
  mapped.file->will_need(data, 4 * 3000 * 33);
  mapped.file->will_need(data + 33 * 2999, 4 * 33);
  CHECK(mapped.values.equal(values));
  mapped.file->release();
  CHECK(mapped.values.equal(values));
}

TEST_CASE("page budget: pages that were read are released, however large the file") {
  if (!resident_file_bytes()) return;                // nobody could tell
  constexpr int64_t kRows = 600, kColumns = 262144;  // of 1 MB each
  constexpr int64_t kMegabyte = 1 << 20;
  const ValueFile file(at::empty({0}));
  file.resize(kRows * kMegabyte);  // zeros that take no place on the disk
  const MappedFloats mapped = map_floats(file.path(), 0, kRows, kColumns);
  const FeatureTable table{.values = mapped.values, .file = mapped.file};
  const int64_t before = *resident_file_bytes();
  PageBudget budget({mapped.file});
  int64_t most = 0;
  double sum = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    budget.count(table, {row, row + 1});
    sum += mapped.values[row].sum().item<double>();
    most = std::max(most, *resident_file_bytes() - before);
  }
  CHECK(sum == 0);
  CHECK(most < 300 * kMegabyte);
  CHECK(most > 100 * kMegabyte);  // it is seen at all
}

TEST_CASE("page budget: huge pages of a file's cache are counted as what they are") {
  if (!resident_file_bytes()) return;
  constexpr int64_t kRows = 1 << 18, kColumns = 1024;  // of 4 KB each
  constexpr int64_t kMegabyte = 1 << 20;
  const ValueFile file(at::zeros({kRows, kColumns}));  // 1 GB, written in large pieces
  const MappedFloats mapped = map_floats(file.path(), 0, kRows, kColumns);
  const FeatureTable table{.values = mapped.values, .file = mapped.file};
  const int64_t before = *resident_file_bytes();
  PageBudget budget({mapped.file});
  int64_t most = 0;
  for (int64_t i = 0; i < 20000; ++i) {
    const int64_t row = i * 7919 % kRows;
    budget.count(table, {row, row + 1});
    CHECK(mapped.values[row][0].item<float>() == 0);
    if (i % 64 == 0) most = std::max(most, *resident_file_bytes() - before);
  }
  CHECK(most < 600 * kMegabyte);
}

}  // namespace
}  // namespace cmir::test
