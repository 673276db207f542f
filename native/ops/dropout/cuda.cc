#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include "base/scratch.h"
#include "ops/dropout/kernel.h"
#include "ops/dropout/launch.h"

namespace cmir {

at::Tensor dropout_mask_on_device(const at::Tensor& x, const DropoutSite& site, double p) {
  const c10::OptionalDeviceGuard guard(x.device());
  // Dropout of ones is the mask.
  const at::Tensor mask = at::ones(x.sizes(), x.options().dtype(at::kFloat));
  if (x.numel() == 0) return mask;
  const at::Tensor index = site.index.to(x.device()).contiguous();
  const at::Tensor step = at::full({}, site.step, index.options());
  const HiddenArguments arguments{
      .environments = x.size(0),
      .batch = x.size(1),
      .columns = x.size(2),
      .index = index.const_data_ptr<int64_t>(),
      .step = 0,
      .key = PhiloxKey::from_seed(static_cast<uint64_t>(site.seed)),
      .layer = site.layer,
      .probability = p,
  };
  hidden_forward_cuda<float>(
      arguments,
      step.const_data_ptr<int64_t>(),
      mask.const_data_ptr<float>(),
      /*bias=*/nullptr,
      mask.mutable_data_ptr<float>(),
      current_stream()
  );
  return mask;
}

}  // namespace cmir
