# A PostgreSQL of its own, in $work, on a free port: $postgres_url while it runs.

start_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || install_packages postgresql
  postgres_bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
  postgres_dir=$work/postgres
  local port
  port=$(free_port)

  mkdir "$postgres_dir"
  # PostgreSQL refuses to run as root.
  if [[ $(id -u) == 0 ]]; then
    chmod 755 "$work"
    chown postgres "$postgres_dir"
    as_postgres=(runuser -u postgres --)
  else
    as_postgres=()
  fi
  (
    cd "$postgres_dir"
    "${as_postgres[@]}" "$postgres_bin/initdb" --pgdata=data --username=postgres --auth=trust >initdb.log
    "${as_postgres[@]}" "$postgres_bin/pg_ctl" --pgdata=data --log=server.log --wait \
      --options="-p $port -h 127.0.0.1 -k $postgres_dir" start >/dev/null
  )
  postgres_url=postgres://postgres@127.0.0.1:$port/postgres
  echo "PostgreSQL $("$postgres_bin/postgres" --version | awk '{ print $3 }') is ready"
}

stop_postgres() {
  [[ -f ${postgres_dir:-}/data/postmaster.pid ]] || return 0
  (cd "$postgres_dir" && "${as_postgres[@]}" "$postgres_bin/pg_ctl" --pgdata=data --mode=immediate stop >/dev/null)
}

install_packages() {
  local sudo=()
  [[ $(id -u) == 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

free_port() {
  npx node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}
