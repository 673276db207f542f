#include <limits>

#include "ops/decorrelation/launch.h"
#include "ops/decorrelation/op.h"
#include "ops/decorrelation/reference.h"
#include "test/check.h"

namespace cmir::test {
namespace {

using Inputs = std::vector<at::Tensor>;

constexpr double kOff = 0.3;

at::Tensor op(const Inputs& inputs) { return decorrelation(inputs[0], inputs[1], kOff); }
at::Tensor naive(const Inputs& inputs) {
  return reference::decorrelation(inputs[0], inputs[1], kOff);
}

TEST_CASE("decorrelation: value and gradients are those of the B x B matrix") {
  for (const auto type : kTypes) {
    for (const int64_t batch : {1, 2, 5, 13, 40}) {  // below and above d: both ways of computing it
      for (const int64_t environments : {1, 3}) {
        check_same(
            op,
            naive,
            {normal({environments, batch, 9}, type, 1), normal({environments, batch, 9}, type, 2)}
        );
      }
    }
  }
}

TEST_CASE("decorrelation: any off-diagonal weight") {
  const at::Tensor a = normal({2, 20, 6}, at::kDouble, 1), b = normal({2, 20, 6}, at::kDouble, 2);
  for (const double off : {0.0, 0.5, 1.0}) {
    check_close(decorrelation(a, b, off), reference::decorrelation(a, b, off));
  }
}

TEST_CASE("decorrelation: halves of one tensor, as the encoder yields them") {
  const at::Tensor z = normal({3, 12, 8}, at::kDouble);
  check_same(op, naive, {z.narrow(-1, 0, 4), z.narrow(-1, 4, 4)});
}

TEST_CASE("decorrelation: zero rows and tiny rows have the gradient of the definition") {
  for (const double size : {0.0, 1e-20}) {
    at::Tensor a = normal({2, 10, 4}, at::kDouble, 1);
    a.select(1, 3).mul_(size);
    check_same(op, naive, {a, normal({2, 10, 4}, at::kDouble, 2)});
  }
}

TEST_CASE("decorrelation: huge rows do not overflow float32") {
  const at::Tensor a = normal({1, 16, 4}, at::kFloat, 1), b = normal({1, 16, 4}, at::kFloat, 2);
  check_close(decorrelation(a * 1e15, b * 1e15, kOff), decorrelation(a, b, kOff));
}

TEST_CASE("decorrelation: empty is 0, NaN stays NaN") {
  CHECK(decorrelation(at::zeros({2, 0, 3}), at::zeros({2, 0, 3}), kOff).item<double>() == 0);
  at::Tensor a = normal({1, 4, 4}, at::kFloat);
  a[0][1][2] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(decorrelation(a, normal({1, 4, 4}, at::kFloat), kOff).item<double>()));
}

TEST_CASE("decorrelation: refuses other shapes, types and weights") {
  const at::Tensor a = at::zeros({2, 3, 4});
  check_throws([&] { decorrelation(a, at::zeros({2, 3, 5}), kOff); }, "one shape");
  check_throws([&] { decorrelation(a[0], a[0], kOff); }, "[E, B, d]");
  check_throws([&] { decorrelation(a, a.to(at::kDouble), kOff); }, "one type");
  check_throws([&] { decorrelation(a, a, 1.5); }, "[0, 1]");
}

TEST_CASE("decorrelation: the CUDA kernels give the CPU's value and gradients") {
  const auto device = kernel_device();
  if (!device) return;
  const auto check = [&](const at::Tensor& a, const at::Tensor& b, double off = kOff) {
    INFO("shape " << a.sizes() << " " << a.scalar_type());
    const auto [value, first, second] = decorrelation_on_device(a.to(*device), b.to(*device), off);
    const auto [expected, exact_first, exact_second] =
        decorrelation_with_gradients(a.to(at::kDouble), b.to(at::kDouble), off);
    check_close(value.cpu(), expected);
    check_close(first.cpu(), exact_first);
    check_close(second.cpu(), exact_second);
  };
  for (const auto type : kAllTypes) {
    for (const int64_t batch : {0, 1, 2, 5, 13, 40}) {
      check(normal({3, batch, 9}, type, 1), normal({3, batch, 9}, type, 2));
    }
    check(normal({2, 70, 33}, type, 1), normal({2, 70, 33}, type, 2));
    check(normal({1, 3, 2}, type, 1), normal({1, 3, 2}, type, 2));
    for (const double off : {0.0, 1.0}) {
      check(normal({2, 20, 6}, type, 1), normal({2, 20, 6}, type, 2), off);
    }
  }
  const at::Tensor z = normal({3, 12, 8}, at::kDouble);
  const at::Tensor there = z.to(*device);
  check_close(
      std::get<2>(decorrelation_on_device(there.narrow(-1, 0, 4), there.narrow(-1, 4, 4), kOff))
          .cpu(),
      std::get<2>(decorrelation_with_gradients(z.narrow(-1, 0, 4), z.narrow(-1, 4, 4), kOff))
  );
  // Rows whose squares vanish or overflow, and zero rows.
  for (const double size : {0.0, 1e-20, 1e-30, 1e15}) {
    at::Tensor a = normal({2, 10, 4}, at::kFloat, 1);
    a.select(1, 3).mul_(size);
    const at::Tensor b = normal({2, 10, 4}, at::kFloat, 2);
    const auto [value, first, second] = decorrelation_on_device(a.to(*device), b.to(*device), kOff);
    const auto [expected, exact_first, exact_second] = decorrelation_with_gradients(a, b, kOff);
    check_close(value.cpu(), expected);
    check_close(first.cpu(), exact_first);
    check_close(second.cpu(), exact_second);
  }
  at::Tensor nan = normal({1, 4, 4}, at::kFloat);
  nan[0][1][2] = std::numeric_limits<float>::quiet_NaN();
  const auto found = decorrelation_on_device(nan.to(*device), nan.to(*device), kOff);
  CHECK(std::isnan(std::get<0>(found).item<double>()));
}

}  // namespace
}  // namespace cmir::test
