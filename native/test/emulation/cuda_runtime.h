#pragma once

// Stands in for the CUDA runtime where kernels are tested without a GPU: the C++ compiler compiles
// them as host code, a block's threads are coroutines on one host thread, and blocks run one after
// another. It checks arithmetic, indices and barriers, not what only concurrency shows. Kernels
// must not be launched from several host threads at a time.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

#define __host__
#define __device__
#define __global__
#define __launch_bounds__(threads)
// Blocks run one after another, so the one before is done with this memory.
#define __shared__ static

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct CUstream_st;
using cudaStream_t = CUstream_st*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };
inline const char* cudaGetErrorString(cudaError_t) { return "invalid configuration argument"; }

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

namespace cmir::emulation {

/** Runs `body` for every thread of every block. */
void run(dim3 grid, dim3 block, const std::function<void()>& body);

/** Waits for all threads of the block. */
void block_barrier();

/** Gives `mine` [size] to the warp and takes what the lane `lane ^ mask` gave. */
void exchange(const void* mine, void* other, size_t size, int mask);

}  // namespace cmir::emulation

// Of the thread that runs.
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { cmir::emulation::block_barrier(); }
inline void __threadfence() {}

template <class Value>
Value __shfl_xor_sync(unsigned, Value value, int mask) {
  Value other;
  cmir::emulation::exchange(&value, &other, sizeof(Value), mask);
  return other;
}

inline unsigned atomicInc(unsigned* counter, unsigned most) {
  const unsigned old = *counter;
  *counter = old >= most ? 0 : old + 1;
  return old;
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(
    const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments
) {
  const dim3 grid = config->gridDim, block = config->blockDim;
  const bool fits = grid.x > 0 && grid.x <= 0x7FFFFFFF && grid.y > 0 && grid.y <= 65535 &&
                    grid.z > 0 && grid.z <= 65535 && block.x * block.y * block.z > 0 &&
                    block.x * block.y * block.z <= 1024;
  if (!fits) return cudaErrorInvalidConfiguration;
  cmir::emulation::run(grid, block, [&] { kernel(arguments...); });
  return cudaSuccess;
}
