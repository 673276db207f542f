#include "ops/perturb/op.h"

#include <cmath>
#include <vector>

#include "base/loss_op.h"
#include "ops/perturb/kernel.h"
#include "ops/perturb/launch.h"

namespace cmir {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  TORCH_CHECK(x.dim() >= 1, "perturb: x needs a batch dimension, found a scalar");
  check_floating("perturb", "x", x);
  TORCH_CHECK(
      index.scalar_type() == at::kLong && same_sizes(index.sym_sizes(), x.sym_sizes().slice(0, 1)),
      "perturb: expected index of int64 [",
      x.sym_size(0),
      "], found ",
      index.scalar_type(),
      " ",
      index.sym_sizes()
  );
  TORCH_CHECK(
      step.scalar_type() == at::kLong && step.dim() == 0,
      "perturb: expected step of int64 [], found ",
      step.scalar_type(),
      " ",
      step.sym_sizes()
  );
  TORCH_CHECK(
      modalities >= 1 && modalities < kMaxPerCounter && modality >= 0 && modality < modalities,
      "perturb: expected 0 <= modality < modalities < ",
      kMaxPerCounter,
      ", found ",
      modality,
      " of ",
      modalities
  );
  TORCH_CHECK(
      kinds.size() == intensities.size() && static_cast<int64_t>(kinds.size()) < kMaxPerCounter,
      "perturb: expected one intensity a kind, fewer than ",
      kMaxPerCounter,
      ", found ",
      kinds.size(),
      " kinds and ",
      intensities.size(),
      " intensities"
  );
  for (size_t e = 0; e < kinds.size(); ++e) {
    TORCH_CHECK(
        kinds[e] >= 0 && kinds[e] <= 3, "perturb: kinds[", e, "]: expected 0 to 3, found ", kinds[e]
    );
    TORCH_CHECK(
        std::isfinite(intensities[e]) && intensities[e] >= 0,
        "perturb: intensities[",
        e,
        "]: expected a finite number of at least 0, found ",
        intensities[e]
    );
  }
  TORCH_CHECK(
      !scale ||
          (scale->scalar_type() == at::kFloat && same_sizes(scale->sym_sizes(), index.sym_sizes())),
      "perturb: expected scale of float32 [",
      x.sym_size(0),
      "], found ",
      scale ? scale->scalar_type() : at::kFloat,
      " ",
      scale ? scale->sym_sizes() : c10::SymIntArrayRef()
  );
}

std::vector<int64_t> output_sizes(const at::Tensor& x, at::IntArrayRef kinds) {
  std::vector<int64_t> sizes{1 + static_cast<int64_t>(kinds.size())};
  sizes.insert(sizes.end(), x.sizes().begin(), x.sizes().end());
  return sizes;
}

at::Tensor perturb_on_cpu(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  check(x, index, step, modality, modalities, kinds, intensities, scale);
  const at::Tensor out = at::empty(output_sizes(x, kinds), x.options());  // [1+K, B, ...]
  const at::Tensor clean = x.contiguous();
  if (x.numel() == 0) return out;
  const at::Tensor keys = index.contiguous();
  const at::Tensor scales = scale ? scale->contiguous() : at::Tensor();
  const PerturbArguments arguments{
      .rows = x.size(0),
      .columns = x.numel() / x.size(0),
      .source = nullptr,
      .index = keys.const_data_ptr<int64_t>(),
      .step = static_cast<uint32_t>(step.item<int64_t>()),
      .key = PhiloxKey::from_seed(static_cast<uint64_t>(seed)),
      .modality = modality,
      .modalities = modalities,
      .environments = static_cast<int64_t>(kinds.size()),
      .kinds = kinds.data(),
      .intensities = intensities.data(),
      .scale = scale ? scales.const_data_ptr<float>() : nullptr,
  };
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "perturb", [&] {
    perturb_cpu(arguments, clean.const_data_ptr<scalar_t>(), out.mutable_data_ptr<scalar_t>());
  });
  return out;
}

at::Tensor perturb_on_cuda(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  if constexpr (kCudaKernels) {
    check(x, index, step, modality, modalities, kinds, intensities, scale);
    const at::Tensor out = at::empty(output_sizes(x, kinds), x.options());
    if (x.numel() == 0) return out;
    perturb_on_device(x, index, step, seed, modality, modalities, kinds, intensities, scale, out);
    return out;
  } else {
    // Draws are made on the host and carried over: the same numbers on every device.
    return perturb_on_cpu(
               x.cpu(),
               index.cpu(),
               step.cpu(),
               seed,
               modality,
               modalities,
               kinds,
               intensities,
               scale ? std::optional(scale->cpu()) : std::nullopt
    )
        .to(x.device());
  }
}

