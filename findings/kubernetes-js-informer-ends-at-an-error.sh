#!/usr/bin/env bash
# The informer of the Kubernetes client for JavaScript ends for good when one connection is lost, without a word if nobody has
# asked for errors, and goes on to hand out what it knew then.
#
# A good guess: an informer keeps its cache up to date until it is stopped, as in Go: a watch that ends badly is begun again, and a list
# that fails is tried again, or start() rejects.
# Package: npm @kubernetes/client-node 2.0.1, against a server on loopback. Seen: a watch that the server ends in order is begun again,
# and so is one that is told 410; after anything else (the connection reset, a 503, a 403) "error" is emitted, and nothing follows.
# "error" is no EventEmitter's here: without a listener it is not thrown. start() resolves even when its own list was refused.
# list() and get() answer as before, so a controller sees a world in which nothing happens any more.
# The way out: on("error") that calls start() again after a pause, and a look at when something was heard last.
# Output:
#   watch ended by the server: asked again, errors: 0, cached: 1
#   watch told 410: asked again, errors: 0, cached: 1
#   connection reset: not asked again, errors: 1, cached: 1
#   watch answered with 503: not asked again, errors: 1, cached: 1
#   list answered with 503: not asked again, errors: 1, cached: 0, start() resolved
#   connection reset, no listener: not asked again, errors: 0, cached: 1, start() resolved
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @kubernetes/client-node@2.0.1
cat > ask.mjs <<'JS'
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node';

const list = { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '1' }, items: [{ metadata: { name: 'a', namespace: 'default' } }] };
const gone = { type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 } };
const json = { 'content-type': 'application/json' };
const watches = {
  'watch ended by the server': (response) => response.writeHead(200, json).end(),
  'watch told 410': (response) => response.writeHead(200, json).end(`${JSON.stringify(gone)}\n`),
  'connection reset': (response) => {
    response.writeHead(200, json).flushHeaders();
    setTimeout(() => response.destroy(), 200);
  },
  'watch answered with 503': (response) => response.writeHead(503, json).end('{}'),
};

/** It has ten seconds to ask again; a second is what it takes. */
async function ask(about, { watch = watches[about], listStatus = 200, listens = true } = {}) {
  let watched = 0;
  let lists = 0;
  let errors = 0;
  const server = createServer((request, response) => {
    if (new URL(request.url, 'http://server').searchParams.has('watch')) {
      watched += 1;
      return watch(response);
    }
    lists += 1;
    response.writeHead(listStatus, json).end(JSON.stringify(list));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = new KubeConfig();
  const cluster = { name: 'local', server: `http://127.0.0.1:${server.address().port}`, skipTLSVerify: true };
  config.loadFromClusterAndUser(cluster, { name: 'local' });
  const pods = config.makeApiClient(CoreV1Api);
  const informer = makeInformer(config, '/api/v1/namespaces/default/pods', () => pods.listNamespacedPod({ namespace: 'default' }));
  if (listens) informer.on('error', () => (errors += 1));
  const started = await informer.start().then(() => 'resolved', () => 'rejected');
  for (let i = 0; i < 40 && watched < 2 && lists < 2; i += 1) await sleep(250);
  const again = watched > 1 || lists > 1 ? 'asked again' : 'not asked again';
  const more = listStatus === 200 && listens ? '' : `, start() ${started}`;
  console.log(`${about}: ${again}, errors: ${errors}, cached: ${informer.list().length}${more}`);
}

for (const about of Object.keys(watches)) await ask(about);
await ask('list answered with 503', { watch: watches['connection reset'], listStatus: 503 });
await ask('connection reset, no listener', { watch: watches['connection reset'], listens: false });
process.exit();
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
