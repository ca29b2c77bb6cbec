#!/usr/bin/env bash
# A leader by the Kubernetes client for Python leads on when the API server falls silent, however long ago its lease ran out; when the
# connection is lost the election ends with an exception, and onstopped_leading is not called.
#
# A good guess: as in Go, where the three times come from: who could not renew within renew_deadline, for whatever reason, stops to lead before
# anybody else may begin, is told so, and what onstarted_leading began ends with that.
# Package: PyPI kubernetes 37.0.2, leaderelection with its LeaseLock, lease 4 s, deadline 3 s, retry 1 s; against a server on loopback that
# takes the lease, renews it once, and then does as told. Seen:
# - the deadline is looked at between requests, and a request has no time-out: behind a partition, or a firewall that has forgotten the
#   connection, there are two leaders for as long as the kernel keeps the connection up;
# - only an answer of the server counts as a failure to renew. No answer is urllib3's exception, at the first time, not after the deadline:
#   run() raises, so a restart of the API server costs the leadership at once; with a time-out of one's own silence does the same;
# - onstarted_leading has a thread that nobody ends or asks to: in a process that goes on so does its work, told or not.
# The way out: a lock of one's own around LeaseLock, with _request_timeout and False for urllib3's errors; and os._exit() where it ends.
# Output:
#   500: told; works on: yes
#   somebody else's lease: told; works on: yes
#   connection closed: not told, run() raises MaxRetryError; works on: yes
#   silent, each request with a time-out of 1 s: not told, run() raises MaxRetryError; works on: yes
#   silent: not told, 30 s after the last renewal; works on: yes
#   asked meanwhile: 1 time
# Needs Python 3, and a minute or two.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check kubernetes==37.0.2
cat > ask.py <<'PY'
import json
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kubernetes import client
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

RENEWALS = 2  # the first is the update after the lease was made
ENOUGH_S = 30


class Leases(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        state = self.server
        if state.renewals >= RENEWALS:
            state.asked += 1
            return state.then(self)
        if self.command == 'GET':
            return self.answer(200, state.lease) if state.lease else self.answer(404, {'code': 404})
        state.lease = json.loads(body)
        state.renewals += self.command == 'PUT'
        state.renewed = time.monotonic()
        self.answer(200, state.lease)

    do_POST = do_PUT = do_GET

    def answer(self, status, body):
        self.send_response(status)
        self.send_header('content-type', 'application/json')
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def somebody_elses(request):
    lease = request.server.lease
    request.answer(200, {**lease, 'spec': {**lease['spec'], 'holderIdentity': 'b'}})


def end_of(election):
    try:
        election.run()
        return ''
    except Exception as error:
        return f', run() raises {type(error).__name__}'


def lead(about, then, **options):
    server = ThreadingHTTPServer(('127.0.0.1', 0), Leases)
    server.lease, server.renewals, server.asked, server.then = None, 0, 0, then
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client.Configuration.set_default(client.Configuration(host=f'http://127.0.0.1:{server.server_port}'))
    lock = LeaseLock('operator', 'shop', 'a')
    lock.api_instance.read_namespaced_lease = partial(lock.api_instance.read_namespaced_lease, **options)
    told, works, ends = threading.Event(), threading.Event(), []

    def work():
        while True:
            works.set()
            time.sleep(0.1)

    config = Config(lock, lease_duration=4, renew_deadline=3, retry_period=1, onstarted_leading=work, onstopped_leading=told.set)
    thread = threading.Thread(target=lambda: ends.append(end_of(LeaderElection(config))), daemon=True)
    thread.start()
    while server.asked == 0:
        time.sleep(0.1)
    thread.join(max(0, server.renewed + ENOUGH_S - time.monotonic()))
    end = ends[0] if ends else f', {ENOUGH_S} s after the last renewal'
    works.clear()
    print(f"{about}: {'told' if told.is_set() else 'not told'}{end}; works on: {'yes' if works.wait(5) else 'no'}")
    return server


lead('500', lambda request: request.answer(500, {'code': 500}))
lead('somebody else\'s lease', somebody_elses)
lead('connection closed', lambda request: None)
silence = lambda request: time.sleep(10 * ENOUGH_S)
lead('silent, each request with a time-out of 1 s', silence, _request_timeout=1)
asked = lead('silent', silence).asked
print(f'asked meanwhile: {asked} time')
PY
python/bin/python ask.py 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
