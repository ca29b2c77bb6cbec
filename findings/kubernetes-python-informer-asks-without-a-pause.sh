#!/usr/bin/env bash
# The informer of the Kubernetes client for Python asks an API server that refuses its watch, or ends it at once, again without a pause: a
# right that is missing, or a server that has trouble, is a loop of requests from each replica.
#
# A good guess: a watch that fails is tried again after a pause that grows, as in Go, where twenty attempts take minutes.
# Package: PyPI kubernetes 37.0.2, its SharedInformer, against a server on loopback that answers the list and refuses the watch. Seen: only a
# list that fails is followed by a pause, of 5 s; after any end of a watch the next one is asked for immediately. Retry-After alone slows it
# down, which urllib3 goes by, below it; the API server sends it with 429, and not with 403 or 500, nor do most proxies with 503. The cache
# stays as it was meanwhile, and nobody is told who has no handler of ERROR.
# The way out: a handler of ERROR that waits, since handlers run in the informer's own thread; for a watch that ends in order, which is no
# error, there is none.
# Output:
#   watch refused with 403: 20 more requests within 10 s: yes
#   watch refused with 500: 20 more requests within 10 s: yes
#   watch refused with 503: 20 more requests within 10 s: yes
#   watch ended at once: 20 more requests within 10 s: yes
#   watch refused with 429, Retry-After: 1: 20 more requests within 10 s: no
#   watch refused with 500, a handler of ERROR that sleeps 2 s: 20 more requests within 10 s: no
#   list refused with 403: 20 more requests within 10 s: no
# Needs Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check kubernetes==37.0.2
cat > ask.py <<'PY'
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kubernetes import client
from kubernetes.informer import ERROR, SharedInformer


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self):
        is_watch = 'watch=' in self.path
        self.server.asked.release()
        status = self.server.watch_status if is_watch else self.server.list_status
        self.send_response(status)
        self.send_header('content-type', 'application/json')
        if status == 429:
            self.send_header('retry-after', '1')
        self.end_headers()
        if status != 200:
            failure = {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'code': status, 'reason': 'No', 'message': 'no'}
            self.wfile.write(json.dumps(failure).encode())
        elif not is_watch:
            pods = {'kind': 'PodList', 'apiVersion': 'v1', 'metadata': {'resourceVersion': '10'}, 'items': []}
            self.wfile.write(json.dumps(pods).encode())

    def log_message(self, *_):
        pass


def ask(about, watch_status=200, list_status=200, handler=None):
    server = ThreadingHTTPServer(('127.0.0.1', 0), Refusing)
    server.watch_status, server.list_status, server.asked = watch_status, list_status, threading.Semaphore(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configuration = client.Configuration(host=f'http://127.0.0.1:{server.server_port}')
    informer = SharedInformer(client.CoreV1Api(client.ApiClient(configuration)).list_namespaced_pod, namespace='shop')
    if handler:
        informer.add_event_handler(ERROR, handler)
    informer.start()
    server.asked.acquire()
    until = time.monotonic() + 10
    more = 0
    while more < 20 and server.asked.acquire(timeout=max(0, until - time.monotonic())):
        more += 1
    print(f"{about}: 20 more requests within 10 s: {'yes' if more == 20 else 'no'}")
    informer.stop()
    server.shutdown()


logging.disable(logging.CRITICAL)
ask('watch refused with 403', 403)
ask('watch refused with 500', 500)
ask('watch refused with 503', 503)
ask('watch ended at once', 200)
ask('watch refused with 429, Retry-After: 1', 429)
ask('watch refused with 500, a handler of ERROR that sleeps 2 s', 500, handler=lambda _: time.sleep(2))
ask('list refused with 403', list_status=403)
PY
python/bin/python ask.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
