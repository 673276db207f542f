# Sourced by test.sh and bench.sh, which run on a machine with a GPU, from this folder alone: no Node, no network. Finds
# Python's torch and nvcc, and builds the target it is given in build/gpu. Ends the script that sources it with 0 where
# there is no GPU: then there is nothing to test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

purpose=$1
target=$2
PYTHON=${PYTHON:-python3}

gpus=$(nvidia-smi -L 2>/dev/null || true)
if [[ $gpus != *GPU* ]] && ! compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
  echo "skipped: no CUDA device ($purpose needs one)"
  exit 0
fi
torch=$("$PYTHON" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
"$PYTHON" -c 'import torch
print("torch", torch.__version__, "CUDA", torch.version.cuda)
if not torch.cuda.is_available(): raise SystemExit("there is a GPU, but this torch sees no CUDA device")
print(torch.cuda.get_device_name())'

# nvcc: as CUDACXX names it, in PATH, where NVIDIA installs it, or from NVIDIA's packages beside torch.
nvcc=
for candidate in "${CUDACXX:-}" "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc "$torch/../nvidia/cu13/bin/nvcc"; do
  if [ -n "$candidate" ] && [ -x "$candidate" ] && "$candidate" --version >/dev/null 2>&1; then
    nvcc=$candidate
    break
  fi
done
if [ -z "$nvcc" ]; then
  echo "no nvcc: expected CUDACXX to name it, or to find it in PATH, /usr/local/cuda/bin or beside torch" >&2
  exit 1
fi
echo "$nvcc: $("$nvcc" --version | tail -1)"

arguments=(--preset cuda
  "-DCMIR_LIBTORCH=$torch" "-DCMAKE_CUDA_COMPILER=$nvcc"
  # Only what this GPU runs: a test build need not serve others.
  "-DCMAKE_CUDA_ARCHITECTURES=$("$PYTHON" -c 'import torch; print("%d%d-real" % torch.cuda.get_device_capability())')")
# NVIDIA's packages have lib where nvcc expects lib64.
packaged=$(dirname "$nvcc")/../lib
[ -e "$packaged/libcudart_static.a" ] && arguments+=("-DCMAKE_CUDA_FLAGS=-L$packaged")
command -v ninja >/dev/null && arguments+=(-G Ninja)
mkdir -p build
if ! cmake "${arguments[@]}" >build/gpu-build.log 2>&1 ||
  ! cmake --build build/gpu --parallel "$(nproc)" --target "$target" >>build/gpu-build.log 2>&1; then
  tail -40 build/gpu-build.log >&2
  exit 1
fi
echo "built $target"
