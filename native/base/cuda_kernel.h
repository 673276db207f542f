#pragma once

// What the CUDA kernels share; included by .cu files alone.

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "base/bfloat16.h"
#include "base/kernel_scratch.h"

namespace cmir {

inline constexpr unsigned kWarp = 32, kBlock = 256;  // threads
inline constexpr unsigned kAllLanes = 0xFFFFFFFF;

/** Queues a kernel; throws with the runtime's words when it cannot be. */
template <class... Parameters, class... Arguments>
void launch(
    void (*kernel)(Parameters...), dim3 grid, dim3 block, CudaStream stream, Arguments... arguments
) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  const cudaError_t error =
      cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string("CUDA kernel: ") + cudaGetErrorString(error));
  }
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Sizes of a grid's dimension: at least 1, at most what the dimension takes or `most`. */
inline unsigned grid_size(int64_t blocks, int64_t most = 65535) {
  return static_cast<unsigned>(std::clamp<int64_t>(blocks, 1, most));
}

inline constexpr int64_t kMaxGridX = 0x7FFFFFFF;

/** A block of kBlock threads laid over rows of `width`: no wider than the row needs, or a warp. */
inline dim3 block_of_rows(int64_t width) {
  unsigned x = 1;
  while (x < width && x < kWarp) x *= 2;
  return {x, kBlock / x};
}

__device__ inline unsigned thread_number() { return threadIdx.y * blockDim.x + threadIdx.x; }

/** The sum over a warp, in all its lanes; all must call it. */
template <class Value>
__device__ Value warp_sum(Value value) {
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, lanes);
  }
  return value;
}

template <class Value>
__device__ Value warp_max(Value value) {
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    const Value other = __shfl_xor_sync(kAllLanes, value, lanes);
    value = value < other ? other : value;
  }
  return value;
}

/** The sum over a block, in thread 0; all its threads must call it. */
__device__ inline double block_sum(double value) {
  __shared__ double warps[kBlock / kWarp];
  const unsigned thread = thread_number();
  value = warp_sum(value);
  __syncthreads();  // what an earlier call left may still be read
  if (thread % kWarp == 0) warps[thread / kWarp] = value;
  __syncthreads();
  double total = 0;
  if (thread == 0) {
    for (const double warp : warps) total += warp;
  }
  return total;
}

/** True in every thread of the block that is the last of `blocks` to come here. */
__device__ inline bool is_last(uint32_t* arrivals, unsigned blocks) {
  __shared__ bool last;
  __syncthreads();  // the block's own parts are written, and an earlier answer is read
  if (thread_number() == 0) {
    __threadfence();
    // Counts to blocks - 1, then wraps to 0, ready for the next kernel.
    last = atomicInc(arrivals, blocks - 1) == blocks - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}

/** Reads what another block wrote. */
template <class Value>
__device__ Value read_shared(const Value* value) {
  return *static_cast<const volatile Value*>(value);
}

/** Adds `value` up over all threads of the grid; one thread calls use(total). All must call it. */
template <class Use>
__device__ void grid_sum(double value, const KernelScratch& scratch, const Use& use) {
  const unsigned blocks = gridDim.x * gridDim.y, block = blockIdx.y * gridDim.x + blockIdx.x;
  const double part = block_sum(value);
  if (thread_number() == 0) scratch.sums[block] = part;
  if (!is_last(scratch.arrivals, blocks)) return;
  double total = 0;
  for (unsigned b = thread_number(); b < blocks; b += kBlock) {
    total += read_shared(scratch.sums + b);
  }
  total = block_sum(total);
  if (thread_number() == 0) use(total);
}

/** A grid of column tiles (x) by chunks of rows (y) for kernels that call column_sums. */
struct ColumnGrid {
  ColumnGrid(int64_t rows, int64_t columns)
      : block(block_of_rows(columns)),
        grid(
            grid_size(column_tiles(columns), kMaxGridX),
            grid_size(
                ceil_div(rows, 4 * static_cast<int64_t>(block.y)),
                std::clamp<int64_t>(kSumBlocks / column_tiles(columns), 1, kMaxColumnParts)
            )
        ) {}
  dim3 block, grid;
};

/** The tile's sum over the block's rows, in threads of y = 0; all must call it. */
template <class Value>
__device__ Value column_block_sum(Value value) {
  __shared__ Value sums[kBlock];
  const unsigned thread = thread_number();
  __syncthreads();
  sums[thread] = value;
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) sums[thread] += sums[thread + half * blockDim.x];
  }
  return sums[thread];
}

