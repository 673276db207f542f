#include "data/gather.h"

#include <limits>

#include "data/file_fixture.h"
#include "test/check.h"

namespace cmir::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Normalizer some_normalizer(int64_t width, at::ScalarType type) {
  return {normal({width}, type, 11), normal({width}, type, 12).abs() + 0.1};
}

/** The definition: rows picked, then standardised by LibTorch. */
at::Tensor naive(const GatherSource& source, const at::Tensor& rows) {
  const at::Tensor x =
      source.table.values.index_select(0, rows).to(source.normalizer.mean.scalar_type());
  return (x - source.normalizer.mean) / source.normalizer.std;
}

TEST_CASE("gather: the rows asked for, standardised, as LibTorch does to the bit") {
  for (const at::ScalarType type : kTypes) {
    const std::vector<GatherSource> sources{
        {"text", {normal({20, 13}, at::kFloat, 1)}, some_normalizer(13, type)},
        {"audio", {normal({20, 1}, at::kFloat, 2)}, some_normalizer(1, type)},
    };
    const Gatherer gatherer(sources, 0, false);
    std::vector<ModalityBatch> batches;
    for (const at::Tensor& rows : {integers({3, 19, 0, 3}), integers({}), at::arange(20)}) {
      REQUIRE(gatherer.gather(rows, batches));
      REQUIRE(batches.size() == 2);
      for (size_t s = 0; s < 2; ++s) {
        CHECK(batches[s].values.equal(naive(sources[s], rows)));
        CHECK_FALSE(batches[s].offsets.defined());
      }
    }
    CHECK(standardise(sources[0], false).equal(naive(sources[0], at::arange(20))));
  }
}

TEST_CASE("gather: frames of a sequence one after another, cut to the length that counts") {
  const GatherSource source{
      "audio",
      {normal({12, 5}, at::kFloat), integers({0, 2, 2, 9, 10})},
      some_normalizer(5, at::kFloat)
  };
  const at::Tensor rows = integers({2, 1, 0, 2});
  std::vector<ModalityBatch> batches;
  Gatherer({source}, 0, false).gather(rows, batches);
  CHECK(batches[0].offsets.equal(integers({0, 7, 7, 9, 16})));
  const at::Tensor frames = integers({2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(batches[0].values.equal(naive(source, frames)));
  Gatherer({source}, 3, false).gather(rows, batches);
  CHECK(batches[0].offsets.equal(integers({0, 3, 3, 5, 8})));
  CHECK(batches[0].values.equal(naive(source, integers({2, 3, 4, 0, 1, 2, 3, 4}))));
  Gatherer({source}, 3, false).gather(integers({1, 1}), batches);
  CHECK(batches[0].offsets.equal(integers({0, 0, 0})));
  CHECK(batches[0].values.sizes() == at::IntArrayRef({0, 5}));
  CHECK(standardise(source, false).equal(naive(source, at::arange(12))));
}

TEST_CASE("gather: memory is used again") {
  const GatherSource source{"text", {normal({50, 7}, at::kFloat)}, some_normalizer(7, at::kFloat)};
  const Gatherer gatherer({source}, 0, false);
  std::vector<ModalityBatch> batches;
  gatherer.gather(at::arange(50), batches);
  const void* memory = batches[0].values.const_data_ptr();
  for (const int64_t size : {3, 50}) {
    gatherer.gather(at::arange(size), batches);
    CHECK(batches[0].values.const_data_ptr() == memory);
    CHECK(batches[0].values.equal(naive(source, at::arange(size))));
  }
}

TEST_CASE("gather: what is not finite is the mean, or an error that says where it is") {
  at::Tensor values = normal({9, 40}, at::kFloat);
  values[4][2] = values[4][39] = kNan;
  values[7][0] = -std::numeric_limits<float>::infinity();
  const Normalizer normalizer = some_normalizer(40, at::kFloat);
  const GatherSource flat{"text", {values}, normalizer};
  const GatherSource frames{"audio", {values, integers({0, 3, 9})}, normalizer};
  std::vector<ModalityBatch> batches;
  const auto refuses =
      [&](const GatherSource& source, int64_t max_length, int64_t row, const std::string& message) {
        check_throws(
            [&] { Gatherer({source}, max_length, false).gather(integers({row}), batches); }, message
        );
      };
  refuses(flat, 0, 4, "'text', row 4, feature 2: expected a finite number, found nan");
  refuses(flat, 0, 7, "'text', row 7, feature 0: expected a finite number, found -inf");
  refuses(frames, 2, 1, "'audio', row 1, frame 1, feature 2: expected a finite number, found nan");
  CHECK(Gatherer({frames}, 1, false).gather(integers({0, 1}), batches));  // it is cut off
  CHECK(Gatherer({flat}, 0, false).gather(integers({3, 5}), batches));
  check_throws([&] { standardise(flat, false); }, "'text', row ");

  const at::Tensor clean = values.nan_to_num(0, 0, 0);
  const at::Tensor expected =
      at::where(values.isfinite(), naive({"", {clean}, normalizer}, at::arange(9)), 0);
  Gatherer({flat}, 0, true).gather(at::arange(9), batches);
  CHECK(batches[0].values.equal(expected));
  CHECK(standardise(flat, true).equal(expected));
}

TEST_CASE("gather: values in a file are as values in memory, until the file is cut short") {
  const at::Tensor values = normal({3000, 50}, at::kFloat);
  const ValueFile file(values);
  const Normalizer normalizer = some_normalizer(50, at::kFloat);
  const at::Tensor offsets = integers({0, 700, 710, 3000});
  std::vector<ModalityBatch> batches;
  const Gatherer gatherer(
      {{"here", {values}, normalizer}, {"there", mapped_table(file, values), normalizer}}, 0, false
  );
  for (const at::Tensor& rows : {at::arange(3000), integers({2999, 0, 17})}) {
    gatherer.will_need(rows);
    gatherer.gather(rows, batches);
    CHECK(batches[0].values.equal(batches[1].values));
  }
  const Gatherer frames(
      {{"here", {values, offsets}, normalizer},
       {"there", mapped_table(file, values, offsets), normalizer}},
      0,
      false
  );
  frames.will_need(integers({1, 2, 0}));
  frames.gather(integers({1, 2, 0}), batches);
  CHECK(batches[0].values.equal(batches[1].values));
  CHECK(batches[0].offsets.equal(batches[1].offsets));
  file.resize(599999);
  check_throws([&] { gatherer.gather(integers({0}), batches); }, file.path());
}

TEST_CASE("gather: stops when told to") {
  const Gatherer gatherer(
      {{"text", {normal({50, 7}, at::kFloat)}, some_normalizer(7, at::kFloat)}}, 0, false
  );
  std::vector<ModalityBatch> batches;
  const std::atomic<bool> stop(true), go(false);
  CHECK_FALSE(gatherer.gather(at::arange(50), batches, &stop));
  CHECK(gatherer.gather(at::arange(50), batches, &go));
}

}  // namespace
}  // namespace cmir::test
