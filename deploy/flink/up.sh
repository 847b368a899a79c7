#!/usr/bin/env bash
# Starts a Flink session cluster on this machine: a JobManager and TaskManagers on the loopback interface.
#
#   deploy/flink/up.sh               (or: make flink-up)
#   FLINK_TASKMANAGERS=3 FLINK_PORT=9081 deploy/flink/up.sh
#
#   FLINK_TASKMANAGERS  number of TaskManagers (default 2)
#   FLINK_SLOTS         slots of each TaskManager (default 2, so that one TaskManager can take over the other's tasks)
#   FLINK_PORT          port of Flink's REST API and web page (default 8081)
#   FLINK_HEAP_MB       task heap of each TaskManager (default 1536)
#
# Prints the address on stdout. A second call starts missing processes. Rows are processed in Python workers, which each
# `plumbline run` starts. A TaskManager buffers up to 100 messages of 10 MB from its worker in the heap: with less heap,
# large jobs run out of memory.
set -euo pipefail
source "$(dirname "$0")/common.sh"
taskmanagers=${FLINK_TASKMANAGERS:-2} slots=${FLINK_SLOTS:-2} port=${FLINK_PORT:-8081} heap=${FLINK_HEAP_MB:-1536}
for number in "$taskmanagers" "$slots" "$port" "$heap"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || refuse "'$number': FLINK_TASKMANAGERS, FLINK_SLOTS, FLINK_PORT and FLINK_HEAP_MB are whole numbers above 0"
done
need_java
bash "$(dirname "$0")/fetch.sh"
lock "$state/.lock" "$python"
mkdir -p "$state/conf" "$state/log" "$state/tmp"

# Prints the number of registered TaskManagers; nothing if the JobManager cannot be reached.
registered() {
  "$python" - "$port" 2>/dev/null <<'ASK'
import json, sys, urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(json.load(direct.open(f"http://127.0.0.1:{sys.argv[1]}/overview", timeout=5))["taskmanagers"])
ASK
}
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Flink's serializers access JDK internals, which Java 17 closes by default; the list is Flink's own.
opens=()
for package in java.lang java.net java.io java.nio java.lang.reflect java.text java.time java.util \
  java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks sun.nio.ch; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
opens+=(--add-exports=java.base/sun.net.util=ALL-UNNAMED --add-exports=java.management/sun.management=ALL-UNNAMED)

# Stops the processes that this call has started, and exits with an error.
started=()
fail() {
  [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
  refuse "$@"
}

start() { # name, entry class, JVM options
  local name=$1 class=$2
  shift 2
  rm -f "$state/log/$name".*
  nohup "$java" "$@" "${opens[@]}" -Dlog.file="$state/log/$name.log" -Dlog4j.configurationFile="file:$state/conf/log4j.properties" \
    -cp "$flink_dir/dist/lib/*:$flink_dir/job-server.jar" "$class" --configDir "$state/conf" \
    $([[ $name == taskmanager-* ]] && echo "-Dtaskmanager.resource-id=$name") >"$state/log/$name.out" 2>&1 </dev/null 9>&- &
  started+=($!)
  echo $! >"$state/$name.pid.new" && mv "$state/$name.pid.new" "$state/$name.pid"
}

if ! running "$state/jobmanager.pid" >/dev/null; then
  registered >/dev/null && refuse "port $port: in use by another Flink; stop it, or choose another port with FLINK_PORT"
  cat >"$state/conf/config.yaml" <<CONF
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: $(free_port)
jobmanager.memory.process.size: 1024m
taskmanager.bind-host: 127.0.0.1
taskmanager.host: 127.0.0.1
taskmanager.numberOfTaskSlots: $slots
taskmanager.load-balance.mode: SLOTS
# The JVM is started without Flink's scripts, which would compute these values.
taskmanager.cpu.cores: $slots
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.task.heap.size: ${heap}m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: 256m
# Jobs of TFDV and TFMA have dozens of shuffles, each with its own buffers; so the buffers are small.
taskmanager.memory.network.min: 256m
taskmanager.memory.network.max: 256m
taskmanager.memory.segment-size: 16kb
taskmanager.memory.jvm-metaspace.size: 512m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
rest.bind-address: 127.0.0.1
rest.address: 127.0.0.1
rest.port: $port
io.tmp.dirs: $state/tmp
blob.storage.directory: $state/tmp
# A lost TaskManager is noticed within seconds, and its tasks run again elsewhere. Each region of a job that it ran fails
# separately; only this restart strategy counts simultaneous failures as one.
heartbeat.interval: 2000
heartbeat.timeout: 30000
slot.request.timeout: 30000
restart-strategy.type: exponential-delay
restart-strategy.exponential-delay.initial-backoff: 2 s
restart-strategy.exponential-delay.max-backoff: 10 s
restart-strategy.exponential-delay.attempts-before-reset-backoff: 3
# Beam's classes are loaded by the cluster's class loader. With the class loader of a job, Flink would unload them with
# the last task of a stage, and Beam would end its Python workers, which have TensorFlow imported, after each stage.
classloader.resolve-order: parent-first
classloader.check-leaked-classloader: false
cluster.registration.error-delay: 1000
cluster.registration.initial-timeout: 500
CONF
  cat >"$state/conf/log4j.properties" <<'CONF'
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
appender.file.name = file
appender.file.type = RollingFile
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 20MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
CONF
  start jobmanager org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint -Xmx640m
else
  grep -qx "rest.port: $port" "$state/conf/config.yaml" \
    || refuse "a cluster of this folder runs already, on another port: $(grep '^rest.port' "$state/conf/config.yaml"); take it down first (make flink-down)"
fi
for number in $(seq "$taskmanagers"); do
  running "$state/taskmanager-$number.pid" >/dev/null && continue
  # Without ExitOnOutOfMemoryError only a thread ends, and the job waits for it for ever.
  # Heap: framework and tasks. Direct memory: network, and off-heap memory of framework and tasks.
  start "taskmanager-$number" org.apache.flink.runtime.taskexecutor.TaskManagerRunner \
    "-Xms$((heap + 128))m" "-Xmx$((heap + 128))m" -XX:MaxDirectMemorySize=448m -XX:MaxMetaspaceSize=512m \
    -XX:+ExitOnOutOfMemoryError
done

for _ in $(seq 120); do
  for name in jobmanager $(seq -f 'taskmanager-%g' "$taskmanagers"); do
    running "$state/$name.pid" >/dev/null && continue
    why=$(grep -hE 'Caused by: |^Error' "$state/log/$name.out" "$state/log/$name.log" 2>/dev/null | tail -n 1 | cut -c 1-300 || true)
    fail "$name ended during its start${why:+: $why} (see $state/log/$name.log)"
  done
  if [ "$(registered || echo 0)" -ge "$taskmanagers" ]; then
    say "$taskmanagers TaskManagers with $slots slots each; web page: http://127.0.0.1:$port"
    echo "127.0.0.1:$port"
    exit 0
  fi
  sleep 0.5
done
fail "after 60 s only $(registered || echo 0) of $taskmanagers TaskManagers have registered; see $state/log"
