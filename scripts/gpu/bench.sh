#!/usr/bin/env bash
# npm run bench:gpu, or `bash scripts/gpu/bench.sh` where there is no Node: JSON lines of a training step on a GPU beside
# PyTorch's, and of each kernel beside a copy. Arguments go to scripts/gpu/bench.py.
source "$(dirname "$0")/build.sh" bench:gpu cmir_bench
exec "$PYTHON" scripts/gpu/bench.py "$@"
