import java.net.URI;
import java.util.*;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.*;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.*;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.*;
import software.amazon.kinesis.metrics.*;
import software.amazon.kinesis.processor.*;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** Kcl STREAM TABLE KINESIS DYNAMODB [EPOCH]: KCL 2 or 3; over several streams with the stream's creation time. SIGTERM stops it. */
public class Kcl implements ShardRecordProcessor {
  public void initialize(InitializationInput input) { System.out.println("shard " + input.shardId()); }
  public void processRecords(ProcessRecordsInput input) {
    input.records().forEach(record -> System.out.println("record " + record.sequenceNumber() + (record.aggregated() ? "+" + record.subSequenceNumber() : "")));
    try { input.checkpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void leaseLost(LeaseLostInput input) {}
  public void shardEnded(ShardEndedInput input) {
    try { input.checkpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void shutdownRequested(ShutdownRequestedInput input) {
    try { input.checkpointer().checkpoint(); } catch (Exception e) { System.out.println("at shutdown: " + e); }
  }

  static class Streams implements MultiStreamTracker {
    final StreamConfig stream;
    Streams(StreamConfig stream) { this.stream = stream; }
    public List<StreamConfig> streamConfigList() { return List.of(stream); }
    public FormerStreamsLeasesDeletionStrategy formerStreamsLeasesDeletionStrategy() { return new FormerStreamsLeasesDeletionStrategy.NoLeaseDeletionStrategy(); }
  }

  public static void main(String[] args) throws Exception {
    var region = Region.EU_WEST_1;
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local"));
    var kinesis = KinesisClientUtil.createKinesisAsyncClient(
        KinesisAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[2])));
    var dynamodb = DynamoDbAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[3])).build();
    var cloudwatch = CloudWatchAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create("http://127.0.0.1:9")).build();
    var start = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
    ShardRecordProcessorFactory factory = () -> new Kcl();
    var configs = args.length > 4
        ? new ConfigsBuilder(new Streams(new StreamConfig(StreamIdentifier.multiStreamInstance("000000000000:" + args[0] + ":" + args[4]), start)), args[1], kinesis, dynamodb, cloudwatch, "worker-1", factory)
        : new ConfigsBuilder(args[0], args[1], kinesis, dynamodb, cloudwatch, "worker-1", factory);
    var retrieval = configs.retrievalConfig();
    retrieval.retrievalSpecificConfig(args.length > 4 ? new PollingConfig(kinesis).idleTimeBetweenReadsInMillis(500) : new PollingConfig(args[0], kinesis).idleTimeBetweenReadsInMillis(500));
    if (args.length <= 4) retrieval.initialPositionInStreamExtended(start);
    var leases = configs.leaseManagementConfig().failoverTimeMillis(3000).shardSyncIntervalMillis(3000).initialPositionInStream(start);
    // Only KCL 3 has it.
    try { leases.getClass().getMethod("leaseAssignmentIntervalMillis", Long.class).invoke(leases, 3000L); } catch (NoSuchMethodException e) {}
    var scheduler = new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig().parentShardPollIntervalMillis(1000), leases, configs.lifecycleConfig(),
        configs.metricsConfig().metricsLevel(MetricsLevel.NONE), configs.processorConfig(), retrieval);
    var thread = new Thread(scheduler); thread.setDaemon(true); thread.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try { System.out.println("ended " + scheduler.startGracefulShutdown().get(30, TimeUnit.SECONDS)); } catch (Exception e) { System.out.println("ended " + e); }
    }));
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
