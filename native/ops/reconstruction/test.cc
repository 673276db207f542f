#include <array>
#include <limits>

#include "base/scratch.h"
#include "ops/reconstruction/launch.h"
#include "ops/reconstruction/op.h"
#include "ops/reconstruction/reference.h"
#include "test/check.h"

namespace cmir::test {
namespace {

using Inputs = std::vector<at::Tensor>;

TEST_CASE("reconstruction: value and gradient, with a target an environment or one for all") {
  for (const auto type : kTypes) {
    for (const bool clean : {false, true}) {
      const at::Tensor target =
          normal(clean ? std::vector<int64_t>{7, 5} : std::vector<int64_t>{3, 7, 5}, type, 2);
      check_same(
          [&](const Inputs& inputs) { return reconstruction(inputs[0], target); },
          [&](const Inputs& inputs) {
            return reference::reconstruction(inputs[0], target.to(at::kDouble));
          },
          {normal({3, 7, 5}, type, 1)}
      );
    }
  }
}

TEST_CASE("reconstruction: transposed input, one element, equal tensors") {
  const at::Tensor output = normal({2, 5, 3}, at::kDouble, 1).transpose(1, 2);
  const at::Tensor target = normal({2, 3, 5}, at::kDouble, 2);
  check_same(
      [&](const Inputs& inputs) { return reconstruction(inputs[0], target); },
      [&](const Inputs& inputs) { return reference::reconstruction(inputs[0], target); },
      {output}
  );
  CHECK(reconstruction(target, target).item<double>() == 0);
  CHECK(reconstruction(at::full({1, 1, 1}, 3.0), at::full({1, 1}, 1.0)).item<double>() == 4);
}

TEST_CASE("reconstruction: empty is 0, NaN stays NaN") {
  CHECK(reconstruction(at::zeros({2, 0, 3}), at::zeros({0, 3})).item<double>() == 0);
  CHECK(
      std::isnan(reconstruction(
                     at::zeros({1, 1, 1}), at::full({1, 1}, std::numeric_limits<float>::quiet_NaN())
      )
                     .item<double>())
  );
}

TEST_CASE("reconstruction: refuses other shapes and types, and a target that requires grad") {
  const at::Tensor output = at::zeros({2, 3, 4});
  check_throws([&] { reconstruction(output, at::zeros({3, 5})); }, "target [E, B, D] or [B, D]");
  check_throws([&] { reconstruction(output[0], output[0]); }, "output [E, B, D]");
  check_throws([&] { reconstruction(output, output.to(at::kDouble)); }, "one type");
  check_throws(
      [&] { reconstruction(output, at::zeros({3, 4}).requires_grad_(true)); },
      "target is a constant"
  );
}

TEST_CASE("reconstruction: the CUDA kernel gives the CPU's value and gradient") {
  const auto device = kernel_device();
  if (!device) return;
  const auto check = [&](const at::Tensor& output, const at::Tensor& target) {
    INFO("shape " << output.sizes() << " " << output.scalar_type());
    const auto [value, gradient] = reconstruction_on_device(output.to(*device), target.to(*device));
    const auto [expected, exact] =
        reconstruction_with_gradient(output.to(at::kDouble), target.to(at::kDouble));
    check_close(value.cpu(), expected);
    check_close(gradient.cpu(), exact);
  };
  for (const auto type : kAllTypes) {
    for (const auto& [rows, columns] : {std::pair{7, 5}, {1, 1}, {33, 130}, {300, 2}, {2, 1029}}) {
      const at::Tensor output = normal({3, rows, columns}, type, 1);
      check(output, normal({3, rows, columns}, type, 2));
      check(output, normal({rows, columns}, type, 2));
    }
    check(normal({3, 0, 2}, type), normal({0, 2}, type));
    check(normal({2, 5, 3}, type, 1).transpose(1, 2), normal({2, 3, 5}, type, 2));
  }
}

TEST_CASE("reconstruction: the CUDA kernel adds a bias, and rounds the gradient to bfloat16") {
  const auto device = kernel_device();
  if (!device) return;
  for (const auto& [rows, columns] : {std::pair{7, 5}, {1, 1}, {33, 130}}) {
    INFO("shape " << rows << " " << columns);
    const at::Tensor output = normal({3, rows, columns}, at::kFloat, 1).to(*device),
                     target = normal({3, rows, columns}, at::kFloat, 2).to(*device),
                     bias = normal({columns}, at::kFloat, 3).to(*device);
    const Scratch scratch(columns, output.options());
    const auto run = [&]<class Out>(const at::Tensor& from, const float* shift, const Out&) {
      const at::Tensor gradient = at::empty(
                           output.sizes(),
                           output.options().dtype(c10::CppTypeToScalarType<Out>::value)
                       ),
                       sums = at::empty_like(bias),
                       value = at::empty({}, output.options().dtype(at::kDouble));
      const ReconstructionArguments arguments{
          .environments = 3,
          .rows = rows,
          .columns = columns,
          .shared_target = false,
          .gradient_scale = 0.7,
      };
      reconstruction_cuda<float>(
          arguments,
          from.const_data_ptr<float>(),
          shift,
          target.const_data_ptr<float>(),
          mutable_kernel_data<Out>(gradient),
          sums.mutable_data_ptr<float>(),
          1,
          value.mutable_data_ptr<double>(),
          scratch.get(),
          current_stream()
      );
      return std::array{gradient, sums, value};
    };
    const auto plain = run(output + bias, nullptr, float{});
    const auto rounded = run(output, bias.const_data_ptr<float>(), at::BFloat16{});
    CHECK(rounded[0].equal(plain[0].to(at::kBFloat16)));
    for (const size_t i : {1, 2}) {  // value and sums are of what is not rounded
      check_close(rounded[i].cpu(), plain[i].cpu());
    }
  }
}

}  // namespace
}  // namespace cmir::test
