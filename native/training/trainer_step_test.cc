#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "base/gemm.h"
#include "test/check.h"
#include "training/step_fixture.h"
#include "training/trainer.h"

namespace cmir::test {
namespace {

TEST_CASE("trainer: in bfloat16 it trains, evaluates in float32, and gives the same bits again") {
  if (!has_bfloat16_gemm()) {
    TrainerConfig config = step_config();
    config.precision = "bf16";
    check_throws([&] { Trainer{config}; }, "precision: bf16 needs a CPU");
    return;
  }
  const auto trained = [](int64_t threads) {
    TrainerConfig config = step_config();
    config.precision = "bf16";
    config.threads = threads;
    Trainer trainer(config);
    trainer.upload(step_input());
    const double first = trainer.train_epoch(some_rows(kExamples), 8).terms.loss;
    double last = first;
    for (int epoch = 0; epoch < 30; ++epoch) {
      last = trainer.train_epoch(some_rows(kExamples), 8).terms.loss;
    }
    CHECK(last < first);
    return trainer.predict(some_rows(kExamples), {});
  };
  CHECK(trained(1).equal(trained(1)));
}

TEST_CASE("trainer: a call's threads are its own, whatever ran before on the same thread") {
  TrainerConfig config = step_config();
  const auto threads_inside = [&](int64_t threads) {
    config.threads = threads;
    Trainer trainer(config);
    trainer.state(false);
    return at::get_num_threads();
  };
  const int standard = threads_inside(0);
  CHECK(threads_inside(1) == 1);
  CHECK(threads_inside(0) == standard);
}

/** Counts what LibTorch's allocator hands out on this thread while it lives. */
class AllocationCounter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
    if (size > 0) ++count;
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t count = 0;
};

TEST_CASE("trainer: a step allocates nothing once the first has run") {
  Trainer trainer(step_config());
  trainer.upload(step_input());
  const auto allocations = [&](int64_t steps) {
    trainer.arm();
    const auto counter = std::make_shared<AllocationCounter>();
    const at::Tensor rows = some_rows(8 * steps);
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
    CHECK(trainer.train_epoch(rows, 8).steps == steps);
    return counter->count;
  };
  allocations(1);
  const int64_t one = allocations(1);
  CHECK(one > 0);  // the epoch itself: it is seen at all
  CHECK(allocations(50) == one);
}

TEST_CASE("trainer: any number of threads gives the same bits where the products are our own") {
  if (!has_own_gemm()) return;
  TrainerConfig config = step_config();
  config.precision = "float32";
  config.modalities = {{"text", 300, false}};
  config.model = {.hidden = 256, .latent = 64, .dropout = 0.3, .pooling = "mean"};
  const auto parameters = [&](int64_t threads) {
    config.threads = threads;
    Trainer trainer(config);
    trainer.upload(
        {.features = {{normal({400, 300}, at::kFloat)}}, .targets = normal({400}, at::kFloat)}
    );
    trainer.arm();
    trainer.train_epoch(at::arange(400, at::kLong), 128);
    return trainer.state(false);
  };
  const TrainerState one = parameters(1), two = parameters(2);
  for (const auto& [name, tensor] : one.tensors) {
    INFO(name);
    CHECK(tensor.equal(two.tensors.at(name)));
  }
}

}  // namespace
}  // namespace cmir::test
