#!/usr/bin/env bash
# npm run test:gpu, or `bash scripts/gpu/test.sh` where there is no Node: the C++ tests on a GPU. Kernels against the CPU
# and float64, the captured step against the CPU's and against itself uncaptured, trainers side by side; then the kernels
# once more under compute-sanitizer, where that is.
source "$(dirname "$0")/build.sh" test:gpu cmir_test

# All of it: what has nothing to do with CUDA is built against another LibTorch here.
build/gpu/cmir_test

sanitizer=
for candidate in "$(command -v compute-sanitizer || true)" "$(dirname "$nvcc")/compute-sanitizer" /usr/local/cuda/bin/compute-sanitizer; do
  if [ -n "$candidate" ] && [ -x "$candidate" ]; then
    sanitizer=$candidate
    break
  fi
done
if [ -z "$sanitizer" ]; then
  echo "skipped: compute-sanitizer is not there"
  exit 0
fi
# LibTorch's own kernels are not what is tested; its allocator's pools hide nothing when it does not cache.
for tool in memcheck racecheck synccheck; do
  echo "compute-sanitizer $tool"
  PYTORCH_NO_CUDA_MEMORY_CACHING=$([ "$tool" = memcheck ] && echo 1 || echo 0) \
    "$sanitizer" --tool "$tool" --error-exitcode 1 --print-limit 20 \
    build/gpu/cmir_test -tc='*CUDA kernel*'
done
