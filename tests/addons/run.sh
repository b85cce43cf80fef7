#!/usr/bin/env bash
# Compares our norms with tensorflow-addons', which ended in May 2024 and imports under TensorFlow 2.15 and Python 3.11
# or older only. Makes an environment of its own in the folder given (default: a temporary one), so it needs a network.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3.11}
if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
  echo "tests/addons: skipped, $python is not Python 3.10 or 3.11, which tensorflow-addons needs (set PYTHON)"
  exit 0
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
environment=${1:-$temporary/addons}
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
"$environment/bin/pip" install -q 'tensorflow==2.15.1' 'tensorflow-addons==0.23.0'
TF_CPP_MIN_LOG_LEVEL=3 "$environment/bin/python" -W ignore compare.py
