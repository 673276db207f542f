#include "base/scratch.h"
#include "test/check.h"
#include "training/kernels.h"
#include "training/optimizer.h"

namespace cmir::test {
namespace {

/** x in bfloat16, as it is on the device. */
at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16); }

TEST_CASE("step: the CUDA kernel of a bias adds it, and rounds to bfloat16") {
  const auto device = kernel_device();
  if (!device) return;
  for (const auto& [rows, columns] : {std::pair{1, 1}, {7, 5}, {300, 64}, {3, 1030}}) {
    INFO("shape " << rows << " " << columns);
    const at::Tensor x = normal({rows, columns}, at::kFloat, 1).to(*device),
                     bias = normal({columns}, at::kFloat, 2).to(*device);
    const at::Tensor expected = x + bias, copy = at::empty_like(rounded(x));
    for (const bool rounds : {false, true}) {
      const at::Tensor out = x.clone();
      add_bias_cuda(
          rows,
          columns,
          bias.const_data_ptr<float>(),
          out.mutable_data_ptr<float>(),
          rounds ? mutable_kernel_data<at::BFloat16>(copy) : nullptr,
          current_stream()
      );
      CHECK(out.equal(expected));
    }
    CHECK(copy.equal(rounded(expected)));
  }
}

TEST_CASE("optimizer: the CUDA kernels update as the CPU does, and leave a copy in bfloat16") {
  const auto device = kernel_device();
  if (!device) return;
  const OptimizerConfig config{.learning_rate = 0.01, .weight_decay = 0.1, .clip_norm = 2};
  const Scratch scratch(1, at::TensorOptions(*device));
  for (const int64_t size : {1, 3, 8, 1025}) {
    INFO("size " << size);
    const at::Tensor parameters = normal({size}, at::kFloat, 1),
                     gradients = normal({size}, at::kFloat, 2);
    const at::Tensor p = parameters.to(*device, false, true), g = gradients.to(*device),
                     m = at::zeros_like(p), v = at::zeros_like(p),
                     copy = at::empty_like(rounded(p));
    const at::Tensor step = at::zeros({}, p.options().dtype(at::kLong)),
                     factors = at::zeros({4}, p.options().dtype(at::kDouble));
    adamw_cuda(
        AdamwArguments<float>{
            .learning_rate = config.learning_rate,
            .weight_decay = config.weight_decay,
            .clip_norm = config.clip_norm,
            .size = size,
            .parameters = p.mutable_data_ptr<float>(),
            .gradients = g.const_data_ptr<float>(),
            .exp_avg = m.mutable_data_ptr<float>(),
            .exp_avg_sq = v.mutable_data_ptr<float>(),
            .rounded = mutable_kernel_data<at::BFloat16>(copy),
        },
        step.const_data_ptr<int64_t>(),
        factors.mutable_data_ptr<double>(),
        scratch.get(),
        current_stream()
    );
    Optimizer optimizer(parameters);
    optimizer.step(parameters, gradients, config);
    check_close(p.cpu(), parameters);
    check_close(v.cpu(), optimizer.exp_avg_sq);
    CHECK(copy.equal(rounded(p)));
  }
}

}  // namespace
}  // namespace cmir::test
