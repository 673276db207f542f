#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include "base/scratch.h"
#include "ops/reconstruction/launch.h"

namespace cmir {

std::tuple<at::Tensor, at::Tensor> reconstruction_on_device(
    const at::Tensor& output, const at::Tensor& target
) {
  at::Tensor gradient = at::empty_like(output, at::MemoryFormat::Contiguous);
  if (output.numel() == 0) return {output.new_zeros({}), gradient};
  const c10::OptionalDeviceGuard guard(output.device());
  const at::Tensor o = output.contiguous(), t = target.contiguous();
  const ReconstructionArguments arguments = reconstruction_arguments(output, target);
  const at::Tensor value = at::empty({}, output.options().dtype(at::kDouble));
  const Scratch scratch(arguments.columns, output.options());
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, output.scalar_type(), "reconstruction", [&] {
    reconstruction_cuda(
        arguments,
        kernel_data<scalar_t>(o),
        /*bias=*/static_cast<const KernelValue<scalar_t>*>(nullptr),
        kernel_data<scalar_t>(t),
        mutable_kernel_data<scalar_t>(gradient),
        /*column_sums=*/static_cast<KernelValue<scalar_t>*>(nullptr),
        arguments.gradient_scale / 2,
        value.mutable_data_ptr<double>(),
        scratch.get(),
        current_stream()
    );
  });
  return {value.to(output.scalar_type()), gradient};
}

}  // namespace cmir
