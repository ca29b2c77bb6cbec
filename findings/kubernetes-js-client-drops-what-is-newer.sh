#!/usr/bin/env bash
# A Deployment that is read and replaced with the Kubernetes client for JavaScript loses each field that the client is too old to
# know.
#
# A good guess: JSON in JavaScript comes as it is, so whoever reads an object, changes one field and puts it back, keeps the rest.
# Package: npm @kubernetes/client-node 2.0.1, against a server on loopback whose Deployment has a field that this version has not.
# Seen: what a typed call reads is rebuilt from the client's own model, at each depth: the unknown is gone when it is read, without a
# word, and so it is missing in what is put back; KubernetesObjectApi reads kinds of the model the same way. The server takes the
# replacement, as leaving a field out means to remove it. So a controller built this year undoes what next year's users set.
# What comes by CustomObjectsApi, or is no kind of the model, keeps all its fields; so does a patch, which is the way out.
# Output:
#   the server has: minReadySeconds, newer, replicas; of its container: image, name, newer
#   AppsV1Api puts back: minReadySeconds, replicas; of its container: image, name
#   KubernetesObjectApi puts back: minReadySeconds, replicas; of its container: image, name
#   CustomObjectsApi puts back: minReadySeconds, newer, replicas; of its container: image, name, newer
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @kubernetes/client-node@2.0.1
cat > ask.mjs <<'JS'
import { createServer } from 'node:http';
import { AppsV1Api, CustomObjectsApi, KubeConfig, KubernetesObjectApi } from '@kubernetes/client-node';

const container = { name: 'operator', image: 'example', newer: 'true' };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'operator', namespace: 'default' },
  spec: { replicas: 1, minReadySeconds: 5, newer: 'true', template: { spec: { containers: [container] } } },
};
const kinds = { resources: [{ name: 'deployments', singularName: 'deployment', namespaced: true, kind: 'Deployment', verbs: [] }] };
const inWords = ({ spec }) =>
  `${Object.keys(spec).filter((name) => name !== 'template').toSorted().join(', ')}; of its container: ` +
  Object.keys(spec.template.spec.containers[0]).toSorted().join(', ');
let put;
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  if (request.method === 'PUT') put = JSON.parse(text);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(request.url === '/apis/apps/v1' ? kinds : deployment));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const config = new KubeConfig();
const cluster = { name: 'local', server: `http://127.0.0.1:${server.address().port}`, skipTLSVerify: true };
config.loadFromClusterAndUser(cluster, { name: 'local' });
console.log(`the server has: ${inWords(deployment)}`);

const target = { name: 'operator', namespace: 'default' };
const apps = config.makeApiClient(AppsV1Api);
await apps.replaceNamespacedDeployment({ ...target, body: await apps.readNamespacedDeployment(target) });
console.log(`AppsV1Api puts back: ${inWords(put)}`);

const objects = KubernetesObjectApi.makeApiClient(config);
await objects.replace(await objects.read({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: target }));
console.log(`KubernetesObjectApi puts back: ${inWords(put)}`);

const custom = config.makeApiClient(CustomObjectsApi);
const path = { ...target, group: 'apps', version: 'v1', plural: 'deployments' };
await custom.replaceNamespacedCustomObject({ ...path, body: await custom.getNamespacedCustomObject(path) });
console.log(`CustomObjectsApi puts back: ${inWords(put)}`);
process.exit();
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
