#!/usr/bin/env bash
# Builds Holdfast and times it: jmh [JMH options], flat [turns] [learners], pytorch [pairs],
# calibration [pairs], language [pairs], precision [pairs], moa [turns] [rows].
# "--write" as the first word puts the table into docs/benchmarks.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat >&2 <<'EOF'
Usage: ./benchmarks/run.sh [--write] jmh [PATTERN] [JMH options]   training steps and learner updates
       ./benchmarks/run.sh [--write] flat [TURNS] [LEARNER...]     a batch of task 100 against one of task 2
       ./benchmarks/run.sh [--write] pytorch [PAIRS]               the same steps in Holdfast and in PyTorch
       ./benchmarks/run.sh calibration [PAIRS]                     one step of h-calibration in Holdfast and in PyTorch
       ./benchmarks/run.sh language [PAIRS]                        one step of a small decoder in Holdfast and in PyTorch
       ./benchmarks/run.sh precision [PAIRS]                       a linear map in few bits in Holdfast and in PyTorch
       ./benchmarks/run.sh [--write] moa [TURNS] [ROWS]            learners of label sets in Holdfast and in MOA
EOF
  exit 2
}

table=cat
[[ ${1:-} == --write ]] && { shift; table=write; }
what=${1:-}
[[ -n $what ]] && shift

# libtorch's idle threads spin unless told otherwise, and OpenBLAS has threads of its own that always do
export OMP_WAIT_POLICY=PASSIVE OPENBLAS_NUM_THREADS=1
# an inherited core type would pin the matrix products to the kernels of an older processor
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

write() { tee >(cat >&2) | python3 "$here/report.py" "$what" "$here/../docs/benchmarks.md"; }

build() { (cd "$here/.." && mvn -q -B -DskipTests package -pl benchmarks -am) >&2; }

run_java() {
  local java=${JAVA_HOME:+$JAVA_HOME/bin/}java
  "$java" -XX:+UseSerialGC -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 \
    -cp "$here/target/classes:$(cat "$here/target/classpath.txt")" "$@"
}

case $what in
  jmh)
    build
    result=$(mktemp)
    trap 'rm -f "$result"' EXIT
    run_java dev.holdfast.benchmarks.Benchmarks "$@" -rf json -rff "$result" >&2
    python3 "$here/jmh_table.py" "$result" | $table
    ;;
  flat)
    build
    run_java dev.holdfast.benchmarks.FlatCost "$@" | $table
    ;;
  pytorch)
    build
    if [[ ! -x $here/.venv/bin/python ]]; then
      echo "Making benchmarks/.venv with the newest PyTorch (once; some gigabytes) ..." >&2
      python3 -m venv "$here/.venv"
      "$here/.venv/bin/pip" install -q --upgrade torch numpy >&2
    fi
    "$here/.venv/bin/python" "$here/side_by_side.py" "$@" | $table
    ;;
  calibration)
    build
    if [[ ! -x $here/.venv/bin/python ]]; then
      echo "There is no PyTorch in benchmarks/.venv yet; ./benchmarks/run.sh pytorch makes it." >&2
      exit 2
    fi
    "$here/.venv/bin/python" "$here/calibration_side_by_side.py" "$@"
    ;;
  language)
    build
    if [[ ! -x $here/.venv/bin/python ]]; then
      echo "There is no PyTorch in benchmarks/.venv yet; ./benchmarks/run.sh pytorch makes it." >&2
      exit 2
    fi
    "$here/.venv/bin/python" "$here/language_side_by_side.py" "$@"
    ;;
  precision)
    build
    if [[ ! -x $here/.venv/bin/python ]]; then
      echo "There is no PyTorch in benchmarks/.venv yet; ./benchmarks/run.sh pytorch makes it." >&2
      exit 2
    fi
    "$here/.venv/bin/python" "$here/precision_side_by_side.py" "$@"
    ;;
  moa)
    build
    run_java -Xmx3g dev.holdfast.benchmarks.MoaSideBySide "$@" | $table
    ;;
  *) usage ;;
esac
