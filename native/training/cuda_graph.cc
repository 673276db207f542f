#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <optional>

#include "training/graph.h"

namespace cmir {

// LibTorch's own CUDAGraph would make all graphs of a process share its generator of random
// numbers: replaying one while another is recorded is an error there, and each replay sets that
// generator's state first. We draw from counters of our own and need none of it.
struct Graph::State {
  cudaGraphExec_t graph = nullptr;
  c10::DeviceIndex device = -1;
  // What is allocated while recording stays with the graph, which goes on using it.
  std::optional<c10::MempoolId_t> pool;

  ~State() {
    if (graph != nullptr) C10_CUDA_CHECK_WARN(cudaGraphExecDestroy(graph));
    if (pool) c10::cuda::CUDACachingAllocator::releasePool(device, *pool);
  }
};

Graph::Graph() : state_(std::make_unique<State>()) {}
Graph::~Graph() = default;

void Graph::capture(const std::function<void()>& work) {
  namespace allocator = c10::cuda::CUDACachingAllocator;
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream();
  const cudaStream_t raw = stream.stream();
  State& state = *state_;
  state.device = stream.device_index();
  state.pool = at::cuda::graph_pool_handle();
  allocator::beginAllocateToPool(state.device, *state.pool, [raw](cudaStream_t other) {
    return other == raw;
  });
  cudaGraph_t recorded = nullptr;
  std::exception_ptr error;
  try {
    // Other threads go on allocating and waiting meanwhile: their calls are no part of it.
    C10_CUDA_CHECK(cudaStreamBeginCapture(raw, cudaStreamCaptureModeThreadLocal));
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    const cudaError_t ended = cudaStreamEndCapture(raw, &recorded);
    if (error == nullptr) C10_CUDA_CHECK(ended);
    if (ended != cudaSuccess) static_cast<void>(cudaGetLastError());  // the first error is told
  } catch (...) {
    error = std::current_exception();
  }
  allocator::endAllocateToPool(state.device, *state.pool);
  if (error == nullptr) {
    const cudaError_t made = cudaGraphInstantiate(&state.graph, recorded, 0);
    C10_CUDA_CHECK_WARN(cudaGraphDestroy(recorded));
    C10_CUDA_CHECK(made);
    return;
  }
  if (recorded != nullptr) C10_CUDA_CHECK_WARN(cudaGraphDestroy(recorded));
  std::rethrow_exception(error);
}

void Graph::replay() {
  C10_CUDA_CHECK(cudaGraphLaunch(state_->graph, c10::cuda::getCurrentCUDAStream().stream()));
}

}  // namespace cmir
