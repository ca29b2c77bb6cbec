"""Powertools' batch processor with a Pydantic model of the records and of the JSON in them."""

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.parser import BaseModel
from aws_lambda_powertools.utilities.parser.models import (
    KinesisDataStreamRecord,
    KinesisDataStreamRecordPayload,
)
from pydantic import Json


class Order(BaseModel):
    id: int


class OrderPayload(KinesisDataStreamRecordPayload):
    data: Json[Order]


class OrderRecord(KinesisDataStreamRecord):
    kinesis: OrderPayload


processor = BatchProcessor(event_type=EventType.KinesisDataStreams, model=OrderRecord)


def one(record: OrderRecord):
    print("order", record.kinesis.data.id, record.kinesis.approximateArrivalTimestamp, flush=True)


def handler(event, context):
    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)
