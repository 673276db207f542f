// Times a training step, and the CUDA kernels, on request: what scripts/gpu/bench.py asks.
//
//   step DEVICE PRECISION BATCH ENVIRONMENTS STEPS   -> milliseconds a step of one epoch
//   kernels PRECISION BATCH ENVIRONMENTS -> a line a kernel: name, bytes, milliseconds, GB/s; a
//                                           copy too; then "end"
//   quit

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/StreamGuard.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <sstream>
#include <type_traits>

#include "base/scratch.h"
#include "ops/decorrelation/launch.h"
#include "ops/dropout/kernel.h"
#include "ops/invariance/kernel.h"
#include "ops/perturb/kernel.h"
#include "ops/reconstruction/kernel.h"
#include "training/kernels.h"
#include "training/trainer.h"

namespace cmir {
namespace {

constexpr int64_t kHidden = 256, kLatent = 128;

// The model of docs/speed.md.
TrainerConfig bench_config(
    const std::string& device, const std::string& precision, int64_t environments
) {
  TrainerConfig config{
      .seed = 1,
      .device = device,
      .threads = 0,
      .precision = precision,
      .modalities = {{"text", 768, false}, {"audio", 74, false}, {"vision", 47, false}},
      .max_length = 0,
      .outputs = 1,
      .model = {.hidden = kHidden, .latent = kLatent, .dropout = 0.3, .pooling = "mean"},
      .environments = {},
      .sharing = "independent",
      .weights =
          {.invariance = 1, .decorrelation = 0.5, .reconstruction = 1, .risk = 0, .consistency = 0},
      .decorrelation = {.off_diagonal = 0.3},
      .prediction = {.loss = "l1", .on = "all"},
      .reconstruction = {.target = "environment"},
      .optimizer = {
          .learning_rate = 1e-4,
          .weight_decay = 0.01,
          .clip_norm = 1,
          .decay_biases = true,
          .schedule = "constant",
          .warmup = 0,
          .epochs = 1,
          .accumulation = 1
      },
  };
  for (int64_t e = 1; e < environments; ++e) {
    config.environments.push_back({"gaussian", 0.3 * static_cast<double>(e)});
  }
  return config;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/** Trainers by shape, warm: their graphs are captured. */
class Steps {
 public:
  double measure(
      const std::string& device,
      const std::string& precision,
      int64_t batch,
      int64_t environments,
      int64_t steps
  ) {
    const std::string key =
        device + " " + precision + " " + std::to_string(batch) + " " + std::to_string(environments);
    if (key != key_) {
      trainer_ = nullptr;
      trainer_ = std::make_unique<Trainer>(bench_config(device, precision, environments));
      TrainerInput input{.features = {}, .targets = at::randn({batch})};
      for (const Modality& modality : trainer_->config().modalities) {
        input.features.push_back({at::randn({batch, modality.features})});
      }
      trainer_->upload(input);
      trainer_->train_epoch(rows(batch, 3), batch);
      key_ = key;
    }
    const at::Tensor order = rows(batch, steps);
    const auto start = std::chrono::steady_clock::now();
    trainer_->arm();
    trainer_->train_epoch(order, batch);
    return seconds_since(start) * 1e3 / static_cast<double>(steps);
  }

 private:
  static at::Tensor rows(int64_t batch, int64_t steps) {
    return at::arange(batch * steps, at::kLong).remainder(batch);
  }
  std::string key_;
  std::unique_ptr<Trainer> trainer_;
};

/**
 * Each kernel alone, over data that does not fit the caches where the batch is large. What products
 * read is written as Factor.
 */
template <class Factor>
void measure_kernels(int64_t batch, int64_t environments) {
  const at::NoGradGuard no_grad;
  const auto own = lease_stream(at::Device(at::kCUDA, 0));
  const c10::StreamGuard guard(*own);
  const auto options = at::TensorOptions(at::Device(at::kCUDA, 0)).dtype(at::kFloat);
  constexpr int64_t kFeatures = 768;
  const int64_t rows = environments * batch;
  const Scratch scratch(kFeatures, options);
  const at::Tensor value = at::zeros({4}, options.dtype(at::kDouble));
  const at::Tensor index = at::arange(batch, options.dtype(at::kLong));
  const at::Tensor step = at::zeros({}, options.dtype(at::kLong));
  auto* number = value.mutable_data_ptr<double>();
  const auto* now = step.const_data_ptr<int64_t>();
  const auto data = [](const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); };
  constexpr bool kRounds = !std::is_same_v<Factor, float>;
  // Outputs that are factors, and copies in bfloat16 beside an output.
  const auto factors = options.dtype(c10::CppTypeToScalarType<Factor>::value);
  const auto factor_data = [](const at::Tensor& tensor) {
    return mutable_kernel_data<Factor>(tensor);
  };
  const auto copy_of = [&](const at::Tensor& tensor) {
    return kRounds ? at::empty_like(tensor, tensor.options().dtype(at::kBFloat16)) : at::Tensor();
  };
  const auto rounded = [](const at::Tensor& copy) {
    return copy.defined() ? mutable_kernel_data<at::BFloat16>(copy) : nullptr;
  };
  const auto bytes = [](int64_t elements) { return elements * 4; };
  const auto factor_bytes = [](int64_t elements) {
    return elements * static_cast<int64_t>(sizeof(Factor));
  };
  const auto copy_bytes = [](int64_t elements) { return kRounds ? elements * 2 : 0; };

  const auto time = [&](const char* name, int64_t moved, const std::function<void()>& launch) {
    constexpr int kRuns = 50;
    for (int i = 0; i < 5; ++i) launch();
    own->synchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kRuns; ++i) launch();
    own->synchronize();
    const double ms = seconds_since(start) * 1e3 / kRuns;
    std::cout << name << ' ' << moved << ' ' << ms << ' ' << static_cast<double>(moved) / ms / 1e6
              << '\n';
  };

