#include <c10/cuda/CUDAStream.h>

#include "base/scratch.h"

namespace cmir {

CudaStream current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

}  // namespace cmir
