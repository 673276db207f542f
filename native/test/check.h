#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/StreamGuard.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// LibTorch's logging has macros of these names; in tests they are doctest's.
#undef CHECK
#undef CHECK_GE
#undef CHECK_GT
#undef CHECK_LE
#undef CHECK_LT
#undef CHECK_NE
#undef CHECK_EQ
#undef FAIL
#include "base/stream.h"
#include "test/doctest.h"

namespace cmir::test {

/** The one table of tolerances: how far a kernel may be from the float64 reference, relative to its
 * largest value. */
inline double tolerance(at::ScalarType type) {
  return type == at::kDouble ? 1e-10 : type == at::kBFloat16 ? 1e-2 : 2e-5;
}

inline const std::vector<at::ScalarType> kTypes{at::kFloat, at::kDouble};
inline const std::vector<at::ScalarType> kAllTypes{at::kFloat, at::kDouble, at::kBFloat16};

/**
 * Where the CUDA kernels run in this build: on a GPU, on the host that emulates one, or nowhere, of
 * which a message tells.
 */
inline std::optional<at::Device> kernel_device() {
  // The sanitizers take the emulation's jumps between stacks for errors.
  if constexpr (!kCudaKernels && !kSanitizers) return at::Device(at::kCPU);
  if (kCudaKernels && at::globalContext().hasCUDA()) return at::Device(at::kCUDA, 0);
  static const bool told = [] {
    std::puts(kCudaKernels ? "skipped: no CUDA device" : "skipped: no emulation of one here");
    return true;
  }();
  static_cast<void>(told);
  return {};
}

/** While it lives, LibTorch's work on a GPU goes to a stream that is not the default one. */
class OwnStream {
 public:
  explicit OwnStream(at::Device device) {
    if (!device.is_cuda()) return;
    stream_ = lease_stream(device);
    guard_.reset_stream(*stream_);
  }

 private:
  std::shared_ptr<const c10::Stream> stream_;
  c10::OptionalStreamGuard guard_{std::optional<c10::Stream>()};
};

/** Fails with shape, worst index and both values when `found` is not `expected` up to its type's
 * tolerance. */
inline void check_close(const at::Tensor& found, const at::Tensor& expected) {
  REQUIRE(found.sizes() == expected.sizes());
  if (found.numel() == 0) return;
  const at::Tensor a = found.to(at::kDouble).flatten(), b = expected.to(at::kDouble).flatten();
  const double scale = std::max(1e-12, b.abs().max().item<double>());
  const at::Tensor error = (a - b).abs() / scale;
  const auto worst = error.argmax().item<int64_t>();
  INFO(
      "worst at flat index " << worst << ": found " << a[worst].item<double>() << ", expected "
                             << b[worst].item<double>()
  );
  CHECK(error[worst].item<double>() <= tolerance(found.scalar_type()));
}

/** Fails unless `action` throws an error whose text holds `part`. */
inline void check_throws(const std::function<void()>& action, const std::string& part) {
  try {
    action();
  } catch (const std::exception& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find(part) != std::string::npos);
    return;
  }
  FAIL_CHECK("expected an error with: " << part);
}

/** N(0, 1) values, the same at each run. */
inline at::Tensor normal(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed = 1) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::TensorOptions(at::kDouble)).to(type);
}

/** Value of `loss` and its gradients in `inputs` by LibTorch's autograd, scaled by an incoming
 * gradient. */
inline std::vector<at::Tensor> differentiate(
    const std::function<at::Tensor(const std::vector<at::Tensor>&)>& loss,
    const std::vector<at::Tensor>& inputs,
    double incoming = 1
) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().requires_grad_(true));
  const at::Tensor value = loss(leaves);
  (value * incoming).backward();
  std::vector<at::Tensor> result{value.detach()};
  for (const at::Tensor& leaf : leaves) result.push_back(leaf.grad() / incoming);
  return result;
}

/** Operator and reference agree in value and gradients. */
inline void check_same(
    const std::function<at::Tensor(const std::vector<at::Tensor>&)>& op,
    const std::function<at::Tensor(const std::vector<at::Tensor>&)>& reference,
    const std::vector<at::Tensor>& inputs
) {
  std::vector<at::Tensor> exact;
  for (const at::Tensor& input : inputs) exact.push_back(input.to(at::kDouble));
  const auto found = differentiate(op, inputs, 0.7), expected = differentiate(reference, exact);
  for (size_t i = 0; i < found.size(); ++i) check_close(found[i], expected[i]);
}

}  // namespace cmir::test
