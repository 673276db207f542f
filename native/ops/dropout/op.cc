#include "ops/dropout/op.h"

#include <ATen/ATen.h>

#include "ops/dropout/kernel.h"
#include "ops/dropout/launch.h"

namespace cmir {

at::Tensor dropout(const at::Tensor& x, const DropoutSite& site, double p) {
  if (p == 0) return x;
  if constexpr (kCudaKernels) {
    if (x.is_cuda()) return x * dropout_mask_on_device(x, site, p).to(x.scalar_type());
  }
  const at::Tensor mask = at::empty(x.sizes(), at::kFloat);  // [E, B, H], on the host
  const at::Tensor index = site.index.cpu().contiguous();
  const HiddenArguments arguments{
      .environments = x.size(0),
      .batch = x.size(1),
      .columns = x.size(2),
      .index = index.const_data_ptr<int64_t>(),
      .step = static_cast<uint32_t>(site.step),
      .key = PhiloxKey::from_seed(static_cast<uint64_t>(site.seed)),
      .layer = site.layer,
      .probability = p,
  };
  dropout_mask_cpu(arguments, mask.mutable_data_ptr<float>());
  return x * mask.to(x.options());
}

}  // namespace cmir
