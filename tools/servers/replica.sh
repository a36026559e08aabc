#!/usr/bin/env bash
# A PostgreSQL primary and a streaming standby of it on this machine, for tests: Debian's PostgreSQL 15, run as user postgres.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/servers/replica.sh start | stop | start-standby | kill-standby | urls | --help

  start           makes and starts primary and standby (pg_basebackup), prints both URLs; anew every time
  stop            ends both and removes their data
  kill-standby    kills the standby with SIGKILL, as a lost machine would be
  start-standby   starts it again
  urls            prints the URLs: primary, standby

REPLICA_HOME    where they live (default /tmp/cqp-replica); every folder above must be passable for user postgres
REPLICA_PORT    port of the primary (default 25425); the standby has the next one
POSTGRES_BIN    binaries (default /usr/lib/postgresql/15/bin)
Needs root. A test run uses the URLs as TEST_PRIMARY_URL and TEST_REPLICA_URL.
TEXT
}

home=${REPLICA_HOME:-/tmp/cqp-replica}
port=${REPLICA_PORT:-25425}
bin=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
control() { as_postgres "$bin/pg_ctl" -D "$home/$1" "${@:2}" >/dev/null; }
launch() {
  control "$1" -w -l "$home/$1.log" -o "-p $2 -c listen_addresses=127.0.0.1 -c unix_socket_directories=$home -c max_connections=200 -c jit=off -c fsync=off" start
}
urls() { printf 'postgresql://postgres@127.0.0.1:%s/postgres\n' "$port" "$((port + 1))"; }

start() {
  stop
  mkdir -p "$home"
  chown postgres "$home"
  as_postgres "$bin/initdb" -D "$home/primary" -U postgres -A trust --no-locale -E UTF8 >/dev/null
  launch primary "$port"
  as_postgres "$bin/pg_basebackup" -d "host=127.0.0.1 port=$port user=postgres" -D "$home/standby" -R -X stream -C -S standby -c fast
  start-standby
  urls
}
start-standby() { launch standby "$((port + 1))"; }
kill-standby() {
  local pid
  pid=$(head -1 "$home/standby/postmaster.pid")
  # The postmaster first, so that it starts nothing anew; its children end with their socket, or here.
  local children
  children=$(ps -o pid= --ppid "$pid" || true)
  kill -KILL "$pid" $children 2>/dev/null || true
  for one in $pid $children; do
    for _ in {1..100}; do kill -0 "$one" 2>/dev/null || break; sleep 0.05; done
  done
  rm -f "$home/standby/postmaster.pid"
}
stop() {
  for one in standby primary; do
    [ -e "$home/$one/postmaster.pid" ] && control "$one" -m immediate stop || true
  done
  rm -rf "$home"
}

case ${1:-} in
  start | stop | start-standby | kill-standby | urls) "$1" ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
