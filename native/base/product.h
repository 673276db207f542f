#pragma once

#include <ATen/core/Tensor.h>

#include <mutex>
#include <string>

namespace cmir {

/**
 * out [m, n] = a [m, k] b [k, n], or adds that with `adds`, on the device they lie on. The factors
 * have out's type; or they are bfloat16 and out is float32, as are the sums.
 */
void product(at::Tensor out, const at::Tensor& a, const at::Tensor& b, bool adds = false);

/**
 * While it lives, LibTorch's products of float32 on CUDA devices are rounded as asked. The setting
 * belongs to the process: those who queue products take turns.
 */
class ProductPrecision {
 public:
  explicit ProductPrecision(bool tf32);
  ~ProductPrecision();
  ProductPrecision(const ProductPrecision&) = delete;
  ProductPrecision& operator=(const ProductPrecision&) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  std::string before_;
};

}  // namespace cmir
