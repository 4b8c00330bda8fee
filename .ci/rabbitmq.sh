# A RabbitMQ node of its own, in $work, on free ports: $rabbitmq_url while it runs, and the command $rabbitmqctl for its virtual hosts and alarms.

start_rabbitmq() {
  if ! compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin' >/dev/null; then
    # The service of the package needs its usual port, and nobody uses it here.
    RUNLEVEL=1 install_packages rabbitmq-server
  fi
  local sbin port
  sbin=$(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin' | sort -V | tail -n 1)
  port=$(free_port)
  rabbitmq_dir=$work/rabbitmq
  mkdir "$rabbitmq_dir"
  cat >"$rabbitmq_dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$port
distribution.listener.interface = 127.0.0.1
CONF
  # Nobody else's node, cookie or configuration is used.
  rabbitmq_env=(
    "HOME=$rabbitmq_dir" "PATH=$sbin:$PATH"
    "RABBITMQ_NODENAME=sluice-$port@localhost" "RABBITMQ_DIST_PORT=$(free_port)"
    "RABBITMQ_MNESIA_BASE=$rabbitmq_dir/data" "RABBITMQ_LOG_BASE=$rabbitmq_dir/log"
    "RABBITMQ_ENABLED_PLUGINS_FILE=$rabbitmq_dir/plugins" "RABBITMQ_FEATURE_FLAGS_FILE=$rabbitmq_dir/flags"
    "RABBITMQ_CONFIG_FILE=$rabbitmq_dir/rabbitmq.conf" "RABBITMQ_CONF_ENV_FILE=/dev/null"
    "ERL_CRASH_DUMP=$rabbitmq_dir/crash.dump"
  )
  env "${rabbitmq_env[@]}" rabbitmq-server >"$rabbitmq_dir/server.log" 2>&1 &
  rabbitmq_pid=$!
  # Tests call it, and they know nothing of the node.
  rabbitmqctl=$rabbitmq_dir/ctl
  printf '#!/bin/sh\nexec env %s rabbitmqctl "$@"\n' "$(printf '%q ' "${rabbitmq_env[@]}")" >"$rabbitmqctl"
  chmod +x "$rabbitmqctl"
  for _ in $(seq 60); do
    "$rabbitmqctl" --quiet await_startup --timeout 5 >/dev/null 2>&1 && break
    sleep 1
  done
  rabbitmq_url=amqp://guest:guest@127.0.0.1:$port
  echo "RabbitMQ $("$rabbitmqctl" --quiet version) is ready"
}

stop_rabbitmq() {
  [[ -n ${rabbitmq_pid:-} ]] || return 0
  "$rabbitmqctl" --quiet stop >/dev/null 2>&1 || kill "$rabbitmq_pid" 2>/dev/null || true
  wait "$rabbitmq_pid" 2>/dev/null || true
}
