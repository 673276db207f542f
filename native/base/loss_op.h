#pragma once

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <optional>
#include <utility>

namespace cmir {

namespace detail {

/**
 * incoming * gradient. The gradient is saved as a constant though it depends on the inputs: they
 * are taken along, unused, so that differentiating the product again arrives here instead of
 * leaving that part out.
 */
struct ScaleGradient : torch::autograd::Function<ScaleGradient> {
  static at::Tensor forward(
      torch::autograd::AutogradContext*,
      const at::Tensor& incoming,
      const at::Tensor& gradient,
      const at::Tensor&,
      const std::optional<at::Tensor>&
  ) {
    return incoming * gradient;
  }
  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext*, const torch::autograd::variable_list&
  ) {
    TORCH_CHECK(false, "cmir: the constraints cannot be differentiated twice");
  }
};

/** The one autograd of all constraints: the forward pass has the gradients already, backward scales
 * them. */
struct LossFunction : torch::autograd::Function<LossFunction> {
  template <class Evaluate>
  static at::Tensor forward(
      torch::autograd::AutogradContext* context,
      const at::Tensor& first,
      const std::optional<at::Tensor>& second,
      const Evaluate& evaluate
  ) {
    at::AutoDispatchBelowADInplaceOrView guard;
    auto [value, saved] = evaluate();
    context->saved_data["gradients"] = static_cast<int64_t>(saved.size());
    saved.push_back(first);
    if (second) saved.push_back(*second);
    context->save_for_backward(std::move(saved));
    return value;
  }
  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context, const torch::autograd::variable_list& incoming
  ) {
    const auto saved = context->get_saved_variables();
    torch::autograd::variable_list gradients(3);  // first, second, evaluate
    const auto count = static_cast<size_t>(context->saved_data["gradients"].toInt());
    const auto& first = saved[count];
    const auto second = saved.size() > count + 1 ? std::optional(saved[count + 1]) : std::nullopt;
    for (size_t i = 0; i < count; ++i) {
      gradients[i] = ScaleGradient::apply(incoming[0], saved[i], first, second);
    }
    return gradients;
  }
};

}  // namespace detail

/** A constraint's value with its gradients in the inputs it is differentiated in. */
using LossWithGradients = std::pair<at::Tensor, torch::autograd::variable_list>;

/** A constraint's value, differentiable once; `evaluate` yields it together with its gradients. */
template <class Evaluate>
at::Tensor differentiable_loss(
    const at::Tensor& first, const std::optional<at::Tensor>& second, const Evaluate& evaluate
) {
  return detail::LossFunction::apply(first, second, evaluate);
}

/**
 * `evaluate` below autograd, for operators that return their gradients themselves: these are
 * constants to autograd, so inputs that ask for more are refused rather than answered with none.
 */
template <class Evaluate, class... Tensors>
auto below_autograd(const char* op, const Evaluate& evaluate, const Tensors&... inputs) {
  TORCH_CHECK(
      !(at::GradMode::is_enabled() && (... || inputs.requires_grad())) &&
          !(... || inputs._fw_grad(/*level=*/0).defined()),
      "_",
      op,
      ": it returns its gradients and cannot be differentiated; call ",
      op,
      ", or detach the inputs"
  );
  const at::AutoDispatchBelowADInplaceOrView guard;
  return evaluate(inputs...);
}

/**
 * Under autocast the constraints are computed in float32, as LibTorch's own losses are: calls
 * `operate` with autocast switched off and the inputs cast.
 */
template <at::DeviceType device, class Operate, class... Tensors>
at::Tensor in_float32(const Operate& operate, const Tensors&... inputs) {
  const c10::impl::ExcludeDispatchKeyGuard guard(
      c10::DispatchKeySet{c10::DispatchKey::AutocastCPU, c10::DispatchKey::AutocastCUDA}
  );
  return operate(at::autocast::cached_cast(at::kFloat, inputs, device)...);
}

/** The dispatcher's entry of an operator, looked up once. */
template <class Signature>
c10::TypedOperatorHandle<Signature> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

/** Type names as users write them. */
inline const char* type_name(at::ScalarType type) {
  return type == at::kFloat      ? "float32"
         : type == at::kDouble   ? "float64"
         : type == at::kBFloat16 ? "bfloat16"
                                 : c10::toString(type);
}

/** Whether shapes are the same; what torch.compile cannot know yet is checked when the program
 * runs. */
inline bool same_sizes(c10::SymIntArrayRef first, c10::SymIntArrayRef second) {
  if (first.size() != second.size()) return false;
  for (size_t i = 0; i < first.size(); ++i) {
    if (!first[i].sym_eq(second[i]).expect_true(__FILE__, __LINE__)) return false;
  }
  return true;
}

/** Refuses all but the types that the operators take. */
inline void check_floating(const char* op, const char* argument, const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  TORCH_CHECK(
      type == at::kFloat || type == at::kDouble || type == at::kBFloat16,
      op,
      ": expected ",
      argument,
      " of float32, float64 or bfloat16, found ",
      type_name(type)
  );
}

/** Refuses inputs that do not lie together: kernels take their addresses. */
inline void check_same_device(const char* op, const at::Tensor& first, const at::Tensor& second) {
  TORCH_CHECK(
      first.device() == second.device(),
      op,
      ": expected all inputs on one device, found ",
      first.device(),
      " and ",
      second.device()
  );
}

}  // namespace cmir
