#include "ops/dropout/op.h"
#include "test/check.h"

namespace cmir::test {
namespace {

DropoutSite site(int64_t batch, int64_t layer = 0, int64_t step = 3) {
  return {.seed = 9, .layer = layer, .index = at::arange(batch, at::kLong), .step = step};
}

TEST_CASE("dropout: keeps the mean, and the share it should") {
  const at::Tensor out = dropout(at::ones({2, 500, 130}), site(500), 0.3);
  CHECK(std::abs(out.to(at::kDouble).mean().item<double>() - 1) < 0.01);
  CHECK(std::abs((out == 0).to(at::kDouble).mean().item<double>() - 0.3) < 0.01);
  CHECK(out.max().item<double>() == doctest::Approx(1 / 0.7));
}

TEST_CASE("dropout: a mask belongs to layer, step, environment and example") {
  const at::Tensor x = at::ones({2, 10, 40});
  const at::Tensor out = dropout(x, site(10), 0.5);
  CHECK_FALSE(out[0].equal(out[1]));
  CHECK_FALSE(dropout(x, site(10, 1), 0.5).equal(out));
  CHECK_FALSE(dropout(x, site(10, 0, 4), 0.5).equal(out));
  DropoutSite part = site(10);
  part.index = part.index.narrow(0, 4, 3);
  CHECK(dropout(at::ones({2, 3, 40}), part, 0.5).equal(out.narrow(1, 4, 3)));
}

TEST_CASE("dropout: probability 0 is the identity, empty stays empty") {
  const at::Tensor x = normal({1, 4, 5}, at::kDouble);
  CHECK(dropout(x, site(4), 0).equal(x));
  CHECK(dropout(at::zeros({2, 0, 5}), site(0), 0.5).numel() == 0);
}

}  // namespace
}  // namespace cmir::test
