#!/usr/bin/env bash
# The same training steps in Holdfast and in PyTorch, in turns: ./benchmarks/pytorch.sh [PAIRS]; writes docs/benchmarks.md.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" --write pytorch "$@"
