#include <cmath>
#include <mutex>
#include <numbers>
#include <set>
#include <thread>

#include "base/noise.h"
#include "base/philox.h"
#include "base/rows.h"
#include "test/check.h"

namespace cmir::test {
namespace {

// The known answers that come with Random123, the authors' own library.
TEST_CASE("philox: the published known answers") {
  CHECK(philox({0, 0}, 0, 0, 0, 0) == PhiloxWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t ones = 0xffffffff;
  CHECK(
      philox({ones, ones}, ones, ones, ones, ones) ==
      PhiloxWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}
  );
  CHECK(
      philox({0xa4093822, 0x299f31d0}, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344) ==
      PhiloxWords{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}
  );
}

TEST_CASE("philox: tags of different uses differ") {
  CHECK(philox_tag(Stream::noise, 1, 2) != philox_tag(Stream::noise, 2, 1));
  CHECK(philox_tag(Stream::noise, 1, 2) != philox_tag(Stream::dropout, 1, 2));
}

TEST_CASE("uniform: inside (0, 1) at both ends, symmetric") {
  CHECK(uniform(0) == 0x1p-24F);
  CHECK(uniform(0xffffffff) == 1 - 0x1p-24F);
}

TEST_CASE("log_unit: the C library's logarithm to 3e-7") {
  for (uint32_t i = 0; i < 1 << 16; ++i) {
    const float u = uniform(i * 65537U);
    const double exact = std::log(static_cast<double>(u));
    CHECK(std::abs(log_unit(u) - exact) <= 3e-7 * std::max(std::abs(exact), 1e-3));
  }
}

TEST_CASE("sincos_turns: the C library's sine and cosine to 3e-7") {
  for (uint32_t i = 0; i < 1 << 16; ++i) {
    const float u = uniform(i * 65537U);
    const auto [sine, cosine] = sincos_turns(u);
    const double angle = 2 * std::numbers::pi * u;
    CHECK(std::abs(sine - std::sin(angle)) < 3e-7);
    CHECK(std::abs(cosine - std::cos(angle)) < 3e-7);
  }
}

TEST_CASE("rows: chunks run on as many threads as LibTorch is told") {
  const int before = at::get_num_threads();
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    int64_t rows = 0;
    RowChunks(100).for_each(1 << 20, [&](int64_t, int64_t begin, int64_t end) {
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
      rows += end - begin;
    });
    CHECK(rows == 100);
    CHECK(static_cast<int>(seen.size()) == threads);
  }
  at::set_num_threads(before);
}

TEST_CASE("rows: sums do not hang on the number of threads; no rows, no chunks") {
  const int before = at::get_num_threads();
  const auto sum = [](int threads) {
    at::set_num_threads(threads);
    return RowChunks(12345).sum(1 << 20, [](int64_t, int64_t begin, int64_t end) {
      double part = 0;
      for (int64_t row = begin; row < end; ++row) part += 1 / (1.0 + static_cast<double>(row));
      return part;
    });
  };
  CHECK(sum(1) == sum(2));
  at::set_num_threads(before);
  CHECK(RowChunks(0).count() == 0);
  float out[2] = {1, 2};
  sum_chunks(static_cast<const float*>(nullptr), 0, 2, out);
  CHECK(out[0] == 0);
}

}  // namespace
}  // namespace cmir::test
