#pragma once

#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <mutex>
#include <optional>

#include "training/config.h"

namespace cmir {

/** What every call on a trainer needs: its turn, its thread count, its device and stream. */
class Scope {
 public:
  Scope(
      std::mutex& mutex,
      const TrainerConfig& config,
      const at::TensorOptions& options,
      const c10::Stream* stream
  )
      : lock_(mutex),
        device_(options.device()),
        stream_(stream == nullptr ? std::nullopt : std::optional(*stream)) {
    // The count belongs to the calling thread, but a thread takes over the last one set anywhere
    // when it first asks; so it asks first, and every call then says what it wants.
    static const int standard = at::get_num_threads();
    const int wanted = config.threads > 0 ? static_cast<int>(config.threads) : standard;
    if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
  }

 private:
  std::lock_guard<std::mutex> lock_;
  c10::OptionalDeviceGuard device_;
  c10::OptionalStreamGuard stream_;
};

}  // namespace cmir
