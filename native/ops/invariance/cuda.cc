#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include "base/scratch.h"
#include "ops/invariance/launch.h"

namespace cmir {

std::tuple<at::Tensor, at::Tensor> invariance_on_device(const at::Tensor& z) {
  at::Tensor gradient = at::empty_like(z, at::MemoryFormat::Contiguous);
  if (z.numel() == 0) return {z.new_zeros({}), gradient};
  const c10::OptionalDeviceGuard guard(z.device());
  const InvarianceInput input(z);
  const at::Tensor value = at::empty({}, z.options().dtype(at::kDouble));
  const Scratch scratch(1, z.options());
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, z.scalar_type(), "invariance", [&] {
    invariance_cuda(
        input.arguments,
        kernel_data<scalar_t>(input.z),
        mutable_kernel_data<scalar_t>(gradient),
        input.scale,
        value.mutable_data_ptr<double>(),
        scratch.get(),
        current_stream()
    );
  });
  return {value.to(z.scalar_type()), gradient};
}

}  // namespace cmir
