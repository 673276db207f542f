#include "base/product.h"

#include <ATen/ATen.h>

namespace cmir {
namespace {

std::mutex& precision_mutex() {
  static std::mutex all;
  return all;
}

std::string precision() {
  switch (at::globalContext().float32MatmulPrecision()) {
    case at::Float32MatmulPrecision::HIGHEST:
      return "highest";
    case at::Float32MatmulPrecision::HIGH:
      return "high";
    case at::Float32MatmulPrecision::MEDIUM:
      return "medium";
  }
  return "highest";
}

void same_type(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds) {
  if (adds) {
    at::addmm_out(out, out, a, b);
  } else {
    at::mm_out(out, a, b);
  }
}

}  // namespace

void product(at::Tensor out, const at::Tensor& a, const at::Tensor& b, bool adds) {
  const at::ScalarType type = out.scalar_type();
  if (a.scalar_type() == type) {
    same_type(out, a, b, adds);
  } else if (!out.is_cuda()) {
    // LibTorch multiplies into a wider type on CUDA devices alone. float32 holds products of
    // bfloat16 exactly.
    same_type(out, a.to(type), b.to(type), adds);
  } else if (adds) {
    at::addmm_out(out, out, a, b, type);
  } else {
    at::mm_out(out, a, b, type);
  }
}

ProductPrecision::ProductPrecision(bool tf32) : lock_(precision_mutex()), before_(precision()) {
  at::globalContext().setFloat32MatmulPrecision(tf32 ? "high" : "highest");
}

ProductPrecision::~ProductPrecision() { at::globalContext().setFloat32MatmulPrecision(before_); }

}  // namespace cmir
