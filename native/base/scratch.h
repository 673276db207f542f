#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>

#include <cstdint>

#include "base/bfloat16.h"
#include "base/kernel_scratch.h"
#include "base/stream.h"

namespace cmir {

/** The kernels' scratch memory for layers of at most `widest` columns, on one device. */
class Scratch {
 public:
  Scratch(int64_t widest, const at::TensorOptions& device);

  const KernelScratch& get() const { return scratch_; }
  int64_t bytes() const { return static_cast<int64_t>(memory_.nbytes()); }

 private:
  at::Tensor memory_;
  KernelScratch scratch_;
};

/** LibTorch's type as the kernels know it: the same bits. */
template <class Scalar>
using KernelScalar = std::conditional_t<std::is_same_v<Scalar, c10::BFloat16>, Bfloat16, Scalar>;

template <class Scalar>
const KernelScalar<Scalar>* kernel_data(const at::Tensor& tensor) {
  return reinterpret_cast<const KernelScalar<Scalar>*>(tensor.const_data_ptr<Scalar>());
}
template <class Scalar>
KernelScalar<Scalar>* mutable_kernel_data(const at::Tensor& tensor) {
  return reinterpret_cast<KernelScalar<Scalar>*>(tensor.mutable_data_ptr<Scalar>());
}

}  // namespace cmir
