#include "base/gemm.h"

#include "base/draws.h"
#include "base/product.h"
#include "test/check.h"

namespace cmir::test {
namespace {

template <class Value>
Matrix<Value> matrix(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<Value>(), tensor.stride(0), tensor.stride(1)};
}

/** Compares with float64 for a [m, k], b [k, n], whichever way they lie, and all addends. */
template <class Value>
void check_gemm(const at::Tensor& a, const at::Tensor& b) {
  const int64_t m = a.size(0), n = b.size(1), k = a.size(1);
  const auto type = c10::CppTypeToScalarType<Value>::value;
  const at::Tensor product = a.to(at::kDouble).matmul(b.to(at::kDouble));
  const at::Tensor row = normal({n}, type, 7), before = normal({m, n + 3}, type, 8);
  INFO(m << " x " << k << " x " << n << ", strides " << a.strides() << " " << b.strides());
  const auto run = [&](const Addend<Value>& addend) {
    at::Tensor out = before.clone();  // wider than the product: its stride is not n
    auto* data = out.mutable_data_ptr<Value>();
    gemm(m, n, k, matrix<Value>(a), matrix<Value>(b), data, n + 3, addend);
    CHECK(out.narrow(1, n, 3).equal(before.narrow(1, n, 3)));  // nothing beside it was touched
    return out.narrow(1, 0, n);
  };
  check_close(run({}), product);
  check_close(run({.out = true}), product + before.narrow(1, 0, n));
  check_close(run({.row = row.const_data_ptr<Value>()}), product + row);
}

template <class Value>
void check_sizes(const std::vector<std::array<int64_t, 3>>& sizes) {
  const auto type = c10::CppTypeToScalarType<Value>::value;
  for (const auto& [m, n, k] : sizes) {
    for (const bool a_flipped : {false, true}) {
      for (const bool b_flipped : {false, true}) {
        const at::Tensor a = a_flipped ? normal({k, m}, type, 1).t() : normal({m, k}, type, 1);
        const at::Tensor b = b_flipped ? normal({n, k}, type, 2).t() : normal({k, n}, type, 2);
        check_gemm<Value>(a, b);
      }
    }
  }
}

const std::vector<std::array<int64_t, 3>> kSizes{
    {1, 1, 1},
    {8, 32, 256},
    {7, 31, 255},
    {9, 33, 257},
    {1, 100, 3},
    {100, 1, 3},
    {64, 65, 1},
    {3, 5, 700},
    {600, 40, 9},
    {17, 96, 513}
};

TEST_CASE("gemm: products of every shape and layout, with every addend") {
  check_sizes<float>(kSizes);
  check_sizes<double>(kSizes);
}

TEST_CASE("gemm: bfloat16 rounds the factors, and nothing else") {
  if (!has_bfloat16_gemm()) return;
  for (const auto& [m, n, k] : kSizes) {
    for (const bool flipped : {false, true}) {
      const at::Tensor a =
          flipped ? normal({k, m}, at::kFloat, 1).t() : normal({m, k}, at::kFloat, 1);
      const at::Tensor b =
          flipped ? normal({n, k}, at::kFloat, 2).t() : normal({k, n}, at::kFloat, 2);
      const at::Tensor row = normal({n}, at::kFloat, 7);
      at::Tensor out = at::empty({m, n});
      gemm(
          m,
          n,
          k,
          matrix<float>(a),
          matrix<float>(b),
          out.mutable_data_ptr<float>(),
          n,
          {.row = row.const_data_ptr<float>(), .bfloat16 = true}
      );
      const auto rounded = [](const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kDouble); };
      INFO(m << " x " << k << " x " << n << (flipped ? " flipped" : ""));
      check_close(out, rounded(a).matmul(rounded(b)) + row);
    }
  }
  at::Tensor a = at::ones({2, 3}), out = at::empty({2, 2});
  a[1][2] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor b = at::ones({3, 2});
  auto* data = out.mutable_data_ptr<float>();
  gemm(2, 2, 3, matrix<float>(a), matrix<float>(b), data, 2, {.bfloat16 = true});
  CHECK(out[0][0].item<float>() == 3);
  CHECK(std::isnan(out[1][0].item<float>()));
}

