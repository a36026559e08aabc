#!/usr/bin/env bash
# A real NVIDIA Triton server (2.51.0, CPU) from PyPI, for tests and proofs on loopback: the binary and the Python backend that the wheel
# `nvidia-pytriton` carries, and ONNX Runtime for the backend's interpreter. Needs Debian's python3.11, python3.11-venv and libpython3.11.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${TRITON_HOME:-$HOME/.cache/cqp-triton} python=${TRITON_PYTHON:-/usr/bin/python3.11}
case ${1:-} in
install) ;;
-h | --help)
  cat <<'TEXT'
usage: tools/servers/triton/install.sh install | --help

  install  makes a virtual environment with what requirements.txt names (97 MB fetched, about 300 MB kept); nothing when it is there

TRITON_HOME    where it is kept; ~/.cache/cqp-triton
TRITON_PYTHON  the interpreter; /usr/bin/python3.11
TEXT
  exit 0 ;;
*) "$0" --help >&2; exit 2 ;;
esac
if cmp -s "$here/requirements.txt" "$home/requirements.txt"; then exit 0; fi
rm -rf "$home"
"$python" -m venv "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps --no-compile --require-hashes -r "$here/requirements.txt"
server=$home/lib/python3.11/site-packages/pytriton/tritonserver
# The backend looks for its stub beside itself, and the stub has to be of the interpreter's minor version.
install -m755 "$server/python_backend_stubs/3.11/triton_python_backend_stub" "$server/backends/python/"
# Without libpython3.11 the server would wait in "loading" for ever.
if ldd "$server/bin/tritonserver" "$server"/backends/python/* 2>/dev/null | grep 'not found' >&2; then
  echo "triton: a shared library is missing (Debian: apt-get install libpython3.11)" >&2
  rm -rf "$home"
  exit 1
fi
cp "$here/requirements.txt" "$home/requirements.txt"
