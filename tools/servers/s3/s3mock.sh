#!/usr/bin/env bash
# A server that speaks S3, for tests: Adobe's S3Mock, one JVM, files in a folder. It holds bodies to their checksum and takes any key. Needs Java 17 and Maven.
set -euo pipefail
version=4.9.1
home=${S3MOCK_HOME:-$HOME/.cache/cqp-s3mock} port=${S3MOCK_PORT:-19190}
run=$home/run-$port jar=$home/s3mock-$version-exec.jar
usage() {
  cat <<'TEXT'
usage: tools/servers/s3/s3mock.sh install | start | stop | clean | --help

  install  fetches its jar from Maven Central (9 s, 62 MB are kept); nothing when it is there
  start    starts it and returns when it serves
  stop     ends it
  clean    removes the data of a stopped one

S3MOCK_HOME  where jar and data are kept; ~/.cache/cqp-s3mock
S3MOCK_PORT  port P on 127.0.0.1; 19190. P+1 is its HTTPS port
TEXT
}
alive() { [ -f "$run/pid" ] && kill -0 "$(cat "$run/pid")" 2>/dev/null; }
case ${1:-} in
install)
  if [ -f "$jar" ]; then exit 0; fi
  mkdir -p "$home"
  mvn -B -ntp -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dmaven.repo.local="$home/m2" \
    -Dartifact=com.adobe.testing:s3mock:$version:jar:exec -DoutputDirectory="$home/new"
  mv "$home/new/$(basename "$jar")" "$jar" && rm -rf "$home/m2" "$home/new" ;;
start)
  if alive; then exit 0; fi
  mkdir -p "$run/data"
  # Files in place of the three streams: a caller that waits for the end of a pipe would wait for the server.
  java -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m "-Djava.io.tmpdir=$run" -jar "$jar" --server.address=127.0.0.1 \
    --com.adobe.testing.s3mock.httpPort="$port" --server.port=$((port + 1)) --com.adobe.testing.s3mock.store.root="$run/data" \
    </dev/null >>"$run/log" 2>&1 &
  echo $! >"$run/pid"
  for _ in $(seq 900); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then exit 0; fi
    if ! alive; then tail -20 "$run/log" >&2; exit 1; fi
    sleep 0.1
  done
  echo "s3mock: not ready after 90 s" >&2; exit 1 ;;
stop)
  alive || exit 0
  pid=$(cat "$run/pid")
  kill -TERM "$pid"
  for _ in $(seq 100); do if ! alive; then rm -f "$run/pid"; exit 0; fi; sleep 0.1; done
  kill -KILL "$pid"; rm -f "$run/pid" ;;
clean) if alive; then echo "s3mock: it runs" >&2; exit 1; fi; rm -rf "$run" ;;
-h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