TEST_CASE("gemm: columns of wider matrices") {
  const at::Tensor wide = normal({20, 50}, at::kFloat, 3);
  check_gemm<float>(wide.narrow(1, 4, 30), normal({30, 12}, at::kFloat, 4));
  check_gemm<float>(normal({12, 20}, at::kFloat, 4), wide.narrow(1, 9, 33));
  check_gemm<float>(wide.narrow(1, 4, 30).t(), normal({20, 6}, at::kFloat, 5));
}

TEST_CASE("gemm: no rows, no columns, nothing to sum over") {
  float out[4] = {1, 2, 3, 4};
  gemm(0, 2, 2, row_major(out, 2), row_major(out, 2), out, 2);
  gemm(2, 0, 2, row_major(out, 2), row_major(out, 2), out, 2);
  CHECK(out[3] == 4);
  gemm(2, 2, 0, row_major(out, 1), row_major(out, 2), out, 2, {.out = true});
  CHECK(out[3] == 4);
  gemm(2, 2, 0, row_major(out, 1), row_major(out, 2), out, 2);
  CHECK(out[3] == 0);
}

TEST_CASE("gemm: NaN and infinity stay where they belong") {
  at::Tensor a = normal({9, 40}, at::kFloat, 1);
  a[3][7] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor b = normal({40, 33}, at::kFloat, 2);
  at::Tensor out = at::empty({9, 33});
  gemm(9, 33, 40, matrix<float>(a), matrix<float>(b), out.mutable_data_ptr<float>(), 33);
  CHECK(out[3].isnan().all().item<bool>());
  CHECK(out.isnan().sum().item<int64_t>() == 33);
}

TEST_CASE("product: on a device, factors of bfloat16 give sums of float32") {
  const auto device = kernel_device();
  if (!device) return;
  for (const auto& [m, n, k] : kSizes) {
    for (const bool flipped : {false, true}) {
      INFO(m << " x " << k << " x " << n << (flipped ? " flipped" : ""));
      const auto factor = [&](int64_t rows, int64_t columns, uint64_t seed) {
        const at::Tensor x = flipped ? normal({columns, rows}, at::kBFloat16, seed).t()
                                     : normal({rows, columns}, at::kBFloat16, seed);
        return x.to(*device);
      };
      const at::Tensor a = factor(m, k, 1), b = factor(k, n, 2);
      const at::Tensor expected = a.cpu().to(at::kDouble).matmul(b.cpu().to(at::kDouble));
      // Wider than the product: its stride is not n.
      const at::Tensor wide = normal({m, n + 3}, at::kFloat, 3).to(*device), before = wide.clone();
      const at::Tensor out = wide.narrow(1, 0, n);
      product(out, a, b, /*adds=*/true);
      check_close(out.cpu(), expected + before.narrow(1, 0, n).cpu());
      product(out, a, b);
      check_close(out.cpu(), expected);
      CHECK(wide.narrow(1, n, 3).equal(before.narrow(1, n, 3)));
    }
  }
}

TEST_CASE("draws: words of many counters at once are those of one after another") {
  const RowKey row{PhiloxKey::from_seed(0xFEDCBA9876543210), 0xFFFFFFFF, 77, 0x01002003};
  for (const uint32_t first : {0U, 5U, 0x7FFFFFF0U, 0xFFFFFFF8U}) {
    DrawWords words;
    draw_words(row, first, kDrawCounters, words);
    for (uint32_t i = 0; i < kDrawCounters; ++i) {
      const PhiloxWords expected = philox(row.key, first + i, row.index, row.step, row.tag);
      for (size_t w = 0; w < 4; ++w) CHECK(words[w][i] == expected[w]);
    }
  }
}

}  // namespace
}  // namespace cmir::test
