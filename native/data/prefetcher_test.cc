#include "data/prefetcher.h"

#include <limits>

#include "data/file_fixture.h"
#include "test/check.h"

namespace cmir::test {
namespace {

Normalizer some_normalizer(int64_t width) {
  return {normal({width}, at::kFloat, 11), at::full({width}, 2.0F)};
}

/** A flat modality in a file beside a sequence in memory. */
struct Scene {
  Scene()
      : values(normal({60, 5}, at::kFloat)),
        file(values),
        gatherer(
            {{"text", mapped_table(file, values), some_normalizer(5)},
             {"audio",
              {normal({120, 3}, at::kFloat), at::arange(0, 121, 2, at::kLong)},
              some_normalizer(3)}},
            0,
            false
        ) {}

  at::Tensor values;
  ValueFile file;
  Gatherer gatherer;
};

at::Tensor some_order(int64_t size) { return (at::arange(size, at::kLong) * 7).remainder(60); }

void check_same(const std::vector<ModalityBatch>& found, const std::vector<ModalityBatch>& other) {
  REQUIRE(found.size() == other.size());
  for (size_t s = 0; s < found.size(); ++s) {
    CHECK(found[s].values.equal(other[s].values));
    CHECK(found[s].offsets.defined() == other[s].offsets.defined());
    if (found[s].offsets.defined()) CHECK(found[s].offsets.equal(other[s].offsets));
  }
}

TEST_CASE("prefetcher: batches of an order are those gathered one by one") {
  const Scene scene;
  for (const int64_t size : {1, 7, 8, 9, 60, 200}) {
    for (const int64_t batch : {1, 8, 300}) {
      INFO(size << " examples in batches of " << batch);
      const at::Tensor order = some_order(size);
      Prefetcher prefetcher(scene.gatherer, order, batch);
      std::vector<ModalityBatch> expected;
      for (int64_t begin = 0; begin < size; begin += batch) {
        const auto& found = prefetcher.next();
        // Later batches are gathered meanwhile, but into other memory.
        scene.gatherer.gather(order.narrow(0, begin, std::min(batch, size - begin)), expected);
        check_same(found, expected);
      }
      check_throws([&] { prefetcher.next(); }, "batches were taken");
    }
  }
}

TEST_CASE("prefetcher: may be left at any time") {
  const Scene scene;
  for (int64_t taken = 0; taken < 8; ++taken) {
    Prefetcher prefetcher(scene.gatherer, some_order(60), 8);
    for (int64_t i = 0; i < taken; ++i) prefetcher.next();
  }
  Prefetcher none(scene.gatherer, some_order(0), 8);
  check_throws([&] { none.next(); }, "all 0 batches were taken");
}

TEST_CASE("prefetcher: an error reaches whoever takes the batch that it is of, and those after") {
  at::Tensor values = normal({60, 5}, at::kFloat);
  values[20][1] = std::numeric_limits<float>::quiet_NaN();
  const Gatherer gatherer({{"text", {values}, some_normalizer(5)}}, 0, false);
  Prefetcher prefetcher(gatherer, at::arange(60, at::kLong), 8);
  for (int i = 0; i < 2; ++i) CHECK(prefetcher.next()[0].values.size(0) == 8);
  for (int i = 0; i < 2; ++i) {
    check_throws([&] { prefetcher.next(); }, "'text', row 20, feature 1");
  }
}

}  // namespace
}  // namespace cmir::test
