import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.*;
import software.amazon.awssdk.auth.credentials.*;
import software.amazon.kinesis.producer.*;

/** KplCheck STREAM PORT CA COUNT: puts COUNT records, prints what came of them. */
public class KplCheck {
  public static void main(String[] args) throws Exception {
    var port = Long.parseLong(args[1]);
    var config = new KinesisProducerConfiguration()
        .setRegion("eu-west-1")
        .setCredentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
        .setKinesisEndpoint("127.0.0.1").setKinesisPort(port)
        .setStsEndpoint("127.0.0.1").setStsPort(port)
        .setCaCertFile(args[2])
        .setMetricsLevel("none");
    var producer = new KinesisProducer(config);
    var futures = new ArrayList<ListenableFuture<UserRecordResult>>();
    for (int i = 0; i < Integer.parseInt(args[3]); i++)
      futures.add(producer.addUserRecord(args[0], "key" + i, ByteBuffer.wrap(("data" + i).getBytes(StandardCharsets.UTF_8))));
    producer.flushSync();
    int good = 0;
    for (var future : futures) if (future.get().isSuccessful()) good++;
    System.out.println("sent " + good);
    producer.destroy();
    System.exit(0);
  }
}
