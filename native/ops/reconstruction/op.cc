#include "ops/reconstruction/op.h"

#include "base/loss_op.h"
#include "ops/reconstruction/launch.h"

namespace cmir {
namespace {

void check(const at::Tensor& output, const at::Tensor& target) {
  TORCH_CHECK(
      output.dim() == 3 && (target.dim() == 3 || target.dim() == 2) &&
          same_sizes(target.sym_sizes(), output.sym_sizes().slice(target.dim() == 3 ? 0 : 1)),
      "reconstruction: expected output [E, B, D] and target [E, B, D] or [B, D], found ",
      output.sym_sizes(),
      " and ",
      target.sym_sizes()
  );
  check_floating("reconstruction", "output", output);
  TORCH_CHECK(
      output.scalar_type() == target.scalar_type(),
      "reconstruction: expected one type, found ",
      type_name(output.scalar_type()),
      " and ",
      type_name(target.scalar_type())
  );
}

std::tuple<at::Tensor, at::Tensor> on_cpu(const at::Tensor& output, const at::Tensor& target) {
  check(output, target);
  at::Tensor gradient = at::empty_like(output, at::MemoryFormat::Contiguous);
  if (output.numel() == 0) return {output.new_zeros({}), gradient};
  const at::Tensor o = output.contiguous(), t = target.contiguous();
  const ReconstructionArguments arguments = reconstruction_arguments(output, target);
  double sum = 0;
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, output.scalar_type(), "reconstruction", [&] {
    sum = reconstruction_cpu(
        arguments,
        o.const_data_ptr<scalar_t>(),
        t.const_data_ptr<scalar_t>(),
        gradient.mutable_data_ptr<scalar_t>()
    );
  });
  return {at::scalar_tensor(sum * arguments.gradient_scale / 2, output.options()), gradient};
}

/** The same composed of LibTorch's operations, for a build without CUDA kernels. */
std::tuple<at::Tensor, at::Tensor> composed(const at::Tensor& output, const at::Tensor& target) {
  if (output.numel() == 0) return {output.new_zeros({}), at::zeros_like(output)};
  at::Tensor difference = output - target;
  at::Tensor value = difference.square().mean();
  return {value, difference.mul_(2 / static_cast<double>(output.numel()))};
}

std::tuple<at::Tensor, at::Tensor> on_cuda(const at::Tensor& output, const at::Tensor& target) {
  check(output, target);
  check_same_device("reconstruction", output, target);
  if constexpr (kCudaKernels) {
    return reconstruction_on_device(output, target);
  } else {
    return composed(output, target);
  }
}

std::tuple<at::Tensor, at::Tensor> meta(const at::Tensor& output, const at::Tensor& target) {
  check(output, target);
  return {output.new_empty({}), at::empty_like(output, at::MemoryFormat::Contiguous)};
}

at::Tensor autograd(const at::Tensor& output, const at::Tensor& target) {
  TORCH_CHECK(
      !target.requires_grad(),
      "reconstruction: the target is a constant; detach it, it requires grad"
  );
  return differentiable_loss(output, std::nullopt, [&]() -> LossWithGradients {
    auto [value, gradient] = reconstruction_with_gradient(output, target);
    return {value, {gradient}};
  });
}

template <at::DeviceType device>
at::Tensor autocast(const at::Tensor& output, const at::Tensor& target) {
  return in_float32<device>(reconstruction, output, target);
}

}  // namespace

ReconstructionArguments reconstruction_arguments(
    const at::Tensor& output, const at::Tensor& target
) {
  return {
      .environments = output.size(0),
      .rows = output.size(1),
      .columns = output.size(2),
      .shared_target = target.dim() == 2,
      .gradient_scale = 2 / static_cast<double>(output.numel()),
  };
}

at::Tensor reconstruction(const at::Tensor& output, const at::Tensor& target) {
  static const auto op = find_operator<decltype(reconstruction)>("cmir::reconstruction");
  return op.call(output, target);
}

std::tuple<at::Tensor, at::Tensor> reconstruction_with_gradient(
    const at::Tensor& output, const at::Tensor& target
) {
  static const auto op =
      find_operator<decltype(reconstruction_with_gradient)>("cmir::_reconstruction");
  return op.call(output, target);
}

TORCH_LIBRARY_FRAGMENT(cmir, library) {
  library.def("reconstruction(Tensor output, Tensor target) -> Tensor");
  library.def("_reconstruction(Tensor output, Tensor target) -> (Tensor, Tensor)");
}
TORCH_LIBRARY_IMPL(cmir, CPU, library) { library.impl("_reconstruction", on_cpu); }
TORCH_LIBRARY_IMPL(cmir, CUDA, library) { library.impl("_reconstruction", on_cuda); }
TORCH_LIBRARY_IMPL(cmir, Meta, library) { library.impl("_reconstruction", meta); }
TORCH_LIBRARY_IMPL(cmir, CompositeExplicitAutograd, library) {
  library.impl("reconstruction", [](const at::Tensor& output, const at::Tensor& target) {
    return std::get<0>(reconstruction_with_gradient(output, target));
  });
}
TORCH_LIBRARY_IMPL(cmir, Autograd, library) {
  library.impl("reconstruction", autograd);
  library.impl("_reconstruction", [](const at::Tensor& output, const at::Tensor& target) {
    return below_autograd("reconstruction", reconstruction_with_gradient, output, target);
  });
}

TORCH_LIBRARY_IMPL(cmir, AutocastCPU, library) {
  library.impl("reconstruction", autocast<at::kCPU>);
}
TORCH_LIBRARY_IMPL(cmir, AutocastCUDA, library) {
  library.impl("reconstruction", autocast<at::kCUDA>);
}

}  // namespace cmir
