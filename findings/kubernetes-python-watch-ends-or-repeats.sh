#!/usr/bin/env bash
# A watch of the Kubernetes client for Python ends without a word when nothing has happened until the server closes it; and with
# deserialize=False it ends in any case, or hands out all that it had, again and again.
#
# A good guess: for event in Watch().stream(...) goes on until stop(), whatever the server closes, from behind the last event; an argument
# that says in which form events come changes nothing of which events come.
# Package: PyPI kubernetes 37.0.2, against a server on loopback that closes each watch in order after what it has, as the API server does
# every half an hour to an hour. Seen:
# - where to go on is known from the last event, or from resource_version=. Without either, as in the client's own examples, a quiet hour
#   (an empty namespace, a kind that nobody has used yet) ends the loop: a controller that works in the busy cluster ends in the new one;
# - with deserialize=False, made for speed, no event is looked at: the loop ends with the first close, or with resource_version= begins there
#   each time: each event of a deletion or a reset comes once an hour, until that version is too old and 410 is raised;
# - an event of the type BOOKMARK, if these were asked for, comes like the others, and its object has no spec.
# The way out: list first, and give the list's resource_version to the watch; no deserialize=False without a version of one's own.
# Output:
#   nothing, no version: none, then it ends, asked from: none
#   nothing, version 10: none, then it goes on, asked from: 10 10 10
#   events 11 and 12, no version: 11 12, then it goes on, asked from: none 12 12
#   events 11 and 12, version 10: 11 12, then it goes on, asked from: 10 12 12
#   the same, deserialize=False, no version: 11 12, then it ends, asked from: none
#   the same, deserialize=False, version 10: 11 12 11 12 11 12, then it goes on, asked from: 10 10 10
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
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

from kubernetes import client, watch

ENOUGH = 3  # watches after which it has shown that it goes on


class Watched(BaseHTTPRequestHandler):
    def do_GET(self):
        since = parse_qs(urlparse(self.path).query).get('resourceVersion', ['none'])[0]
        self.server.asked.append(since)
        if len(self.server.asked) > ENOUGH:
            return self.send_error(503)
        self.send_response(200)
        self.send_header('content-type', 'application/json')
        self.end_headers()
        for version in self.server.events:
            if since == 'none' or int(since) < version:
                metadata = {'name': 'orders', 'namespace': 'shop', 'resourceVersion': str(version)}
                event = {'type': 'MODIFIED', 'object': {'apiVersion': 'example.com/v1', 'kind': 'Group', 'metadata': metadata}}
                self.wfile.write(json.dumps(event).encode() + b'\n')

    def log_message(self, *_):
        pass


def ask(about, events, **options):
    server = HTTPServer(('127.0.0.1', 0), Watched)
    server.asked, server.events = [], events
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configuration = client.Configuration(host=f'http://127.0.0.1:{server.server_port}')
    groups = client.CustomObjectsApi(client.ApiClient(configuration)).list_namespaced_custom_object
    seen = []
    try:
        for event in watch.Watch().stream(groups, 'example.com', 'v1', 'shop', 'groups', **options):
            seen.append(event['object']['metadata']['resourceVersion'])
        end = 'ends'
    except client.ApiException as error:
        assert error.status == 503, error
        end = 'goes on'
    server.shutdown()
    print(f"{about}: {' '.join(seen) or 'none'}, then it {end}, asked from: {' '.join(server.asked[:ENOUGH])}")


ask('nothing, no version', [])
ask('nothing, version 10', [], resource_version='10')
ask('events 11 and 12, no version', [11, 12])
ask('events 11 and 12, version 10', [11, 12], resource_version='10')
ask('the same, deserialize=False, no version', [11, 12], deserialize=False)
ask('the same, deserialize=False, version 10', [11, 12], resource_version='10', deserialize=False)
PY
python/bin/python ask.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
