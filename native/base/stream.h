#pragma once

#include <c10/core/Stream.h>

#include <memory>

#include "base/device.h"

namespace cmir {

/** The stream that LibTorch's operations on this thread go to. */
CudaStream current_stream();

/**
 * A stream of a CUDA device that nothing else uses until it is let go, and that has then finished.
 * LibTorch's own streams are few and shared: what another one queued while a graph is recorded
 * would become a part of it.
 */
std::shared_ptr<const c10::Stream> lease_stream(c10::Device device);

}  // namespace cmir