  const at::Tensor x = at::randn({batch, kFeatures}, options);
  const at::Tensor wide = at::randn({rows, kFeatures}, options), other = at::randn_like(wide);
  const at::Tensor sums = at::empty({kFeatures}, options), bias = at::randn({kFeatures}, options);
  const at::Tensor wide_copy = copy_of(wide), wide_factor = at::empty_like(wide, factors);
  const float* left_bias = kRounds ? data(bias) : nullptr;
  time("copy", 2 * bytes(wide.numel()), [&] { other.copy_(wide); });

  const std::vector<int64_t> kinds(static_cast<size_t>(environments - 1), 0);
  const std::vector<double> intensities(kinds.size(), 0.5);
  const PerturbArguments perturb{
      .rows = batch,
      .columns = kFeatures,
      .source = index.const_data_ptr<int64_t>(),
      .index = index.const_data_ptr<int64_t>(),
      .step = 0,
      .key = {1, 2},
      .modality = 0,
      .modalities = 1,
      .environments = environments - 1,
      .kinds = kinds.data(),
      .intensities = intensities.data(),
  };
  time("perturb", bytes(x.numel() + wide.numel()) + copy_bytes(wide.numel()), [&] {
    perturb_cuda(
        perturb,
        now,
        static_cast<const float*>(data(x)),
        data(wide),
        current_stream(),
        rounded(wide_copy)
    );
  });

  const at::Tensor z = at::randn({rows, 2 * kLatent}, options), dz = at::randn_like(z);
  const InvarianceArguments invariance{
      .environments = environments,
      .rows = batch,
      .columns = kLatent,
      .environment_stride = batch * 2 * kLatent,
      .row_stride = 2 * kLatent,
      .gradient_environment_stride = batch * 2 * kLatent,
      .gradient_row_stride = 2 * kLatent,
      .gradient_scale = 1,
  };
  if (environments > 1) {
    time("invariance", bytes(2 * rows * kLatent), [&] {
      invariance_cuda(
          invariance,
          static_cast<const float*>(data(z)),
          data(dz),
          1,
          number,
          scratch.get(),
          current_stream()
      );
    });
  }

  const DecorrelationArguments decorrelation{
      .environments = environments,
      .batch = batch,
      .columns = kLatent,
      .input_stride = 2 * kLatent,
      .gradient_stride = 2 * kLatent,
      .off_diagonal = 0.3,
      .gradient_scale = 1,
      .accumulate = true,
  };
  const at::Tensor buffer =
      at::empty({DecorrelationMemory::elements(environments, batch, kLatent)}, options);
  DecorrelationMemory memory(environments, batch, kLatent, buffer);
  const DecorrelationRows<float> unit{
      .unit = data(memory.unit),
      .product = data(memory.product),
      .inverse_norm = data(memory.inverse_norm),
  };
  memory.product.normal_();
  time("decorrelation.normalize", bytes(4 * rows * kLatent), [&] {
    decorrelation_normalize_cuda(
        decorrelation,
        static_cast<const float*>(data(z)),
        static_cast<const float*>(data(z)) + kLatent,
        unit,
        current_stream()
    );
  });
  time("decorrelation.finish", bytes(7 * rows * kLatent), [&] {
    decorrelation_finish_cuda(
        decorrelation,
        unit,
        data(dz),
        data(dz) + kLatent,
        1,
        number,
        scratch.get(),
        current_stream()
    );
  });

