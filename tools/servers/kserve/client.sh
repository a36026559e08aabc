#!/usr/bin/env bash
# A KServe client that is not ours, for tests: NVIDIA's `tritonclient` (pure Python, HTTP) in a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${KSERVE_CLIENT_HOME:-$HOME/.cache/cqp-kserve-client} python=${TEST_PYTHON:-/usr/bin/python3.11}
case ${1:-} in
install) ;;
-h | --help)
  cat <<'TEXT'
usage: tools/servers/kserve/client.sh install | --help

  install  makes a virtual environment with what requirements.txt names (28 MB fetched), nothing when it is there, and prints its interpreter:
           a test run takes it as TEST_KSERVE_PYTHON

KSERVE_CLIENT_HOME  where it is kept; ~/.cache/cqp-kserve-client
TEST_PYTHON         a Python 3.11 with venv; /usr/bin/python3.11
TEXT
  exit 0 ;;
*) "$0" --help >&2; exit 2 ;;
esac
if ! cmp -s "$here/requirements.txt" "$home/requirements.txt"; then
  rm -rf "$home"
  "$python" -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: --require-hashes -r "$here/requirements.txt"
  "$home/bin/python" -c 'import tritonclient.http'
  cp "$here/requirements.txt" "$home/requirements.txt"
fi
echo "$home/bin/python"
