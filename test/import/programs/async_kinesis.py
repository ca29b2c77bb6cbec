"""async_kinesis.py STREAM TABLE KINESIS DYNAMODB|redis: reads until it is told to stop; in Redis TABLE is the group's name."""

import asyncio
import signal
import sys

from kinesis import Consumer, RedisCheckPointer, StringProcessor


async def main(stream, table, kinesis, store):
    if store == "redis":
        checkpointer = RedisCheckPointer(table, id="1", heartbeat_frequency=1, session_timeout=6)
    else:
        from kinesis import DynamoDBCheckPointer

        checkpointer = DynamoDBCheckPointer(
            "app", table_name=table, id="1", endpoint_url=store, heartbeat_frequency=1, session_timeout=6
        )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with Consumer(
        stream_name=stream,
        endpoint_url=kinesis,
        region_name="eu-west-1",
        checkpointer=checkpointer,
        processor=StringProcessor(),
        sleep_time_no_records=0.5,
        idle_timeout=1,
    ) as consumer:
        # Nothing outside may ask for it sooner.
        consumer._shard_refresh_interval = 3
        while not stopped.is_set():
            async for record in consumer:
                print("record", record, flush=True)
    print("ended", flush=True)


asyncio.run(main(*sys.argv[1:]))
