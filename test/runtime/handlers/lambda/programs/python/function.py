import base64
import os
import sys
import threading
import time

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response


def texts(event):
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


def handler(event, context):
    """Does what the data of its records say."""
    failures = []
    for record, text in zip(event["Records"], texts(event)):
        print("record", text, context.aws_request_id, context.get_remaining_time_in_millis(), flush=True)
        if text == "raise":
            raise ValueError("told to raise " + "ü" * 20_000)
        if text == "exit":
            os._exit(3)
        if text == "hang":
            time.sleep(600)
        if text == "thread":
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
        if text == "fail":
            failures.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
    return {"batchItemFailures": failures}


processor = BatchProcessor(event_type=EventType.KinesisDataStreams)


def one(record):
    text = record.kinesis.data_as_text()
    print("record", text, flush=True)
    if text == "fail":
        raise ValueError("told to fail")


def powertools(event, context):
    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)


def needs_what_is_missing(event, context):
    return None


if os.environ.get("FAIL_TO_BEGIN"):
    sys.stderr.write("told to fail\n")
    raise RuntimeError("told not to begin")
