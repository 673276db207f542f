#include "data/table.h"

#include "data/file_fixture.h"
#include "test/check.h"

namespace cmir::test {
namespace {

TEST_CASE("table: rows of an example, all of them or the first ones") {
  const FeatureTable flat{.values = at::zeros({4, 2})};
  CHECK(flat.examples() == 4);
  CHECK(flat.range(3, 1).begin == 3);
  CHECK(flat.range(3, 1).end == 4);
  const FeatureTable frames{.values = at::zeros({9, 2}), .offsets = integers({1, 1, 4, 9})};
  CHECK(frames.examples() == 3);
  const auto range = [&](int64_t example, int64_t max_length) {
    const RowRange rows = frames.range(example, max_length);
    return std::pair{rows.begin, rows.end};
  };
  CHECK(range(0, 0) == std::pair<int64_t, int64_t>{1, 1});
  CHECK(range(1, 0) == std::pair<int64_t, int64_t>{1, 4});
  CHECK(range(2, 2) == std::pair<int64_t, int64_t>{4, 6});
  CHECK(range(2, 5) == std::pair<int64_t, int64_t>{4, 9});
}

TEST_CASE("table: what is none is an error that begins with its name") {
  const at::Tensor values = at::zeros({9, 2});
  const auto refuses = [](const FeatureTable& table, const std::string& what) {
    check_throws([&] { check_table(table, "'text'", 2); }, "'text': expected " + what);
  };
  refuses({at::zeros({9, 3})}, "float32 values of [examples, 2], found Float of [9, 3]");
  refuses({at::zeros({18})}, "float32 values of [examples, 2]");
  refuses({values.to(at::kDouble)}, "float32 values of [examples, 2], found Double");
  refuses({at::zeros({2, 9}).t()}, "float32 values");
  refuses({values, integers({})}, "offsets int64 [examples + 1], found Long of [0]");
  refuses({values, at::zeros({3})}, "offsets int64 [examples + 1], found Float");
  refuses({values, integers({0, 5, 4})}, "offsets that ascend from 0 to 9 at most, found 4 at 2");
  refuses({values, integers({-1, 5})}, "offsets that ascend from 0 to 9 at most, found -1 at 0");
  refuses({values, integers({0, 10})}, "offsets that ascend from 0 to 9 at most, found 10 at 1");
  check_table({values, integers({0, 0, 9, 9})}, "'text'", 2);
  check_table({values, integers({0})}, "'text'", 2);
  check_table({at::zeros({0, 2})}, "'text'", 2);
}

TEST_CASE("table: rows that are not there are named") {
  check_rows(integers({0, 3, 3}), 4);
  check_rows(integers({}), 0);
  check_throws([] { check_rows(integers({0, 4}), 4); }, "indices from 0 to 3, found 4");
  check_throws([] { check_rows(integers({-1, 9}), 4); }, "indices from 0 to 3, found -1");
}

}  // namespace
}  // namespace cmir::test
