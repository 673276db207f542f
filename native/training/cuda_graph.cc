#include <ATen/cuda/CUDAGraph.h>

#include "training/graph.h"

namespace cmir {

struct Graph::State {
  at::cuda::CUDAGraph graph;
};

Graph::Graph() : state_(std::make_unique<State>()) {}
Graph::~Graph() = default;

void Graph::capture(const std::function<void()>& work) {
  // Other trainers' threads go on allocating and waiting meanwhile: their calls are no part of it.
  state_->graph.capture_begin(c10::MempoolId_t{0, 0}, cudaStreamCaptureModeThreadLocal);
  try {
    work();
  } catch (...) {
    try {
      state_->graph.capture_end();
    } catch (const std::exception&) {
      // The first error is the one to tell.
    }
    throw;
  }
  state_->graph.capture_end();
}

void Graph::replay() { state_->graph.replay(); }

}  // namespace cmir
