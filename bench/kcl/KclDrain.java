import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.file.*;
import java.util.*;
import software.amazon.awssdk.auth.credentials.*;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.*;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.*;
import software.amazon.kinesis.metrics.*;
import software.amazon.kinesis.processor.*;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * KclDrain KINESIS DYNAMODB RECORDS: reads as many records of the stream orders by polling, which it counts and checkpoints every
 * five seconds, and prints what came per second of its own CPU, after a quarter as warm-up.
 */
public class KclDrain implements ShardRecordProcessor {
  static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  static final long CHECKPOINT_NS = 5_000_000_000L;
  static long records, seen, warmSeen, warmCpu, warmAt;
  long checkpointedAt = System.nanoTime();

  static synchronized void count(int more) {
    seen += more;
    if (seen >= records / 4 && warmAt == 0) {
      warmSeen = seen;
      warmCpu = SYSTEM.getProcessCpuTime();
      warmAt = System.nanoTime();
    }
    if (seen < records || seen == warmSeen) return;
    double came = (seen - warmSeen) * 1e9;
    System.out.printf(Locale.ROOT, "{\"perCpuSecond\":%f,\"perSecond\":%f,\"megabytes\":%f}%n",
        came / (SYSTEM.getProcessCpuTime() - warmCpu), came / (System.nanoTime() - warmAt), peakKilobytes() / 1e3);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  static double peakKilobytes() {
    try {
      var line = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(each -> each.startsWith("VmHWM:")).findFirst();
      return line.map(each -> Double.parseDouble(each.replaceAll("\\D", ""))).orElse(Double.NaN);
    } catch (java.io.IOException e) {
      return Double.NaN;
    }
  }

  public void initialize(InitializationInput input) {}
  public void processRecords(ProcessRecordsInput input) {
    count(input.records().size());
    if (System.nanoTime() - checkpointedAt < CHECKPOINT_NS) return;
    checkpointedAt = System.nanoTime();
    // On a busy machine a lease may be lost and taken again.
    try { input.checkpointer().checkpoint(); } catch (ShutdownException e) { return; } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void leaseLost(LeaseLostInput input) {}
  public void shardEnded(ShardEndedInput input) {}
  public void shutdownRequested(ShutdownRequestedInput input) {}

  public static void main(String[] args) {
    records = Long.parseLong(args[2]);
    var region = Region.EU_WEST_1;
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("bench", "bench"));
    // The canned answers come over HTTP/1.1, as the worker reads them.
    var http = NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(256);
    var kinesis = KinesisAsyncClient.builder().httpClientBuilder(http).region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[0])).build();
    var dynamodb = DynamoDbAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create(args[1])).build();
    var cloudwatch = CloudWatchAsyncClient.builder().region(region).credentialsProvider(credentials).endpointOverride(URI.create("http://127.0.0.1:9")).build();
    var configs = new ConfigsBuilder("orders", "bench", kinesis, dynamodb, cloudwatch, "w", () -> new KclDrain());
    var begin = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
    var retrieval = configs.retrievalConfig().retrievalSpecificConfig(new PollingConfig("orders", kinesis).idleTimeBetweenReadsInMillis(200));
    retrieval.streamTracker(new SingleStreamTracker("orders", begin));
    new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig(), configs.leaseManagementConfig().failoverTimeMillis(6000).leaseAssignmentIntervalMillis(3000L),
        configs.lifecycleConfig(), configs.metricsConfig().metricsLevel(MetricsLevel.NONE), configs.processorConfig(), retrieval).run();
  }
}
