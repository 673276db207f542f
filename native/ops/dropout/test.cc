#include <array>

#include "base/rows.h"
#include "base/scratch.h"
#include "ops/dropout/kernel.h"
#include "ops/dropout/launch.h"
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

TEST_CASE("dropout: the CUDA kernel gives the CPU's mask") {
  const auto device = kernel_device();
  if (!device) return;
  for (const auto& [batch, columns] : {std::pair{1, 1}, {7, 5}, {3, 130}, {40, 64}, {2, 1029}}) {
    for (const double p : {0.2, 0.7}) {
      const at::Tensor ones = at::ones({3, batch, columns});
      const at::Tensor mask = dropout_mask_on_device(ones.to(*device), site(batch), p);
      CHECK(mask.cpu().equal(dropout(ones, site(batch), p)));
    }
  }
}

TEST_CASE("dropout: the CUDA kernels of a hidden layer give what the CPU's give") {
  const auto device = kernel_device();
  if (!device) return;
  for (const auto type : kTypes) {
    const Scratch scratch(1029, at::TensorOptions(*device));
    for (const auto& [batch, columns] : {std::pair{1, 1}, {7, 5}, {3, 130}, {130, 64}, {2, 1029}}) {
      for (const double p : {0.0, 0.4}) {
        INFO("shape " << batch << " " << columns << " " << type << " p " << p);
        at::Tensor x = normal({3, batch, columns}, type), gradient = normal(x.sizes(), type, 2);
        const at::Tensor index = at::arange(batch, at::kLong) * 3;
        at::Tensor parts = at::empty({RowChunks::kMaxChunks, columns}, type),
                   sums = at::empty({columns}, type);
        at::Tensor device_x = x.to(*device, false, true),
                   device_gradient = gradient.to(*device, false, true);
        const at::Tensor device_index = index.to(*device),
                         step = at::full({}, 3, device_index.options());
        at::Tensor device_sums = at::empty_like(sums, device_x.options());
        HiddenArguments a{
            .environments = 3,
            .batch = batch,
            .columns = columns,
            .index = index.const_data_ptr<int64_t>(),
            .step = 3,
            .key = {9, 0},
            .layer = 1,
            .probability = p,
        };
        AT_DISPATCH_FLOATING_TYPES(type, "hidden", [&] {
          const auto* from = x.const_data_ptr<scalar_t>();
          hidden_forward_cpu(a, x.mutable_data_ptr<scalar_t>());
          auto* rows = gradient.mutable_data_ptr<scalar_t>();
          auto* chunks = parts.mutable_data_ptr<scalar_t>();
          hidden_backward_cpu(a, from, rows, chunks, sums.mutable_data_ptr<scalar_t>());

          a.index = device_index.const_data_ptr<int64_t>();
          auto* there = device_x.mutable_data_ptr<scalar_t>();
          hidden_forward_cuda<scalar_t>(
              a, step.const_data_ptr<int64_t>(), there, /*bias=*/nullptr, there, current_stream()
          );
          auto* device_rows = device_gradient.mutable_data_ptr<scalar_t>();
          hidden_backward_cuda<scalar_t, scalar_t>(
              a,
              there,
              device_rows,
              device_rows,
              device_sums.mutable_data_ptr<scalar_t>(),
              scratch.get(),
              current_stream()
          );
        });
        check_close(device_x.cpu(), x);
        check_close(device_gradient.cpu(), gradient);
        check_close(device_sums.cpu(), sums);
        AT_DISPATCH_FLOATING_TYPES(type, "column_sums", [&] {
          column_sums_cuda(
              3 * batch,
              columns,
              device_x.const_data_ptr<scalar_t>(),
              /*rounded=*/nullptr,
              device_sums.mutable_data_ptr<scalar_t>(),
              scratch.get(),
              current_stream()
          );
        });
        check_close(device_sums.cpu(), x.sum(at::IntArrayRef{0, 1}));
      }
    }
  }
}

TEST_CASE("dropout: the CUDA kernels of a hidden layer add a bias, and round to bfloat16") {
  const auto device = kernel_device();
  if (!device) return;
  const Scratch scratch(130, at::TensorOptions(*device));
  for (const auto& [batch, columns] : {std::pair{1, 1}, {7, 5}, {130, 64}, {3, 130}}) {
    INFO("shape " << batch << " " << columns);
    const at::Tensor x = normal({3, batch, columns}, at::kFloat).to(*device),
                     bias = normal({columns}, at::kFloat, 2).to(*device),
                     gradient = normal(x.sizes(), at::kFloat, 3).to(*device),
                     index = at::arange(batch, at::kLong).to(*device),
                     step = at::full({}, 3, index.options());
    const HiddenArguments a{
        .environments = 3,
        .batch = batch,
        .columns = columns,
        .index = index.const_data_ptr<int64_t>(),
        .step = 0,
        .key = {9, 0},
        .layer = 1,
        .probability = 0.4,
    };
    /** Forward, backward and sums of one type of output. */
    const auto run = [&]<class Out>(const at::Tensor& from, const float* shift, const Out&) {
      const auto options = x.options().dtype(c10::CppTypeToScalarType<Out>::value);
      const at::Tensor out = at::empty(x.sizes(), options), back = at::empty(x.sizes(), options),
                       sums = at::empty_like(bias);
      hidden_forward_cuda<float>(
          a,
          step.const_data_ptr<int64_t>(),
          from.const_data_ptr<float>(),
          shift,
          mutable_kernel_data<Out>(out),
          current_stream()
      );
      hidden_backward_cuda<float>(
          a,
          kernel_data<Out>(out),
          gradient.const_data_ptr<float>(),
          mutable_kernel_data<Out>(back),
          sums.mutable_data_ptr<float>(),
          scratch.get(),
          current_stream()
      );
      return std::array{out, back, sums};
    };
    const auto plain = run(x + bias, nullptr, float{});
    const auto rounded = run(x, bias.const_data_ptr<float>(), at::BFloat16{});
    CHECK(rounded[0].equal(plain[0].to(at::kBFloat16)));
    CHECK(rounded[1].equal(plain[1].to(at::kBFloat16)));
    check_close(rounded[2].cpu(), plain[2].cpu());  // a sum of what is not rounded

    const at::Tensor copy = at::empty_like(rounded[0]), sums = at::empty_like(bias);
    column_sums_cuda(
        3 * batch,
        columns,
        x.const_data_ptr<float>(),
        mutable_kernel_data<at::BFloat16>(copy),
        sums.mutable_data_ptr<float>(),
        scratch.get(),
        current_stream()
    );
    CHECK(copy.equal(x.to(at::kBFloat16)));
    check_close(sums.cpu(), x.sum(at::IntArrayRef{0, 1}).cpu());
  }
}

}  // namespace
}  // namespace cmir::test