at::Tensor perturb_meta(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  check(x, index, step, modality, modalities, kinds, intensities, scale);
  // Symbolic sizes keep torch.compile's dynamic shapes alive.
  std::vector<c10::SymInt> sizes{c10::SymInt(1 + static_cast<int64_t>(kinds.size()))};
  for (const c10::SymInt& size : x.sym_sizes()) sizes.push_back(size);
  return at::empty_symint(sizes, x.options());
}

/** Everything that is constant, as one value that autograd does not look into. */
struct Draw {
  int64_t seed, modality, modalities;
  at::IntArrayRef kinds;
  at::ArrayRef<double> intensities;
  const std::optional<at::Tensor>& scale;
};

/** d out[e] / d x is 1 for additive noise and the mask of what was kept for erase and drop. */
struct PerturbFunction : torch::autograd::Function<PerturbFunction> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& x,
      const at::Tensor& index,
      const at::Tensor& step,
      const Draw& draw
  ) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({index, step});
    context->saved_data["seed"] = draw.seed;
    context->saved_data["modality"] = draw.modality;
    context->saved_data["modalities"] = draw.modalities;
    context->saved_data["kinds"] = draw.kinds.vec();
    context->saved_data["intensities"] = draw.intensities.vec();
    return perturb(
        x,
        index,
        step,
        draw.seed,
        draw.modality,
        draw.modalities,
        draw.kinds,
        draw.intensities,
        draw.scale
    );
  }

  static variable_list backward(AutogradContext* context, const variable_list& incoming) {
    const auto kinds = context->saved_data["kinds"].toIntVector();
    bool masks = false;
    for (const int64_t kind : kinds) {
      const auto name = static_cast<NoiseKind>(kind);
      masks = masks || name == NoiseKind::erase || name == NoiseKind::drop;
    }
    variable_list gradients(4);  // x, index, step, draw
    gradients[0] = (masks ? incoming[0] * kept(context, kinds, incoming[0]) : incoming[0]).sum(0);
    return gradients;
  }

 private:
  /** 1 where out[e] still is x plus something, 0 where it was erased: the same draws made on ones.
   */
  static at::Tensor kept(
      AutogradContext* context, std::vector<int64_t> kinds, const at::Tensor& incoming
  ) {
    const auto saved = context->get_saved_variables();
    auto intensities = context->saved_data["intensities"].toDoubleVector();
    for (size_t e = 0; e < kinds.size(); ++e) {
      const auto kind = static_cast<NoiseKind>(kinds[e]);
      if (kind == NoiseKind::gaussian || kind == NoiseKind::laplace) intensities[e] = 0;
    }
    return perturb(
        at::ones_like(incoming.select(0, 0)),
        saved[0],
        saved[1],
        context->saved_data["seed"].toInt(),
        context->saved_data["modality"].toInt(),
        context->saved_data["modalities"].toInt(),
        kinds,
        intensities
    );
  }
};

at::Tensor perturb_autograd(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  return PerturbFunction::apply(
      x, index, step, Draw{seed, modality, modalities, kinds, intensities, scale}
  );
}

}  // namespace

at::Tensor perturb(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale
) {
  static const auto op = find_operator<decltype(perturb)>("cmir::perturb");
  return op.call(x, index, step, seed, modality, modalities, kinds, intensities, scale);
}

TORCH_LIBRARY_FRAGMENT(cmir, library) {
  library.def(
      "perturb(Tensor x, Tensor index, Tensor step, int seed, int modality, int modalities, "
      "int[] kinds, float[] intensities, Tensor? scale=None) -> Tensor"
  );
}
TORCH_LIBRARY_IMPL(cmir, CPU, library) { library.impl("perturb", perturb_on_cpu); }
TORCH_LIBRARY_IMPL(cmir, CUDA, library) { library.impl("perturb", perturb_on_cuda); }
TORCH_LIBRARY_IMPL(cmir, Meta, library) { library.impl("perturb", perturb_meta); }
TORCH_LIBRARY_IMPL(cmir, Autograd, library) { library.impl("perturb", perturb_autograd); }

}  // namespace cmir