  const ReconstructionArguments reconstruction{
      .environments = environments,
      .rows = batch,
      .columns = kFeatures,
      .shared_target = false,
      .gradient_scale = 1e-3,
  };
  time("reconstruction", bytes(2 * wide.numel()) + factor_bytes(wide.numel()), [&] {
    reconstruction_cuda(
        reconstruction,
        static_cast<const float*>(data(wide)),
        left_bias,
        static_cast<const float*>(data(other)),
        factor_data(wide_factor),
        data(sums),
        1,
        number,
        scratch.get(),
        current_stream()
    );
  });

  const at::Tensor inner = at::randn({rows, kHidden}, options),
                   hidden = at::randn({rows, kHidden}, options).to(factors),
                   gradient = at::empty_like(hidden);
  const HiddenArguments layer{
      .environments = environments,
      .batch = batch,
      .columns = kHidden,
      .index = index.const_data_ptr<int64_t>(),
      .step = 0,
      .key = {1, 2},
      .layer = 0,
      .probability = 0.3,
  };
  time("hidden.forward", bytes(inner.numel()) + factor_bytes(hidden.numel()), [&] {
    hidden_forward_cuda<float>(
        layer, now, data(inner), left_bias, factor_data(hidden), current_stream()
    );
  });
  time("hidden.backward", bytes(inner.numel()) + factor_bytes(2 * hidden.numel()), [&] {
    hidden_backward_cuda<float, KernelScalar<Factor>>(
        layer,
        factor_data(hidden),
        data(inner),
        factor_data(gradient),
        data(sums),
        scratch.get(),
        current_stream()
    );
  });
  time("column_sums", bytes(wide.numel()) + copy_bytes(wide.numel()), [&] {
    column_sums_cuda(
        rows,
        kFeatures,
        static_cast<const float*>(data(wide)),
        rounded(wide_copy),
        data(sums),
        scratch.get(),
        current_stream()
    );
  });
  if constexpr (kRounds) {
    time("add_bias", bytes(2 * wide.numel()) + copy_bytes(wide.numel()), [&] {
      add_bias_cuda(rows, kFeatures, data(bias), data(wide), rounded(wide_copy), current_stream());
    });
  }

  const int64_t parameters = 1 << 20;
  const at::Tensor p = at::randn({parameters}, options), g = at::randn_like(p),
                   m = at::zeros_like(p), v = at::zeros_like(p), p_copy = copy_of(p);
  const at::Tensor rate = at::full({}, 1e-4, options.dtype(at::kDouble));
  const AdamwArguments<float> adamw{
      .learning_rate = rate.const_data_ptr<double>(),
      .weight_decay = 0.01,
      .clip_norm = 1,
      .spared = nullptr,
      .size = parameters,
      .parameters = data(p),
      .gradients = data(g),
      .exp_avg = data(m),
      .exp_avg_sq = data(v),
      .rounded = rounded(p_copy),
  };
  time("adamw", bytes(8 * parameters) + copy_bytes(parameters), [&] {
    adamw_cuda(adamw, now, number, scratch.get(), current_stream());
  });
}

void answer(const std::string& line, Steps& steps) {
  std::istringstream words(line);
  std::string what, device, precision;
  int64_t batch = 0, environments = 0, count = 0;
  words >> what;
  if (what == "step" && words >> device >> precision >> batch >> environments >> count) {
    std::cout << steps.measure(device, precision, batch, environments, count) << '\n';
  } else if (what == "kernels" && words >> precision >> batch >> environments) {
    if (precision == "bf16") {
      measure_kernels<at::BFloat16>(batch, environments);
    } else {
      measure_kernels<float>(batch, environments);
    }
    std::cout << "end\n";
  } else {
    std::cout << "expected step, kernels or quit, found '" << line << "'\n";
  }
  std::cout.flush();
}

}  // namespace
}  // namespace cmir

int main() {
  cmir::Steps steps;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    try {
      cmir::answer(line, steps);
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      return 1;
    }
  }
}
