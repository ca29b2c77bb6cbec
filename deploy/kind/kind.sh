#!/usr/bin/env bash
# kind.sh [up|down]: kcg in a kind cluster named kcg, with an emulator of Kinesis and DynamoDB and the quick start; from this
# checkout. Once more after a change is fine: the image is built anew and rolled out. No other cluster is touched.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
root=$(cd "$here/../.." && pwd)
cluster=kcg
engine=${KIND_EXPERIMENTAL_PROVIDER:-docker}
export PATH="$root/node_modules/.bin:$PATH"

say() { printf '== %s\n' "$1" >&2; }
die() { printf 'error: %s\n' "$1" >&2; exit "${2:-1}"; }
on_cluster() { kubectl --context "kind-$cluster" "$@"; }

missing=''
need() { # program, where to get it
  command -v "$1" >/dev/null || missing="$missing
  $1: $2"
}
require_all() {
  [ -z "$missing" ] || die "nothing was done, as this machine lacks:$missing"
}
require_engine() {
  need "$engine" "https://docs.docker.com/get-started/get-docker (or KIND_EXPERIMENTAL_PROVIDER=podman)"
  need kind "https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
}
require_running() {
  "$engine" info >/dev/null 2>&1 || die "nothing was done, as $engine does not answer: start it ($engine info says what is wrong)"
}

up() {
  require_engine
  need kubectl "https://kubernetes.io/docs/tasks/tools"
  need helm "https://helm.sh/docs/intro/install"
  need node "https://nodejs.org/en/download (20 or later)"
  require_all
  require_running

  say 'the image of kcg'
  cd "$root"
  node scripts/ensure-installed.mjs
  npm run --silent build
  # Named by what is in it: a pod whose image has not changed stays. Of localhost, so that nobody looks for it in a registry.
  built=$(find dist -type f ! -path 'dist/types/*' | LC_ALL=C sort)
  # shellcheck disable=SC2086 # names without blanks
  image=localhost/kcg:$(cat $built scripts/build-image.ts scripts/image/*.ts package-lock.json | cksum | cut -d' ' -f1)
  archive=$root/out/kcg-kind.tar
  build_image

  say "the cluster kind-$cluster"
  if kind get clusters 2>/dev/null | grep -qx "$cluster"; then
    kind export kubeconfig --name "$cluster"
  else
    kind create cluster --config "$here/cluster.yaml" --wait 3m
  fi
  kind load image-archive "$archive" --name "$cluster"

  say 'an emulator of Kinesis and DynamoDB'
  # One that is there stays as it is, with all it holds.
  on_cluster -n emulator get deployment emulator >/dev/null 2>&1 || apply emulator.yaml
  on_cluster -n emulator rollout status deployment/emulator --timeout=3m

  say 'the operator'
  helm upgrade --install kcg charts/kcg --kube-context "kind-$cluster" --namespace kcg-system --create-namespace \
    --values "$here/values.yaml" --set-string "image.tag=${image##*:}" --wait --timeout 3m >/dev/null

  say 'the quick start: a group, its handler and a producer'
  # After a restart of the machine the emulator is another, without the group's table: the group has to begin anew.
  emulator=$(on_cluster -n emulator get pods -l app=emulator -o 'jsonpath={.items[0].metadata.uid}-{.items[0].status.containerStatuses[0].restartCount}')
  had=$(on_cluster -n shop get kcg orders --ignore-not-found -o "jsonpath={.metadata.annotations['kcg\.dev/kind-emulator']}" 2>/dev/null || true)
  [ -z "$had" ] || [ "$had" = "$emulator" ] || on_cluster -n shop delete kcg orders --timeout=2m
  apply quickstart.yaml
  on_cluster -n shop annotate --overwrite kcg/orders "kcg.dev/kind-emulator=$emulator" >/dev/null
  on_cluster -n shop rollout status deployment/producer --timeout=3m
  on_cluster -n shop wait --for=condition=Ready --timeout=5m kcg/orders
  on_cluster -n shop get kcg
  cat <<END

What it does:    kubectl --context kind-$cluster -n shop logs -l kcg.dev/group=orders -c app -f
What it is:      kubectl --context kind-$cluster -n shop describe kcg orders
Your own stream: kubectl --context kind-$cluster -n emulator port-forward service/kinesis 4567
                 then AWS_ENDPOINT_URL_KINESIS=http://127.0.0.1:4567 for the AWS CLI and any SDK
All of it away:  npm run kind -- down
END
}

build_image() {
  case $(uname -m) in
  arm64 | aarch64) platform=linux/arm64 ;;
  *) platform=linux/amd64 ;;
  esac
  node scripts/build-image.ts --name "$image" --platform "$platform" --out "$archive" && return
  say "then in a container: $engine build"
  mkdir -p "${archive%/*}"
  "$engine" build --platform "$platform" -f deploy/image/Dockerfile -t "$image" .
  "$engine" save -o "$archive" "$image"
}

apply() { # a file here, with this image
  sed "s|localhost/kcg:dev|$image|" "$here/$1" | on_cluster apply -f -
}

down() {
  require_engine
  require_all
  require_running
  kind delete cluster --name "$cluster"
}

case ${1:-up} in
up | down) "${1:-up}" ;;
*) die "kind.sh takes up or down, not '$1'" 2 ;;
esac
