import java.net.URI;
import java.util.*;
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

/** KclCheck STREAM TABLE KINESIS DYNAMODB polling|fan-out: prints how many keys it has seen, until standard input ends. */
public class KclCheck implements ShardRecordProcessor {
  static final Set<String> KEYS = new HashSet<>();

  public void initialize(InitializationInput input) { System.out.println("shard " + input.shardId()); }
  public void processRecords(ProcessRecordsInput input) {
    synchronized (KEYS) {
      input.records().forEach(record -> KEYS.add(record.partitionKey()));
      System.out.println("total " + KEYS.size());
    }
    try { input.checkpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void leaseLost(LeaseLostInput input) {}
  public void shardEnded(ShardEndedInput input) {
    try { input.checkpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void shutdownRequested(ShutdownRequestedInput input) {}

  public static void main(String[] args) throws Exception {
    var region = Region.EU_WEST_1;
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local"));
    var kinesis = KinesisClientUtil.createKinesisAsyncClient(
        KinesisAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[2])));
    var dynamodb = DynamoDbAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[3])).build();
    var cloudwatch = CloudWatchAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create("http://127.0.0.1:9")).build();
    var configs = new ConfigsBuilder(args[0], args[1], kinesis, dynamodb, cloudwatch, UUID.randomUUID().toString(), () -> new KclCheck());
    var retrieval = configs.retrievalConfig();
    // Its default is enhanced fan-out.
    if (args[4].equals("polling")) retrieval.retrievalSpecificConfig(new PollingConfig(args[0], kinesis).idleTimeBetweenReadsInMillis(500));
    retrieval.streamTracker(new software.amazon.kinesis.processor.SingleStreamTracker(args[0], InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)));
    var scheduler = new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig().parentShardPollIntervalMillis(1000), configs.leaseManagementConfig().failoverTimeMillis(3000).leaseAssignmentIntervalMillis(3000L), configs.lifecycleConfig(),
        configs.metricsConfig().metricsLevel(MetricsLevel.NONE), configs.processorConfig(), retrieval);
    var thread = new Thread(scheduler); thread.setDaemon(true); thread.start();
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
