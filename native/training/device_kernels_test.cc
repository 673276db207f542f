#include "base/scratch.h"
#include "test/check.h"
#include "training/kernels.h"
#include "training/optimizer.h"
#include "training/step_fixture.h"

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
  const OptimizerConfig config = plain_optimizer(0.01, 0.1, 2);
  const Scratch scratch(1, at::TensorOptions(*device));
  for (const auto& [size, spares] :
       {std::pair{1, false}, {3, true}, {8, true}, {1025, false}, {1025, true}}) {
    INFO("size " << size << " spares " << spares);
    const at::Tensor spared = spares ? at::arange(size).remainder(3).eq(1) : at::Tensor();
    const at::Tensor there = spares ? spared.to(*device) : spared;
    const at::Tensor rate = at::full({}, 0.01, at::TensorOptions(*device).dtype(at::kDouble));
    const at::Tensor parameters = normal({size}, at::kFloat, 1),
                     gradients = normal({size}, at::kFloat, 2);
    const at::Tensor p = parameters.to(*device, false, true), g = gradients.to(*device),
                     m = at::zeros_like(p), v = at::zeros_like(p),
                     copy = at::empty_like(rounded(p));
    const at::Tensor step = at::zeros({}, p.options().dtype(at::kLong)),
                     factors = at::zeros({4}, p.options().dtype(at::kDouble));
    adamw_cuda(
        AdamwArguments<float>{
            .learning_rate = rate.const_data_ptr<double>(),
            .weight_decay = config.weight_decay,
            .clip_norm = config.clip_norm,
            .spared = spares ? there.const_data_ptr<bool>() : nullptr,
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
    Optimizer optimizer(parameters, spared);
    optimizer.step(parameters, gradients, config, 0.01);
    check_close(p.cpu(), parameters);
    check_close(v.cpu(), optimizer.exp_avg_sq);
    CHECK(copy.equal(rounded(p)));
  }
}

}  // namespace
}  // namespace cmir::test