/**
 * out[c] = element(row, c) summed over rows, where the grid is a ColumnGrid. Each element is asked
 * for once, by the thread that may change it.
 */
template <class Value, class Element>
__device__ void column_sums(
    int64_t rows, int64_t columns, const KernelScratch& scratch, Value* out, const Element& element
) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t stride = static_cast<int64_t>(blockDim.y) * gridDim.y;
  Value sum = 0;
  if (column < columns) {
    const int64_t first = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
#pragma unroll 4
    for (int64_t row = first; row < rows; row += stride) sum += element(row, column);
  }
  if (out == nullptr) return;                               // the same in all threads
  auto* parts = reinterpret_cast<Value*>(scratch.columns);  // [gridDim.y, columns]
  sum = column_block_sum(sum);
  if (threadIdx.y == 0 && column < columns) parts[blockIdx.y * columns + column] = sum;
  if (!is_last(scratch.arrivals + 1 + blockIdx.x, gridDim.y)) return;
  sum = 0;
  if (column < columns) {
    for (unsigned part = threadIdx.y; part < gridDim.y; part += blockDim.y) {
      sum += read_shared(parts + part * columns + column);
    }
  }
  sum = column_block_sum(sum);
  if (threadIdx.y == 0 && column < columns) out[column] = sum;
}

/** Four neighbours, moved as 16 bytes at a time where they lie on such a boundary. */
template <class Scalar>
struct alignas(sizeof(Scalar) * 4 < 16 ? sizeof(Scalar) * 4 : 16) Four {
  Scalar values[4];
};

/** Reads columns first to first + 3 of a row, those beyond its end as 0. */
template <bool Aligned, class Scalar>
__device__ Four<Scalar> load_four(const Scalar* row, int64_t first, int64_t columns) {
  if constexpr (Aligned) {
    return *reinterpret_cast<const Four<Scalar>*>(row + first);
  } else {
    Four<Scalar> four;
    for (int i = 0; i < 4; ++i) {
      four.values[i] = first + i < columns ? row[first + i] : static_cast<Scalar>(0.0F);
    }
    return four;
  }
}

template <bool Aligned, class Scalar>
__device__ void store_four(const Four<Scalar>& four, Scalar* row, int64_t first, int64_t columns) {
  if constexpr (Aligned) {
    *reinterpret_cast<Four<Scalar>*>(row + first) = four;
  } else {
    for (int i = 0; i < 4; ++i) {
      if (first + i < columns) row[first + i] = four.values[i];
    }
  }
}

/** The same four in bfloat16. */
template <class Scalar>
__device__ Four<Bfloat16> rounded_four(const Four<Scalar>& four) {
  Four<Bfloat16> rounded;
#pragma unroll
  for (int i = 0; i < 4; ++i) rounded.values[i] = Bfloat16(static_cast<float>(four.values[i]));
  return rounded;
}

/** Whether rows of `columns` from these pointers on can be moved by whole Fours. */
template <class... Scalar>
bool rows_aligned(int64_t columns, const Scalar*... pointers) {
  return columns % 4 == 0 &&
         ((reinterpret_cast<uintptr_t>(pointers) % alignof(Four<Scalar>) == 0) && ...);
}

}  // namespace cmir
