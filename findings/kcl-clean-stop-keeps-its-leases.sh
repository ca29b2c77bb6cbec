#!/usr/bin/env bash
# A worker of the Kinesis Client Library that was stopped cleanly still owns its shards: the table names it, and the next worker
# waits for its leases to run out as if it had been killed.
#
# A good guess: startGracefulShutdown(), which checkpoints and says true, gives the leases back, so that a rolling update costs as
# long as a process takes to start.
# Packages: Maven software.amazon.kinesis:amazon-kinesis-client 3.5.1, polling, with npm kinesis-local 0.6.2 and PyPI moto 5.2.5 as its
# Kinesis and DynamoDB. Seen: leaseOwner and leaseCounter stay in the rows; a worker that is started right after the stop first has
# to see that the counter stands still for failoverTimeMillis (10 s unless told otherwise), and then waits for its leader's next
# rounds: a minute and more in all. No shard is read meanwhile, at each stop of each pod; and whoever takes leaseOwner for a sign of
# life, an export or an import of positions, finds a live consumer where none is.
# The way out: a workerIdentifier that the next process has again (a StatefulSet's pod name): it takes its own leases at once.
# Output:
#   owners in the table after a clean stop: worker-1 worker-1
#   another worker: has both shards after more than 10 s
#   one with the old name: has both shards within 10 s
# Needs a JDK (17 or later), Maven, Python 3, and some minutes.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . kinesis-local@0.6.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>stop</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.kinesis</groupId><artifactId>amazon-kinesis-client</artifactId><version>3.5.1</version>
    </dependency>
  </dependencies>
</project>
XML
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
cat > Stop.java <<'JAVA'
import java.net.URI;
import java.util.*;
import java.util.concurrent.*;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.*;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.*;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class Stop {
    private static KinesisAsyncClient kinesis;
    private static DynamoDbAsyncClient dynamodb;

    /** Counts down once for each shard that it is given. */
    private record Processor(CountDownLatch given) implements ShardRecordProcessor {
        public void initialize(InitializationInput input) { given.countDown(); }
        public void processRecords(ProcessRecordsInput input) {}
        public void leaseLost(LeaseLostInput input) {}
        public void shardEnded(ShardEndedInput input) { checkpoint(input.checkpointer()); }
        public void shutdownRequested(ShutdownRequestedInput input) { checkpoint(input.checkpointer()); }
        private static void checkpoint(software.amazon.kinesis.processor.RecordProcessorCheckpointer checkpointer) {
            try { checkpointer.checkpoint(); } catch (Exception error) { throw new RuntimeException(error); }
        }
    }

    private static Scheduler start(String worker, CountDownLatch given) {
        var cloudwatch = CloudWatchAsyncClient.builder().endpointOverride(URI.create("http://127.0.0.1:9")).build();
        var configs = new ConfigsBuilder("orders", "orders", kinesis, dynamodb, cloudwatch, worker, () -> new Processor(given));
        var scheduler = new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig(), configs.leaseManagementConfig(),
            configs.lifecycleConfig(), configs.metricsConfig().metricsLevel(MetricsLevel.NONE), configs.processorConfig(),
            configs.retrievalConfig().retrievalSpecificConfig(new PollingConfig("orders", kinesis)));
        var thread = new Thread(scheduler);
        thread.setDaemon(true);
        thread.start();
        return scheduler;
    }

    /** Seconds until the worker has both shards; it is stopped cleanly then. */
    private static double startAndStop(String worker) throws Exception {
        var given = new CountDownLatch(2);
        long begin = System.nanoTime();
        var scheduler = start(worker, given);
        if (!given.await(8, TimeUnit.MINUTES)) throw new IllegalStateException(worker + " was not given its shards");
        double seconds = (System.nanoTime() - begin) / 1e9;
        Thread.sleep(5_000);
        boolean clean = scheduler.startGracefulShutdown().get(5, TimeUnit.MINUTES);
        System.err.println(worker + ": " + seconds + " s, then stopped: " + clean);
        if (!clean) throw new IllegalStateException(worker + " was not stopped cleanly");
        return seconds;
    }

    private static void tell(String about, double seconds) {
        System.out.println(about + ": has both shards " + (seconds > 10 ? "after more than 10 s" : "within 10 s"));
    }

    public static void main(String[] urls) throws Exception {
        var http = NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1);
        kinesis = KinesisAsyncClient.builder().httpClientBuilder(http).endpointOverride(URI.create(urls[0])).build();
        dynamodb = DynamoDbAsyncClient.builder().endpointOverride(URI.create(urls[1])).build();
        kinesis.createStream(r -> r.streamName("orders").shardCount(2)).join();
        kinesis.waiter().waitUntilStreamExists(r -> r.streamName("orders")).join();
        startAndStop("worker-1");
        var owners = new ArrayList<String>();
        for (var row : dynamodb.scan(r -> r.tableName("orders")).join().items())
            if (row.get("leaseKey").s().startsWith("shardId-")) owners.add(row.containsKey("leaseOwner") ? row.get("leaseOwner").s() : "none");
        System.out.println("owners in the table after a clean stop: " + String.join(" ", owners));
        tell("another worker", startAndStop("worker-2"));
        tell("one with the old name", startAndStop("worker-2"));
        System.exit(0);
    }
}
JAVA
javac -cp "$(cat class-path)" Stop.java
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
kinesis=$(free_port) dynamodb=$(free_port)
export KINESIS_MOCK_PLAIN_PORT=$kinesis KINESIS_MOCK_TLS_PORT LOG_LEVEL=ERROR
KINESIS_MOCK_TLS_PORT=$(free_port)
(cd node_modules/kinesis-local && exec node main.js) > kinesis.log 2>&1 &
servers+=($!)
python/bin/moto_server -p "$dynamodb" > moto.log 2>&1 &
servers+=($!)
for port in "$kinesis" "$dynamodb"; do
  until (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.5; done
done
java -cp ".:$(cat class-path)" Stop "http://127.0.0.1:$kinesis" "http://127.0.0.1:$dynamodb" 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
