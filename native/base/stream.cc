#include "base/stream.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <mutex>
#include <vector>

namespace cmir {
namespace {

/**
 * Streams that were let go, for the next to lease one: LibTorch's allocator keeps memory by stream,
 * and would keep it for each of those that are no more.
 */
class IdleStreams {
 public:
  cudaStream_t take(c10::DeviceIndex device) {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[device];
    if (idle.empty()) {
      const c10::cuda::CUDAGuard guard(device);
      cudaStream_t stream = nullptr;
      C10_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
      return stream;
    }
    const cudaStream_t stream = idle.back();
    idle.pop_back();
    return stream;
  }
  void give(c10::DeviceIndex device, cudaStream_t stream) {
    const std::lock_guard lock(mutex_);
    idle_[device].push_back(stream);
  }

 private:
  std::mutex mutex_;
  std::map<c10::DeviceIndex, std::vector<cudaStream_t>> idle_;
};

}  // namespace

CudaStream current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

std::shared_ptr<const c10::Stream> lease_stream(c10::Device device) {
  // Shared with every lease, so that it lives as long as any of them.
  static const auto streams = std::make_shared<IdleStreams>();
  const c10::DeviceIndex index = device.has_index() ? device.index() : c10::cuda::current_device();
  const cudaStream_t stream = streams->take(index);
  const c10::Stream leased = c10::cuda::getStreamFromExternal(stream, index).unwrap();
  return {
      new c10::Stream(leased),
      [owner = streams, index, stream](const c10::Stream* lease) {
        C10_CUDA_CHECK_WARN(cudaStreamSynchronize(stream));
        owner->give(index, stream);
        delete lease;
      },
  };
}

}  // namespace cmir
