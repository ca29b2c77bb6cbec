import com.amazonaws.auth.*;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.cloudwatch.AmazonCloudWatchClientBuilder;
import com.amazonaws.services.dynamodbv2.AmazonDynamoDBClientBuilder;
import com.amazonaws.services.kinesis.AmazonKinesisClientBuilder;
import com.amazonaws.services.kinesis.clientlibrary.interfaces.v2.*;
import com.amazonaws.services.kinesis.clientlibrary.lib.worker.*;
import com.amazonaws.services.kinesis.clientlibrary.types.*;
import com.amazonaws.services.kinesis.metrics.impl.NullMetricsFactory;
import java.util.concurrent.TimeUnit;

/** Kcl1 STREAM TABLE KINESIS DYNAMODB: KCL 1, as Spark and Logstash have it. SIGTERM stops it. */
public class Kcl1 implements IRecordProcessor, IShutdownNotificationAware {
  public void initialize(InitializationInput input) { System.out.println("shard " + input.getShardId()); }
  public void processRecords(ProcessRecordsInput input) {
    input.getRecords().forEach(record -> System.out.println("record " + record.getSequenceNumber()));
    if (input.getRecords().isEmpty()) return;
    try { input.getCheckpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void shutdown(ShutdownInput input) {
    if (input.getShutdownReason() != ShutdownReason.TERMINATE) return;
    try { input.getCheckpointer().checkpoint(); } catch (Exception e) { throw new RuntimeException(e); }
  }
  public void shutdownRequested(com.amazonaws.services.kinesis.clientlibrary.interfaces.IRecordProcessorCheckpointer checkpointer) {
    try { checkpointer.checkpoint(); } catch (Exception e) { System.out.println("at shutdown: " + e); }
  }

  public static void main(String[] args) throws Exception {
    var credentials = new AWSStaticCredentialsProvider(new BasicAWSCredentials("local", "local"));
    var region = "eu-west-1";
    var kinesis = AmazonKinesisClientBuilder.standard().withCredentials(credentials).withEndpointConfiguration(new EndpointConfiguration(args[2], region)).build();
    var dynamodb = AmazonDynamoDBClientBuilder.standard().withCredentials(credentials).withEndpointConfiguration(new EndpointConfiguration(args[3], region)).build();
    var cloudwatch = AmazonCloudWatchClientBuilder.standard().withCredentials(credentials).withEndpointConfiguration(new EndpointConfiguration("http://127.0.0.1:9", region)).build();
    var config = new KinesisClientLibConfiguration(args[1], args[0], credentials, "worker-1")
        .withInitialPositionInStream(InitialPositionInStream.TRIM_HORIZON).withFailoverTimeMillis(3000).withShardSyncIntervalMillis(3000)
        .withIdleTimeBetweenReadsInMillis(500).withRegionName(region).withParentShardPollIntervalMillis(1000);
    IRecordProcessorFactory factory = () -> new Kcl1();
    var worker = new Worker.Builder().recordProcessorFactory(factory).config(config).kinesisClient(kinesis).dynamoDBClient(dynamodb)
        .cloudWatchClient(cloudwatch).metricsFactory(new NullMetricsFactory()).build();
    var thread = new Thread(worker); thread.setDaemon(true); thread.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try { System.out.println("ended " + worker.startGracefulShutdown().get(30, TimeUnit.SECONDS)); } catch (Exception e) { System.out.println("ended " + e); }
    }));
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
