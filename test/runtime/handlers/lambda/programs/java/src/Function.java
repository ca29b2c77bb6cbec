import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.KinesisEvent;
import com.amazonaws.services.lambda.runtime.events.StreamsEventResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;

/** Does what the data of its records say. */
public class Function implements RequestHandler<KinesisEvent, StreamsEventResponse> {
  public StreamsEventResponse handleRequest(KinesisEvent event, Context context) {
    var failures = new ArrayList<StreamsEventResponse.BatchItemFailure>();
    for (var record : event.getRecords()) {
      var text = StandardCharsets.UTF_8.decode(record.getKinesis().getData()).toString();
      System.out.println("record " + text + " " + context.getAwsRequestId() + " " + context.getRemainingTimeInMillis());
      switch (text) {
        case "raise" -> throw new IllegalStateException("told to raise " + "ü".repeat(20_000));
        case "exit" -> System.exit(3);
        case "hang" -> sleep();
        case "fail" -> failures.add(new StreamsEventResponse.BatchItemFailure(record.getKinesis().getSequenceNumber()));
        default -> {}
      }
    }
    var answer = new StreamsEventResponse();
    if (!failures.isEmpty()) answer.setBatchItemFailures(failures);
    return answer;
  }

  private static void sleep() {
    try {
      Thread.sleep(600_000);
    } catch (InterruptedException e) {
      throw new RuntimeException(e);
    }
  }
}
