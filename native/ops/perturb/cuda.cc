#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include "base/scratch.h"
#include "ops/perturb/kernel.h"
#include "ops/perturb/launch.h"

namespace cmir {

void perturb_on_device(
    const at::Tensor& x,
    const at::Tensor& index,
    const at::Tensor& step,
    int64_t seed,
    int64_t modality,
    int64_t modalities,
    at::IntArrayRef kinds,
    at::ArrayRef<double> intensities,
    const std::optional<at::Tensor>& scale,
    const at::Tensor& out
) {
  const c10::OptionalDeviceGuard guard(x.device());
  const at::Tensor clean = x.contiguous();
  const at::Tensor keys = index.to(x.device()).contiguous(), now = step.to(x.device());
  const at::Tensor scales = scale ? scale->to(x.device()).contiguous() : at::Tensor();
  const PerturbArguments arguments{
      .rows = x.size(0),
      .columns = x.numel() / x.size(0),
      .source = nullptr,
      .index = keys.const_data_ptr<int64_t>(),
      .step = 0,
      .key = PhiloxKey::from_seed(static_cast<uint64_t>(seed)),
      .modality = modality,
      .modalities = modalities,
      .environments = static_cast<int64_t>(kinds.size()),
      .kinds = kinds.data(),
      .intensities = intensities.data(),
      .scale = scale ? scales.const_data_ptr<float>() : nullptr,
  };
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "perturb", [&] {
    perturb_cuda(
        arguments,
        now.const_data_ptr<int64_t>(),
        kernel_data<scalar_t>(clean),
        mutable_kernel_data<scalar_t>(out),
        current_stream()
    );
  });
}

}  // namespace cmir
