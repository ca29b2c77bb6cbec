#!/usr/bin/env bash
# A Go function for AWS Lambda whose answer fails half-way has posted what looks like success: that it failed is only in
# the trailers of the request, behind the body.
#
# A good guess: a runtime client posts to …/response when the handler has succeeded and to …/error when it has not, so who
# serves the Runtime API tells one from the other by the path.
# Package: Go github.com/aws/aws-lambda-go 1.55.1, unchanged, against a server on loopback that speaks the Runtime API as
# AWS documents it. The handler returns an io.Reader, which lambda.Start allows; the reader gives a whole JSON text and then
# an error. Seen: a POST to …/response with chunked body, the text complete, and the error in two trailers, the body of it
# as base64. Frameworks of HTTP servers drop trailers unless asked; for a stream of Kinesis the answer below means that
# all records are done, and they are passed over.
# Output:
#   path: response
#   body: {"batchItemFailures":[]}
#   trailer: Lambda-Runtime-Function-Error-Body: {"errorMessage":"connection lost","errorType":"errorString"}
#   trailer: Lambda-Runtime-Function-Error-Type: errorString
# Needs Go and Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"errors"; "io"; "strings"; "testing/iotest"
	"github.com/aws/aws-lambda-go/events"; "github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(event events.KinesisEvent) (io.Reader, error) {
		whole := strings.NewReader(`{"batchItemFailures":[]}`)
		return io.MultiReader(whole, iotest.ErrReader(errors.New("connection lost"))), nil
	})
}
GO
cat > serve.py <<'PY'
import base64, http.server, os, subprocess, threading
answered, events = threading.Event(), iter([b'{"Records":[]}'])
class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    log_message = lambda *_: None
    def do_GET(self):
        event = next(events, None) or threading.Event().wait()
        self.send_response(200)
        self.send_header('Lambda-Runtime-Aws-Request-Id', '1')
        self.send_header('Lambda-Runtime-Deadline-Ms', '9999999999999')
        self.send_header('Content-Length', str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        body = b''
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        print('path:', self.path.split('/')[-1])
        print('body:', body.decode())
        while trailer := self.rfile.readline().decode().strip():
            name, value = trailer.split(': ')
            print(f'trailer: {name}:', base64.b64decode(value).decode() if name.endswith('Body') else value)
        self.send_response(202)
        self.send_header('Content-Length', '0')
        self.end_headers()
        answered.set()

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ['AWS_LAMBDA_RUNTIME_API'] = f'127.0.0.1:{server.server_port}'
function = subprocess.Popen(['./function'])
answered.wait(60)
function.kill()
PY
go mod init local/function 2> go.log
go get github.com/aws/aws-lambda-go@v1.55.1 2>> go.log
go build -o function .
python3 serve.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
