/* A consumer of aws-kcl, shaped as its basic sample: it says in one line each what it is told. Its argument is the package. */
const kcl = require(process.argv[2]);

const say = (...words) => process.stderr.write(`told ${words.join(' ')}\n`);

kcl({
  initialize({ shardId, sequenceNumber, subSequenceNumber }, done) {
    say('initialize', shardId, sequenceNumber, subSequenceNumber, process.pid);
    done();
  },
  processRecords({ records, checkpointer }, done) {
    for (const record of records) {
      say('record', Buffer.from(record.data, 'base64').toString());
    }
    const { sequenceNumber } = records.at(-1);
    checkpointer.checkpoint(`${BigInt(sequenceNumber) + 1n}`, (error) => {
      say('refused', error);
      checkpointer.checkpoint(sequenceNumber, (failure) => {
        say(failure ? 'failed' : 'checkpointed', failure || sequenceNumber);
        done();
      });
    });
  },
  leaseLost(_, done) {
    say('lease_lost');
    done();
  },
  shardEnded({ checkpointer }, done) {
    checkpointer.checkpoint(() => {
      say('shard_ended');
      done();
    });
  },
  shutdownRequested({ checkpointer }, done) {
    checkpointer.checkpoint(() => {
      say('shutdown_requested');
      done();
    });
  },
}).run();
