"""A processor of amazon_kclpy, of the version that the first argument names, which says in one line each what it is told."""
import os
import sys

from amazon_kclpy import kcl

version = sys.argv[1]
processor = __import__('amazon_kclpy.%s.processor' % version, fromlist=['processor'])


def say(*words):
    sys.stderr.write(' '.join(['told'] + [str(word) for word in words]) + '\n')


class V3(processor.RecordProcessorBase):
    def initialize(self, told):
        say('initialize', told.shard_id, told.sequence_number, told.sub_sequence_number, os.getpid())

    def process_records(self, told):
        for record in told.records:
            say('record', record.binary_data.decode())
        last = told.records[-1]
        try:
            told.checkpointer.checkpoint(str(int(last.sequence_number) + 1), 0)
        except kcl.CheckpointError as error:
            say('refused', error.value)
        told.checkpointer.checkpoint(last.sequence_number, last.sub_sequence_number)
        say('checkpointed', last.sequence_number)

    def lease_lost(self, told):
        say('lease_lost')

    def shard_ended(self, told):
        told.checkpointer.checkpoint()
        say('shard_ended')

    def shutdown_requested(self, told):
        told.checkpointer.checkpoint()
        say('shutdown_requested')


class V2(V3):
    def shutdown(self, told):
        say('shutdown', told.reason)
        if told.reason == 'TERMINATE':
            told.checkpointer.checkpoint()


kcl.KCLProcess({'v3': V3, 'v2': V2}[version]()).run()
