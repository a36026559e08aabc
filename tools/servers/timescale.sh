#!/usr/bin/env bash
# A PostgreSQL 17 with TimescaleDB for tests: Debian trixie's packages unpacked into a root of their own, nothing of the machine's is touched.
# Debian builds the Apache edition: hypertables, without compression, continuous aggregates and policies.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/servers/timescale.sh install | start | stop | url | --help

  install   fetches and unpacks the packages (11 s, 149 MB); does nothing when they are there
  start     makes a cluster when there is none, starts it on 127.0.0.1 and prints its URL
  stop      ends it
  url       prints the URL

TIMESCALE_HOME   where it lives (default $HOME/.cache/cqp-timescale)
TIMESCALE_PORT   its port (default 25437)
Needs root and Debian's apt. Ends by hand only: a test run uses the URL as TEST_TIMESCALE_URL.
TEXT
}

home=${TIMESCALE_HOME:-$HOME/.cache/cqp-timescale}
port=${TIMESCALE_PORT:-25437}
root=$home/root
version=17

as_server() { chroot --userspec=postgres:postgres "$root" "/usr/lib/postgresql/$version/bin/$1" "${@:2}"; }
url() { echo "postgresql://postgres@127.0.0.1:$port/postgres"; }

install() {
  [ -e "$home/installed" ] && return
  rm -rf "$home"
  mkdir -p "$home"/lists/partial "$home"/cache/archives/partial "$root"/usr/bin "$root"/usr/sbin "$root"/usr/lib "$root"/usr/lib64 \
    "$root"/dev/shm "$root"/tmp "$root"/etc "$root"/srv/pg
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/$')
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$home/sources.list"
  # An empty list of installed packages: apt fetches everything that is needed and never looks at this machine's own.
  : >"$home/status"
  fetch() {
    apt-get -qq -o Dir::Etc::sourcelist="$home/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$home/lists" \
      -o Dir::Cache="$home/cache" -o Dir::State::status="$home/status" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@" >/dev/null
  }
  fetch update
  # dash is the shell that initdb starts the server with.
  fetch install -y --download-only --no-install-recommends base-files dash "postgresql-$version" "postgresql-$version-timescaledb"
  for link in bin sbin lib lib64; do ln -sfn "usr/$link" "$root/$link"; done
  for package in "$home"/cache/archives/*.deb; do
    case $package in *perl* | *libllvm* | *libz3* | *locales* | *procps*) continue ;; esac
    dpkg-deb --fsys-tarfile "$package" |
      tar -x --keep-directory-symlink -C "$root" --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*'
  done
  local user group
  user=$(id -u postgres 2>/dev/null || echo 999)
  group=$(id -g postgres 2>/dev/null || echo 999)
  chmod 1777 "$root/tmp" "$root/dev/shm"
  chown "$user:$group" "$root/srv/pg"
  mknod -m 666 "$root/dev/null" c 1 3
  mknod -m 666 "$root/dev/zero" c 1 5
  mknod -m 666 "$root/dev/urandom" c 1 9
  echo "postgres:x:$user:$group::/srv/pg:/bin/sh" >"$root/etc/passwd"
  echo "postgres:x:$group:" >"$root/etc/group"
  rm -rf "$home/cache" "$home/lists" "$home/status"
  touch "$home/installed"
}

start() {
  if [ ! -e "$root/srv/pg/data/PG_VERSION" ]; then
    as_server initdb -D /srv/pg/data -U postgres -A trust --no-locale -E UTF8 >/dev/null
    # No background workers: one that visits a template keeps it from being cloned. A test's server need not survive a power cut.
    cat >>"$root/srv/pg/data/postgresql.conf" <<CONF
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 0
jit = off
fsync = off
max_connections = 200
listen_addresses = '127.0.0.1'
unix_socket_directories = '/srv/pg'
CONF
  fi
  as_server pg_ctl -D /srv/pg/data status >/dev/null || as_server pg_ctl -D /srv/pg/data -l /srv/pg/log -o "-p $port" -w start >/dev/null
  url
}

stop() { as_server pg_ctl -D /srv/pg/data -m fast stop >/dev/null; }

case ${1:-} in
  install | start | stop | url) "$1" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
