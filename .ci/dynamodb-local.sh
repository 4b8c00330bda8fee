# AWS's own DynamoDB Local, in memory, on a free port: $dynamodb_local_url while it runs. It comes in an npm package that
# is too large to depend on (347 MB), so it is kept outside the repository.

dynamodb_local_package=amplify-dynamodb-simulator@2.9.30

start_dynamodb_local() {
  command -v java >/dev/null || install_packages default-jre-headless
  local home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/$dynamodb_local_package
  [[ -d $home ]] || fetch_dynamodb_local "$home"

  local port
  port=$(free_port)
  # It leaves a file where it is started.
  (
    cd "$work"
    exec java "-Djava.library.path=$home/DynamoDBLocal_lib" -jar "$home/DynamoDBLocal.jar" -inMemory -sharedDb \
      -port "$port" >dynamodb-local.log 2>&1
  ) &
  dynamodb_local_pid=$!
  for ((tries = 0; tries < 150; tries++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      dynamodb_local_url=http://127.0.0.1:$port
      echo 'DynamoDB Local is ready'
      return
    fi
    kill -0 "$dynamodb_local_pid" 2>/dev/null || break
    sleep 0.2
  done
  echo 'DynamoDB Local did not start:' >&2
  cat "$work/dynamodb-local.log" >&2
  return 1
}

fetch_dynamodb_local() {
  local download
  download=$(mktemp -d)
  npm pack "$dynamodb_local_package" --silent --pack-destination "$download" >/dev/null
  tar --extract --gzip --directory="$download" --file "$download"/*.tgz package/emulator
  mkdir -p "$(dirname "$1")"
  mv "$download/package/emulator" "$1"
  rm -rf "$download"
}

stop_dynamodb_local() {
  [[ -z ${dynamodb_local_pid:-} ]] || kill "$dynamodb_local_pid" 2>/dev/null || true
}
