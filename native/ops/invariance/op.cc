#include "ops/invariance/op.h"

#include "base/loss_op.h"

namespace cmir {
namespace {

void check(const at::Tensor& z) {
  TORCH_CHECK(
      z.dim() >= 1 && z.sym_size(0) >= 2,
      "invariance: expected z of [E, ...] with at least 2 environments, found ",
      z.sym_sizes()
  );
  check_floating("invariance", "z", z);
}

std::tuple<at::Tensor, at::Tensor> evaluate(const at::Tensor& z) {
  check(z);
  at::Tensor value = z.new_zeros({});
  at::Tensor gradient = at::zeros_like(z, at::MemoryFormat::Contiguous);
  if (z.numel() == 0) return {value, gradient};

  // Over ordered pairs: the value is |z_i - z_j| summed, the gradient of z_i its signs summed
  // (twice).
  const int64_t environments = z.size(0);
  for (int64_t i = 0; i < environments; ++i) {
    const at::Tensor difference = z.select(0, i).unsqueeze(0) - z;  // [E, ...]
    value.add_(difference.abs().sum());
    gradient.select(0, i).copy_(difference.sign().sum(0));
  }
  const auto elements = static_cast<double>(z.numel() / environments);
  const double scale = 1 / (static_cast<double>(environments * (environments - 1)) * elements);
  return {value.mul_(scale), gradient.mul_(2 * scale)};
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

}  // namespace

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
TORCH_LIBRARY_IMPL(cmir, CPU, library) { library.impl("_invariance", evaluate); }
TORCH_LIBRARY_IMPL(cmir, CUDA, library) { library.impl("_invariance", evaluate); }
TORCH_LIBRARY_IMPL(cmir, Meta, library) { library.impl("_invariance", meta); }
TORCH_LIBRARY_IMPL(cmir, CompositeExplicitAutograd, library) {
  library.impl("invariance", [](const at::Tensor& z) {
    return std::get<0>(invariance_with_gradient(z));
  });
}
TORCH_LIBRARY_IMPL(cmir, Autograd, library) { library.impl("invariance", autograd); }

}  // namespace cmir
