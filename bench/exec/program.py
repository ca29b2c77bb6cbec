"""A processor of amazon_kclpy that looks at each record and checkpoints each batch. COUNTS is the folder in which it says how many it has had."""
import os

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Counter(processor.RecordProcessorBase):
    def initialize(self, told):
        self.count = 0
        self.path = os.path.join(os.environ['COUNTS'], told.shard_id)

    def process_records(self, told):
        self.count += sum(1 for record in told.records if record.binary_data)
        told.checkpointer.checkpoint()
        with open(self.path + '.new', 'w') as file:
            file.write(str(self.count))
        os.replace(self.path + '.new', self.path)

    def lease_lost(self, told):
        pass

    def shard_ended(self, told):
        told.checkpointer.checkpoint()

    def shutdown_requested(self, told):
        told.checkpointer.checkpoint()


kcl.KCLProcess(Counter()).run()
