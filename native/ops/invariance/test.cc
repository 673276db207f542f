#include <limits>

#include "ops/invariance/launch.h"
#include "ops/invariance/op.h"
#include "ops/invariance/reference.h"
#include "test/check.h"

namespace cmir::test {
namespace {

using Inputs = std::vector<at::Tensor>;

at::Tensor op(const Inputs& inputs) { return invariance(inputs[0]); }
at::Tensor naive(const Inputs& inputs) { return reference::invariance(inputs[0]); }

TEST_CASE("invariance: value and gradient are those of the definition") {
  for (const auto type : kTypes) {
    for (const int64_t environments : {2, 3, 5, 8, 17}) {
      check_same(op, naive, {normal({environments, 7, 5}, type)});
      check_same(op, naive, {normal({environments, 1, 1}, type)});
    }
  }
}

TEST_CASE("invariance: halves of a wider tensor, transposed and one-dimensional input") {
  const at::Tensor wide = normal({3, 6, 10}, at::kDouble);
  check_same(op, naive, {wide.narrow(-1, 0, 5)});
  check_same(op, naive, {wide.transpose(1, 2)});
  check_same(op, naive, {normal({4}, at::kDouble)});
}

TEST_CASE("invariance: ties have gradient 0") {
  const at::Tensor same = normal({1, 4, 3}, at::kFloat).expand({5, 4, 3});
  const auto result = differentiate(op, {same});
  CHECK(result[0].item<double>() == 0);
  CHECK(result[1].abs().max().item<double>() == 0);
}

TEST_CASE("invariance: a large common offset costs no accuracy") {
  // Multiples of 1/8 are exact in float32 beside the offset.
  const at::Tensor z = (normal({4, 8, 8}, at::kDouble) * 8).round() / 8;
  check_close(invariance((z + 65536).to(at::kFloat)), reference::invariance(z));
}

TEST_CASE("invariance: empty is 0, NaN stays NaN") {
  CHECK(invariance(at::zeros({3, 0, 5})).item<double>() == 0);
  at::Tensor z = normal({3, 2, 2}, at::kFloat);
  z[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(invariance(z).item<double>()));
}

TEST_CASE("invariance: refuses one environment, integers, double backward") {
  check_throws([] { invariance(at::zeros({1, 3})); }, "at least 2 environments");
  check_throws([] { invariance(at::zeros({2, 3}, at::kInt)); }, "float32, float64 or bfloat16");
  check_throws(
      [] {
        const at::Tensor z = normal({3, 4}, at::kDouble).requires_grad_(true);
        const auto loss = invariance(z).square();
        const auto first = torch::autograd::grad({loss}, {z}, {}, true, true);
        first[0].sum().backward();
      },
      "cannot be differentiated twice"
  );
}

TEST_CASE("invariance: the CUDA kernel gives the CPU's value and gradient") {
  const auto device = kernel_device();
  if (!device) return;
  const auto check = [&](const at::Tensor& z) {
    INFO("shape " << z.sizes() << " " << z.scalar_type());
    const auto [value, gradient] = invariance_on_device(z.to(*device));
    const auto [expected, exact] = invariance_with_gradient(z.to(at::kDouble));
    check_close(value.cpu(), expected);
    check_close(gradient.cpu(), exact);
  };
  for (const auto type : kAllTypes) {
    for (const int64_t environments : {2, 3, 4, 5, 6, 7, 8, 9, 17}) {
      check(normal({environments, 7, 5}, type));
    }
    check(normal({2}, type));
    check(normal({3, 1, 1}, type));
    check(normal({3, 33, 130}, type));
    check(normal({4, 3, 1029}, type));
    check(normal({4, 300, 2}, type));
    check(normal({3, 0, 2}, type));
    check(normal({2, 3, 4, 5}, type));
    check(normal({1, 4, 3}, type).expand({5, 4, 3}));  // ties
  }
  // Halves of a wider tensor, rows not contiguous.
  const at::Tensor wide = normal({3, 6, 10}, at::kFloat);
  const auto [value, gradient] = invariance_on_device(wide.to(*device).narrow(-1, 5, 5));
  check_close(gradient.cpu(), std::get<1>(invariance_with_gradient(wide.narrow(-1, 5, 5))));
  at::Tensor nan = normal({3, 2, 2}, at::kFloat);
  nan[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(std::get<0>(invariance_on_device(nan.to(*device))).item<double>()));
}

}  // namespace
}  // namespace cmir::test
