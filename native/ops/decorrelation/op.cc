#include "ops/decorrelation/op.h"

#include "base/loss_op.h"
#include "ops/decorrelation/launch.h"

namespace cmir {
namespace {

constexpr double kEpsilon = 1e-12;

using Losses = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

void check(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  TORCH_CHECK(
      invariant.dim() == 3 && same_sizes(invariant.sym_sizes(), spurious.sym_sizes()),
      "decorrelation: expected invariant and spurious of one shape [E, B, d], found ",
      invariant.sym_sizes(),
      " and ",
      spurious.sym_sizes()
  );
  check_floating("decorrelation", "invariant", invariant);
  TORCH_CHECK(
      invariant.scalar_type() == spurious.scalar_type(),
      "decorrelation: expected one type, found ",
      type_name(invariant.scalar_type()),
      " and ",
      type_name(spurious.scalar_type())
  );
  TORCH_CHECK(
      off_diagonal >= 0 && off_diagonal <= 1,
      "decorrelation: expected off_diagonal in [0, 1], found ",
      off_diagonal
  );
}

struct Normalized {
  at::Tensor rows;   // [E, B, d], each of length 1 (or shorter, where the norm is below epsilon)
  at::Tensor norms;  // [E, B, 1], at least epsilon
};

Normalized normalize(const at::Tensor& z) {
  at::Tensor norms = at::linalg_vector_norm(z, 2, {-1}, /*keepdim=*/true).clamp_min_(kEpsilon);
  return {z / norms, norms};
}

/** The gradient in z of a loss with gradient g in a = z / |z|: (g - a (a . g)) / |z|. */
at::Tensor through_normalize(const Normalized& a, const at::Tensor& g) {
  // Where the norm was clamped, a is z / epsilon and has no radial part to take out.
  const at::Tensor radial = (a.rows * g).sum(-1, true).mul_(a.norms > kEpsilon);
  return (g - a.rows * radial).div_(a.norms);
}

Losses on_cpu(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  check(invariant, spurious, off_diagonal);
  const auto type = invariant.scalar_type();
  if (type == at::kBFloat16) {
    auto [value, first, second] =
        on_cpu(invariant.to(at::kFloat), spurious.to(at::kFloat), off_diagonal);
    return {value.to(type), first.to(type), second.to(type)};
  }
  const auto format = at::MemoryFormat::Contiguous;
  at::Tensor first = at::empty_like(invariant, format), second = at::empty_like(spurious, format);
  if (invariant.numel() == 0) return {invariant.new_zeros({}), first, second};

  const DecorrelationInput input(invariant, spurious, off_diagonal);
  const DecorrelationArguments& arguments = input.arguments;
  const at::Tensor scratch = at::empty(
      {decorrelation_scratch(arguments.environments * arguments.batch, arguments.columns)},
      invariant.options()
  );
  double sum = 0;
  AT_DISPATCH_FLOATING_TYPES(type, "decorrelation", [&] {
    sum = decorrelation_cpu(
        arguments,
        input.invariant.const_data_ptr<scalar_t>(),
        input.spurious.const_data_ptr<scalar_t>(),
        first.mutable_data_ptr<scalar_t>(),
        second.mutable_data_ptr<scalar_t>(),
        scratch.mutable_data_ptr<scalar_t>()
    );
  });
  return {at::scalar_tensor(sum * arguments.gradient_scale, invariant.options()), first, second};
}

/** The same composed of LibTorch's operations, for a build without CUDA kernels. */
Losses composed(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  if (invariant.numel() == 0) {
    return {invariant.new_zeros({}), at::zeros_like(invariant), at::zeros_like(spurious)};
  }
  const int64_t environments = invariant.size(0), batch = invariant.size(1),
                latent = invariant.size(2);
  const Normalized a = normalize(invariant), b = normalize(spurious);
  const double off = off_diagonal * off_diagonal;  // w_ij^2
  const double scale = 1 / static_cast<double>(environments * batch);

  const at::Tensor diagonal = (a.rows * b.rows).sum(-1, true);  // [E, B, 1], a_i . b_i
  at::Tensor value = diagonal.square().sum().mul_(1 - off);
  at::Tensor gradient_a, gradient_b;  // [E, B, d]
  if (batch < latent) {
    const at::Tensor c = at::bmm(a.rows, b.rows.mT());  // [E, B, B]
    value.add_(c.square().sum(), off);
    gradient_a = at::bmm(c, b.rows).mul_(off);
    gradient_b = at::bmm(c.mT(), a.rows).mul_(off);
  } else {
    const at::Tensor gram_a = at::bmm(a.rows.mT(), a.rows);  // [E, d, d]
    const at::Tensor gram_b = at::bmm(b.rows.mT(), b.rows);
    value.add_((gram_a * gram_b).sum(), off);
    gradient_a = at::bmm(a.rows, gram_b).mul_(off);
    gradient_b = at::bmm(b.rows, gram_a).mul_(off);
  }
  gradient_a.add_(diagonal * b.rows, 1 - off).mul_(2 * scale);
  gradient_b.add_(diagonal * a.rows, 1 - off).mul_(2 * scale);
  return {value.mul_(scale), through_normalize(a, gradient_a), through_normalize(b, gradient_b)};
}

Losses on_cuda(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  check(invariant, spurious, off_diagonal);
  check_same_device("decorrelation", invariant, spurious);
  if constexpr (kCudaKernels) {
    return decorrelation_on_device(invariant, spurious, off_diagonal);
  } else {
    return composed(invariant, spurious, off_diagonal);
  }
}

Losses meta(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  check(invariant, spurious, off_diagonal);
  const auto format = at::MemoryFormat::Contiguous;
  return {
      invariant.new_empty({}), at::empty_like(invariant, format), at::empty_like(spurious, format)
  };
}

at::Tensor autograd(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  return differentiable_loss(invariant, spurious, [&]() -> LossWithGradients {
    auto [value, first, second] = decorrelation_with_gradients(invariant, spurious, off_diagonal);
    return {value, {first, second}};
  });
}

template <at::DeviceType device>
at::Tensor autocast(const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
  return in_float32<device>(
      [&](const at::Tensor& a, const at::Tensor& b) { return decorrelation(a, b, off_diagonal); },
      invariant,
      spurious
  );
}

}  // namespace

// Two halves of a wider tensor, as the encoder gives them, are read where they are.
DecorrelationInput::DecorrelationInput(
    const at::Tensor& first, const at::Tensor& second, double off_diagonal
) {
  const int64_t environments = first.size(0), batch = first.size(1), columns = first.size(2),
                stride = first.stride(1);
  const bool in_place = first.strides() == second.strides() && first.stride(2) == 1 &&
                        first.stride(0) == batch * stride;
  invariant = in_place ? first : first.contiguous();
  spurious = in_place ? second : second.contiguous();
  arguments = {
      .environments = environments,
      .batch = batch,
      .columns = columns,
      .input_stride = in_place ? stride : columns,
      .gradient_stride = columns,
      .off_diagonal = off_diagonal,
      .gradient_scale = 1 / static_cast<double>(environments * batch),
      .accumulate = false,
  };
}

at::Tensor decorrelation(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
) {
  static const auto op = find_operator<decltype(decorrelation)>("cmir::decorrelation");
  return op.call(invariant, spurious, off_diagonal);
}

Losses decorrelation_with_gradients(
    const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal
) {
  static const auto op =
      find_operator<decltype(decorrelation_with_gradients)>("cmir::_decorrelation");
  return op.call(invariant, spurious, off_diagonal);
}

TORCH_LIBRARY_FRAGMENT(cmir, library) {
  library.def("decorrelation(Tensor invariant, Tensor spurious, float off_diagonal) -> Tensor");
  library.def(
      "_decorrelation(Tensor invariant, Tensor spurious, float off_diagonal) "
      "-> (Tensor, Tensor, Tensor)"
  );
}
TORCH_LIBRARY_IMPL(cmir, CPU, library) { library.impl("_decorrelation", on_cpu); }
TORCH_LIBRARY_IMPL(cmir, CUDA, library) { library.impl("_decorrelation", on_cuda); }
TORCH_LIBRARY_IMPL(cmir, Meta, library) { library.impl("_decorrelation", meta); }
TORCH_LIBRARY_IMPL(cmir, CompositeExplicitAutograd, library) {
  library.impl(
      "decorrelation",
      [](const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
        return std::get<0>(decorrelation_with_gradients(invariant, spurious, off_diagonal));
      }
  );
}
TORCH_LIBRARY_IMPL(cmir, Autograd, library) {
  library.impl("decorrelation", autograd);
  library.impl(
      "_decorrelation",
      [](const at::Tensor& invariant, const at::Tensor& spurious, double off_diagonal) {
        return below_autograd(
            "decorrelation",
            [off_diagonal](const at::Tensor& a, const at::Tensor& b) {
              return decorrelation_with_gradients(a, b, off_diagonal);
            },
            invariant,
            spurious
        );
      }
  );
}

TORCH_LIBRARY_IMPL(cmir, AutocastCPU, library) {
  library.impl("decorrelation", autocast<at::kCPU>);
}
TORCH_LIBRARY_IMPL(cmir, AutocastCUDA, library) {
  library.impl("decorrelation", autocast<at::kCUDA>);
}

}  // namespace cmir
