#include "ops/invariance/op.h"

#include "base/loss_op.h"
#include "ops/invariance/launch.h"

namespace cmir {
namespace {

void check(const at::Tensor& z) {
  TORCH_CHECK(
      z.dim() >= 1 && z.sym_size(0).sym_ge(2).expect_true(__FILE__, __LINE__),
      "invariance: expected z of [E, ...] with at least 2 environments, found ",
      z.sym_sizes()
  );
  check_floating("invariance", "z", z);
}

std::tuple<at::Tensor, at::Tensor> on_cpu(const at::Tensor& z) {
  check(z);
  at::Tensor gradient = at::empty_like(z, at::MemoryFormat::Contiguous);
  if (z.numel() == 0) return {z.new_zeros({}), gradient};
  const InvarianceInput input(z);
  double sum = 0;
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, z.scalar_type(), "invariance", [&] {
    sum = invariance_cpu(
        input.arguments, input.z.const_data_ptr<scalar_t>(), gradient.mutable_data_ptr<scalar_t>()
    );
  });
  return {at::scalar_tensor(sum * input.scale, z.options()), gradient};
}

/** The same composed of LibTorch's operations, for a build without CUDA kernels. */
std::tuple<at::Tensor, at::Tensor> composed(const at::Tensor& z) {
  at::Tensor value = z.new_zeros({});
  at::Tensor gradient = at::zeros_like(z, at::MemoryFormat::Contiguous);
  if (z.numel() == 0) return {value, gradient};
  // Over ordered pairs: twice the sum of the value.
  for (int64_t i = 0; i < z.size(0); ++i) {
    const at::Tensor difference = z.select(0, i).unsqueeze(0) - z;  // [E, ...]
    value.add_(difference.abs().sum());
    gradient.select(0, i).copy_(difference.sign().sum(0));
  }
  const double scale = 2 / static_cast<double>((z.size(0) - 1) * z.numel());
  return {value.mul_(scale / 2), gradient.mul_(scale)};
}

std::tuple<at::Tensor, at::Tensor> on_cuda(const at::Tensor& z) {
  check(z);
  if constexpr (kCudaKernels) {
    return invariance_on_device(z);
  } else {
    return composed(z);
  }
}

std::tuple<at::Tensor, at::Tensor> meta(const at::Tensor& z) {
  check(z);
  return {z.new_empty({}), at::empty_like(z, at::MemoryFormat::Contiguous)};
}

at::Tensor autograd(const at::Tensor& z) {
  return differentiable_loss(z, std::nullopt, [&z]() -> LossWithGradients {
    auto [value, gradient] = invariance_with_gradient(z);
    return {value, {gradient}};
  });
}

template <at::DeviceType device>
at::Tensor autocast(const at::Tensor& z) {
  return in_float32<device>(invariance, z);
}

}  // namespace

// Halves of a wider tensor, as the encoder gives them, are read where they are.
InvarianceInput::InvarianceInput(const at::Tensor& all) {
  const bool rows_of_three = all.dim() == 3 && all.stride(2) == 1;
  z = rows_of_three ? all : all.contiguous();
  const int64_t environments = z.size(0), columns = z.dim() > 1 ? z.size(-1) : 1;
  const int64_t rows = z.numel() / (environments * columns);
  scale = 2 / static_cast<double>((environments - 1) * z.numel());
  arguments = {
      .environments = environments,
      .rows = rows,
      .columns = columns,
      .environment_stride = rows_of_three ? z.stride(0) : rows * columns,
      .row_stride = rows_of_three ? z.stride(1) : columns,
      .gradient_environment_stride = rows * columns,
      .gradient_row_stride = columns,
      .gradient_scale = scale,
  };
}

at::Tensor invariance(const at::Tensor& z) {
  static const auto op = find_operator<decltype(invariance)>("cmir::invariance");
  return op.call(z);
}

std::tuple<at::Tensor, at::Tensor> invariance_with_gradient(const at::Tensor& z) {
  static const auto op = find_operator<decltype(invariance_with_gradient)>("cmir::_invariance");
  return op.call(z);
}

TORCH_LIBRARY_FRAGMENT(cmir, library) {
  library.def("invariance(Tensor z) -> Tensor");
  library.def("_invariance(Tensor z) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(cmir, CPU, library) { library.impl("_invariance", on_cpu); }
TORCH_LIBRARY_IMPL(cmir, CUDA, library) { library.impl("_invariance", on_cuda); }
TORCH_LIBRARY_IMPL(cmir, Meta, library) { library.impl("_invariance", meta); }
TORCH_LIBRARY_IMPL(cmir, CompositeExplicitAutograd, library) {
  library.impl("invariance", [](const at::Tensor& z) {
    return std::get<0>(invariance_with_gradient(z));
  });
}
TORCH_LIBRARY_IMPL(cmir, Autograd, library) {
  library.impl("invariance", autograd);
  library.impl("_invariance", [](const at::Tensor& z) {
    return below_autograd("invariance", invariance_with_gradient, z);
  });
}

TORCH_LIBRARY_IMPL(cmir, AutocastCPU, library) { library.impl("invariance", autocast<at::kCPU>); }
TORCH_LIBRARY_IMPL(cmir, AutocastCUDA, library) { library.impl("invariance", autocast<at::kCUDA>); }

}  // namespace cmir
