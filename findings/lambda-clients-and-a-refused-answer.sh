#!/usr/bin/env bash
# A Lambda function in Go ends when its answer is taken with 200 instead of 202; and one whose answer is refused ends in Go and Python,
# while in Java it answers a second time.
#
# A good guess: any 2xx is success, and a refused answer (too long, too late, of an invocation that is over) concerns that invocation alone.
# Packages: Go github.com/aws/aws-lambda-go 1.55.1, PyPI awslambdaric 4.2.2, Maven
# com.amazonaws:aws-lambda-java-runtime-interface-client 2.10.1; against a Runtime API on loopback that has one invocation, answers the
# POST of its response with the status below, and takes errors with 202. Seen: what the POSTs are, and whether the client asks for the
# next invocation or ends (with status 1). So a server that tells of a late answer by 4xx, as HTTP has it, starts the function anew
# in two languages, with its cold start, and is sent an error for an invocation that it has already closed in the third.
# The way out for who serves the Runtime API: 202 to whatever comes, and forget it.
# Output:
#   Go, 202: response, next
#   Go, 200: response, end
#   Go, 413: response, end
#   Python, 202: response, next
#   Python, 200: response, next
#   Python, 413: response, end
#   Java, 202: response, next
#   Java, 200: response, next
#   Java, 413: response, error, next
# Needs Go, Python 3, a JDK (17 or later) and Maven, on Linux.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import "github.com/aws/aws-lambda-go/lambda"

func main() {
	lambda.Start(func() (map[string][]string, error) { return map[string][]string{"batchItemFailures": {}}, nil })
}
GO
cat > function.py <<'PY'
def handler(event, context):
    return {'batchItemFailures': []}
PY
cat > Function.java <<'JAVA'
import java.util.*;

public class Function {
    public Map<String, List<String>> handle(Map<String, Object> event) { return Map.of("batchItemFailures", List.of()); }
}
JAVA
cat > pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>ask</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId><artifactId>aws-lambda-java-runtime-interface-client</artifactId><version>2.10.1</version>
    </dependency>
  </dependencies>
</project>
XML
cat > serve.py <<'PY'
import http.server, os, subprocess, sys, threading

def run(status, command):
    seen, over, events = [], threading.Event(), iter([b'{"Records":[]}'])
    class Api(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        log_message = lambda *_: None
        def do_GET(self):
            event = next(events, None)
            if event is None:
                seen.append('next')
                over.set()
                threading.Event().wait()
            headers = {'Lambda-Runtime-Aws-Request-Id': '1', 'Lambda-Runtime-Deadline-Ms': '9999999999999',
                       'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:000000000000:function:f',
                       'Content-Type': 'application/json'}
            self.answer(200, event, headers)

        def do_POST(self):
            if 'Content-Length' in self.headers:
                self.rfile.read(int(self.headers['Content-Length']))
            else:
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                while self.rfile.readline().strip():
                    pass
            seen.append(self.path.split('/')[-1])
            self.answer(status if seen[-1] == 'response' else 202, b'{}', {'Content-Type': 'application/json'})

        def answer(self, status, body, headers):
            self.send_response(status)
            for name, value in {**headers, 'Content-Length': str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**os.environ, 'AWS_LAMBDA_RUNTIME_API': f'127.0.0.1:{server.server_port}'}
    with open('errors', 'a') as errors:
        client = subprocess.Popen(command, env=environment, stdout=errors, stderr=errors)
    while not over.wait(0.2) and client.poll() is None:
        pass
    ended = client.poll()
    client.kill()
    return ', '.join(seen + ([] if ended is None else ['end' if ended == 1 else f'end with {ended}']))

java = ['java', '-cp', f'.:{open("class-path").read().strip()}', 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda']
for name, command in {
    'Go': ['./function'],
    'Python': ['python/bin/python', '-m', 'awslambdaric', 'function.handler'],
    'Java': [*java, 'Function::handle'],
}.items():
    for status in 202, 200, 413:
        print(f'{name}, {status}: {run(status, command)}', flush=True)
PY
go mod init local/function 2> go.log
go get github.com/aws/aws-lambda-go@v1.55.1 2>> go.log
go build -o function .
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check awslambdaric==4.2.2
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
javac Function.java
python3 serve.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
