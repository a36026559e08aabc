#!/usr/bin/env bash
# A real Apache Kafka broker for tests and proofs: KRaft, one JVM, no ZooKeeper, no container. Needs Java 17 and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${KAFKA_HOME:-$HOME/.cache/cqp-kafka} port=${KAFKA_PORT:-19092}
run=$home/run-$port
usage() {
  cat <<'TEXT'
usage: tools/servers/kafka/kafka.sh install | start | stop | kill | clean | --help

  install  fetches the broker's jars from Maven Central (43 MB are kept); nothing when they are there
  start    formats fresh data if there is none, starts the broker and returns when it serves
  stop     ends it in good order
  kill     ends it with SIGKILL; the data stay
  clean    removes the data of a stopped broker

KAFKA_HOME  where jars and data are kept; ~/.cache/cqp-kafka
KAFKA_PORT  port P of the clients; 19092. P+1 is the controller's, P+2 a second listener that tells its clients to come to P+3:
            what forwards P+3 to P+2 can cut the link
TEXT
}
alive() { [ -f "$run/pid" ] && kill -0 "$(cat "$run/pid")" 2>/dev/null; }
case ${1:-} in
install)
  if cmp -s "$here/pom.xml" "$home/pom.xml"; then exit 0; fi
  rm -rf "$home/lib" && mkdir -p "$home"
  mvn -B -ntp -q -f "$here/pom.xml" -Dmaven.repo.local="$home/m2" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/lib"
  rm -rf "$home/m2" && cp "$here/pom.xml" "$home/pom.xml" ;;
start)
  if alive; then exit 0; fi
  mkdir -p "$run"
  sed "s#@PORT@#$port#g; s#@CTRL@#$((port + 1))#g; s#@FAULT@#$((port + 2))#g; s#@PROXY@#$((port + 3))#g; s#@DATA@#$run/data#g" \
    "$here/server.properties.in" >"$run/server.properties"
  # The three streams of the broker are files: a caller that waits for the end of a pipe would wait for the broker.
  jvm=(java -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "-Djava.io.tmpdir=$run"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$home/lib/*")
  [ -f "$run/data/meta.properties" ] || "${jvm[@]}" kafka.tools.StorageTool format \
    -t AAAAAAAAAAAAAAAAAAAAAQ -c "$run/server.properties" >"$run/format.log" 2>&1
  "${jvm[@]}" -Xms128m -Xmx512m kafka.Kafka "$run/server.properties" </dev/null >>"$run/broker.log" 2>&1 &
  echo $! >"$run/pid"
  # The client port opens when the broker can serve, not before.
  for _ in $(seq 1500); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then exit 0; fi
    if ! alive; then tail -20 "$run/broker.log" >&2; exit 1; fi
    sleep 0.1
  done
  echo "kafka: not ready after 150 s" >&2; exit 1 ;;
stop | kill)
  alive || exit 0
  pid=$(cat "$run/pid")
  if [ "$1" = kill ]; then kill -KILL "$pid"; else kill -TERM "$pid"; fi
  for _ in $(seq 300); do if ! alive; then rm -f "$run/pid"; exit 0; fi; sleep 0.1; done
  kill -KILL "$pid"; rm -f "$run/pid" ;;
clean) if alive; then echo "kafka: it runs" >&2; exit 1; fi; rm -rf "$run" ;;
-h | --help) usage ;;
*) usage >&2; exit 2 ;;
esac
