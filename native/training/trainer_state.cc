#include <ATen/ATen.h>

#include "training/scope.h"
#include "training/trainer.h"

namespace cmir {

std::map<std::string, at::Tensor> Trainer::tensors(bool optimizer) const {
  const Parameters& parameters = model_.parameters();
  std::map<std::string, at::Tensor> all =
      parameters.split(averaged_.defined() ? averaged_ : parameters.flat());
  for (size_t m = 0; m < normalizers_.size(); ++m) {
    const std::string name = "normalizer." + config_.modalities[m].name;
    all[name + ".mean"] = normalizers_[m].mean;
    all[name + ".std"] = normalizers_[m].std;
  }
  if (!optimizer) return all;
  const auto add = [&](const std::string& prefix, const at::Tensor& buffer) {
    for (auto& [name, view] : parameters.split(buffer)) all[prefix + name] = view;
  };
  add("optimizer.exp_avg.", optimizer_.exp_avg);
  add("optimizer.exp_avg_sq.", optimizer_.exp_avg_sq);
  if (averaged_.defined()) add("optimizer.weights.", parameters.flat());
  return all;
}

TrainerState Trainer::state(bool optimizer) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TrainerState state{.step = optimizer_.steps(), .tensors = tensors(optimizer)};
  for (auto& [name, tensor] : state.tensors) {
    tensor = tensor.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  }
  return state;
}

void Trainer::set_state(const TrainerState& state) {
  const Scope scope(mutex_, config_, options_, stream_.get());
  at::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(state.step >= 0, "step: expected at least 0, found ", state.step);
  const auto model = tensors(false);
  const auto all = tensors(true);
  bool has_optimizer = false;
  for (const auto& [name, tensor] : state.tensors) {
    const auto found = all.find(name);
    TORCH_CHECK_VALUE(found != all.end(), "unknown tensor '", name, "'");
    TORCH_CHECK_VALUE(
        tensor.sizes() == found->second.sizes(),
        "tensor '",
        name,
        "': expected shape ",
        found->second.sizes(),
        ", found ",
        tensor.sizes()
    );
    has_optimizer = has_optimizer || name.starts_with("optimizer.");
  }
  for (const auto& [name, tensor] : has_optimizer ? all : model) {
    TORCH_CHECK_VALUE(state.tensors.contains(name), "missing tensor '", name, "'");
  }
  optimizer_.exp_avg.zero_();
  optimizer_.exp_avg_sq.zero_();
  for (const auto& [name, tensor] : state.tensors) all.at(name).copy_(tensor);
  if (averaged_.defined() && !has_optimizer) model_.parameters().flat().copy_(averaged_);
  optimizer_.set_steps(state.step);
}

}  // namespace cmir
