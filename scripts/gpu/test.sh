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
for tool in memcheck racecheck synccheck; do
  echo "compute-sanitizer $tool"
  # Calls that LibTorch makes to see what a driver can do may fail. Its allocator's cache would hide what lies
  # beyond an array's end.
  env $([ "$tool" = memcheck ] && echo PYTORCH_NO_CUDA_MEMORY_CACHING=1) \
    "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 1 --print-limit 20 \
    build/gpu/cmir_test -tc='*CUDA kernel*'
done
