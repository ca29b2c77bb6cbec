# Sourced by build: says what is being made, and at least every 15 s how far it is, on a machine that is busy too.
: "${PROGRESS_SECONDS:=15}" # between two lines; on a terminal one line is written over each second

# line <text>: the state of the moment. shown: when the last one was told.
shown=0
line() {
  if [ -t 1 ]; then
    printf '\r\033[K%s' "$1"
  elif [ $((SECONDS - shown)) -ge "$PROGRESS_SECONDS" ]; then
    echo "$1"
    shown=$SECONDS
  fi
}

# told <text>: a line that stays.
told() {
  [ -t 1 ] && printf '\r\033[K'
  echo "$1"
  shown=$SECONDS
}

count() { grep -c "$1" "$2" || true; }

# follow <what> <log> <state ...>: waits for the job in the background; `state log` says how far it is. Its code is the job's.
follow() {
  local pid=$! what=$1 log=$2 from=$SECONDS
  shift 2
  # A shell lets its background jobs ignore Ctrl-C.
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    line "  $what: $("$@" "$log"), $((SECONDS - from)) s"
  done
  [ -t 1 ] && printf '\r\033[K'
  trap - INT TERM
  wait "$pid"
}

looking() { echo "looking for what has to be compiled, modules downloaded: $(count '^go: downloading' "$1")"; }
compiling() { # total, log: go build -v names each package as it begins with it
  local begun
  begun=$(count '^[^ #][^ ]*$' "$2")
  if [ "$begun" -lt "$1" ]; then echo "$begun of $1 packages compiled"; else echo linking; fi
}

# go_build <output> <flags, package ...>: go build, followed.
go_build() {
  local name log total out=$1
  name=$(basename "${out%.new}")
  shift
  log=$(mktemp)
  # Which packages are not in Go's cache. Named on stdout, apart from the downloads.
  go list -deps -f '{{if .Stale}}{{.ImportPath}}{{end}}' "$@" >"$log.stale" 2>"$log" &
  if follow "$name" "$log" looking; then
    total=$(count . "$log.stale")
    go build -v -o "$out" "$@" 2>"$log" &
    if follow "$name" "$log" compiling "$total"; then
      rm -f "$log" "$log.stale"
      return 0
    fi
  fi
  grep -v '^go: downloading' "$log" | tail -30 >&2
  rm -f "$log" "$log.stale"
  return 1
}
