#!/usr/bin/env bash
# The Kinesis Client Library throws whole aggregated records of Amazon's Python aggregator away, without an error, as
# soon as the stream has more than one shard.
#
# A good guess: what Amazon's aggregator packs Amazon's consumer library unpacks; and of an aggregate with user records
# for several shards at most those of other shards are left out.
# Packages: PyPI aws-kinesis-agg 1.2.3 and Maven software.amazon.kinesis:amazon-kinesis-client 3.5.1. The aggregator
# puts records of any partition keys into one aggregate; that goes to the shard of the first key. KCL looks where the key
# of each user record would belong, and when one of them is outside the shard's hash range it drops the aggregate, those
# of its own shard, too. (The Kinesis Producer Library packs by predicted shard; the check is for aggregates that were on
# their way while the stream was resharded.) Nothing is logged, not at debug level either, and the checkpoint passes over it.
# The way out: one aggregator a shard, or an aggregate for each partition key.
# Output (MD5 of a begins with 0, of b with 9, of c with 4):
#   keys a, b, c, shard of all hash keys: a b c
#   keys a, b, c, shard of the lower half: nothing
#   keys a, c, shard of the lower half: a c
# Needs a JDK (17 or later), Maven and Python 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check aws_kinesis_agg==1.2.3 six==1.17.0
cat > aggregate.py <<'PY'
import sys
from aws_kinesis_agg.aggregator import RecordAggregator

aggregator = RecordAggregator()
for key in sys.argv[1:]:
    aggregator.add_user_record(key, b'data')
partition_key, explicit_hash_key, data = aggregator.clear_and_get().get_contents()
print(data.hex())
PY
cat > pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>read</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.kinesis</groupId><artifactId>amazon-kinesis-client</artifactId><version>3.5.1</version>
    </dependency>
  </dependencies>
</project>
XML
cat > Read.java <<'JAVA'
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

public class Read {
    public static void main(String[] about) {
        var data = ByteBuffer.wrap(HexFormat.of().parseHex(about[1]));
        var last = BigInteger.TWO.pow(Integer.parseInt(about[2])).subtract(BigInteger.ONE);
        var record = KinesisClientRecord.builder().data(data).partitionKey("a").sequenceNumber("1").build();
        var read = new AggregatorUtil().deaggregate(List.of(record), BigInteger.ZERO, last);
        var keys = read.stream().map(KinesisClientRecord::partitionKey).collect(Collectors.joining(" "));
        System.out.println(about[0] + ": " + (keys.isEmpty() ? "nothing" : keys));
    }
}
JAVA
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
# read_back ABOUT BITS KEYS…: what KCL delivers of one aggregate of these keys in a shard of so many bits of hash keys
read_back() { java -cp "$(cat class-path)" Read.java "$1" "$(python/bin/python aggregate.py "${@:3}")" "$2" 2> java.log; }
{
  read_back 'keys a, b, c, shard of all hash keys' 128 a b c
  read_back 'keys a, b, c, shard of the lower half' 127 a b c
  read_back 'keys a, c, shard of the lower half' 127 a c
} | tee seen
diff seen - <<'SEEN'
keys a, b, c, shard of all hash keys: a b c
keys a, b, c, shard of the lower half: nothing
keys a, c, shard of the lower half: a c
SEEN
