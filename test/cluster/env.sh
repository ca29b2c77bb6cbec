# Sourced by every script here. Override with environment variables. Nothing is written outside CLUSTER_HOME.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${CLUSTER_HOME:=${XDG_CACHE_HOME:-$HOME/.cache}/kcg/cluster}" # binaries, images, run state
BIN=$CLUSTER_HOME/bin
RUN=$CLUSTER_HOME/run
PIDS=$RUN/pids
PKI=$RUN/pki
LOG=$RUN/logs
K8S=37.2 # Kubernetes 1.37.2 and its libraries 0.37.2
ETCD=3.7.0 # what Kubernetes' own go.mod requires
BRIDGE=kcgtest0
POD_NET=10.244.0
NODE_IP=$POD_NET.1
API_IP=10.96.0.1 # the ClusterIP of default/kubernetes, owned by the bridge: no kube-proxy
API=https://$API_IP:443
HOST_IP=10.96.0.2 # seen from a pod: the host's loopback
DNS_IP=10.96.0.10 # where pods look names up, with WITH_DNS
NODE=node1
NODE2=node2 # of add-node
CGROUP2=/kcgtest2
CTR_SOCK=$RUN/containerd.sock
export KUBECONFIG=$RUN/admin.kubeconfig
now() { date +%s%3N; }
ctr_() { "$BIN/ctr" -a "$CTR_SOCK" -n k8s.io "$@" 2> >(grep -v DEPRECATION >&2); }
