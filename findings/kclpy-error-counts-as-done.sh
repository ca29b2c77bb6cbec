#!/usr/bin/env bash
# A Python program of the Kinesis Client Library that raises while it processes records has processed them: the next
# checkpoint without a number goes past them.
#
# A good guess: an exception in process_records ends the process, or has the batch delivered again, and
# checkpoint() covers what process_records has returned from.
# Package: PyPI amazon-kclpy 3.2.0, spoken to in the MultiLang protocol by its standard input and output, as the daemon
# does. Seen: the exception is printed to standard error, and the status says that processRecords is done; nothing in the
# protocol says otherwise. A checkpoint() in a later batch, or at shutdown, then asks for "all delivered so far" (no number),
# records of the failed batch included: they do not come again. The way out: catch, and end the process by sys.exit, or
# checkpoint by the number of the last record that was really done, and by nothing else.
# Output:
#   told processRecords 1: answered status processRecords
#   told processRecords 2: answered checkpoint null
#   told checkpoint: answered status processRecords
#   on standard error: ValueError: no database
# Needs Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# As published: to install it would fetch the daemon's jars.
pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: amazon_kclpy==3.2.0
tar -xzf amazon_kclpy-3.2.0.tar.gz
cat > program.py <<'PY'
from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

class Processor(processor.RecordProcessorBase):
    initialize = lease_lost = shard_ended = shutdown_requested = lambda *_: None

    def process_records(self, batch):
        if batch.records[0].sequence_number == '1':
            raise ValueError('no database')
        batch.checkpointer.checkpoint()

kcl.KCLProcess(Processor()).run()
PY
cat > daemon.py <<'PY'
import json, subprocess, sys

program = subprocess.Popen([sys.executable, 'program.py'], text=True, bufsize=1, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=open('errors', 'w'))

def tell(about, **message):
    print(json.dumps(message), file=program.stdin, flush=True)
    answer = json.loads(next(line for line in program.stdout if line.strip()))
    number = json.dumps(answer['sequenceNumber']) if answer['action'] == 'checkpoint' else answer['responseFor']
    if about:
        print(f'told {about}: answered {answer["action"]} {number}')

def deliver(number):
    record = dict(action='record', data='eA==', partitionKey='key', sequenceNumber=number, subSequenceNumber=0,
                  approximateArrivalTimestamp=1764374400000)
    tell(f'processRecords {number}', action='processRecords', records=[record], millisBehindLatest=0)

tell('', action='initialize', shardId='shardId-000000000000', sequenceNumber='TRIM_HORIZON', subSequenceNumber=0)
deliver('1')
deliver('2')
tell('checkpoint', action='checkpoint', sequenceNumber='2', subSequenceNumber=0, error=None)
program.stdin.close()
program.wait()
print('on standard error:', open('errors').read().strip().splitlines()[-1])
PY
PYTHONPATH=amazon_kclpy-3.2.0 python3 daemon.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
