#!/usr/bin/env bash
# Keycloak, for trying an outside OpenID provider: one JVM, its database a file. Needs Java 17 and Maven.
set -euo pipefail
version=26.7.3
here=$(cd "$(dirname "$0")" && pwd)
home=${KEYCLOAK_HOME:-$HOME/.cache/cqp-keycloak} port=${KEYCLOAK_PORT:-58080} dashboard=${KEYCLOAK_DASHBOARD:-http://localhost:8000}
server=$home/keycloak-$version run=$home/run-$port
issuer=http://127.0.0.1:$port/realms/line
export JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1 JAVA_OPTS_KC_HEAP="-Xms64m -Xmx384m"
usage() {
  cat <<'TEXT'
usage: tools/servers/keycloak/keycloak.sh install | start | stop | --help

  install  fetches it from Maven Central and prepares it (a minute, 400 MB are kept); nothing when it is there
  start    starts it anew with the realm beside this script and returns when that serves: people ada and nobody, client quality-dashboard, station ict-hh-1;
           every password and secret is of-this-example-alone. The issuer is http://127.0.0.1:PORT/realms/line
  stop     ends it, and removes its data

KEYCLOAK_HOME       where it is kept; ~/.cache/cqp-keycloak
KEYCLOAK_PORT       port P on 127.0.0.1; 58080. P+1 is its management port
KEYCLOAK_DASHBOARD  where the dashboard is opened; http://localhost:8000
TEXT
}
# The shell that starts it is not the JVM.
java_pid() { pgrep -f -- "$run/" || true; }
case ${1:-} in
install)
  if [ -f "$server/prepared" ]; then exit 0; fi
  mkdir -p "$home"
  mvn -B -ntp -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dmaven.repo.local="$home/m2" \
    -Dartifact=org.keycloak:keycloak-quarkus-dist:$version:tar.gz -DoutputDirectory="$home/new"
  tar -xzf "$home/new/keycloak-quarkus-dist-$version.tar.gz" -C "$home" && rm -rf "$home/m2" "$home/new"
  "$server/bin/kc.sh" build --db=dev-file --health-enabled=true --features-disabled=device-flow,ciba,par,impersonation,organization,kerberos >/dev/null
  touch "$server/prepared" ;;
start)
  "$0" stop
  cp -a "$server" "$run"
  mkdir -p "$run/data/import"
  sed "s#http://localhost:8000#$dashboard#g" "$here/realm.json" >"$run/data/import/line-realm.json"
  KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=admin "$run/bin/kc.sh" start --optimized --cache=local --import-realm \
    --http-enabled=true --hostname="http://127.0.0.1:$port" --http-host=127.0.0.1 --http-port="$port" --http-management-port=$((port + 1)) \
    </dev/null >"$run/log" 2>&1 &
  for _ in $(seq 240); do
    if curl -sf -o /dev/null "$issuer/.well-known/openid-configuration"; then echo "ready $issuer"; exit 0; fi
    sleep 0.5
  done
  tail -20 "$run/log" >&2
  echo "keycloak: not ready after 120 s" >&2; exit 1 ;;
stop)
  for pid in $(java_pid); do kill -TERM "$pid" 2>/dev/null || true; done
  for _ in $(seq 100); do if [ -z "$(java_pid)" ]; then break; fi; sleep 0.1; done
  for pid in $(java_pid); do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$run" ;;
-h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
