#!/usr/bin/env bash
# Over CBOR, which the AWS SDK for Java speaks to Kinesis unasked, a time is written with the tag for seconds and counted
# in milliseconds; and an answer in JSON to it is not understood.
#
# A good guess: a CBOR library writes and reads these bodies, as tag 1 is "epoch-based date/time" in seconds (RFC 8949
# 3.4.2); and a server that has JSON only answers with content type application/x-amz-json-1.1, as it does to the
# SDKs of other languages.
# Packages: Maven software.amazon.awssdk:kinesis and :url-connection-client 2.41.21 (KCL 3.5.1 brings this version),
# against an HTTP server on loopback. Seen:
# - AT_TIMESTAMP 2025-11-29T00:00:00Z is sent as tag 1 with 1764374400000: in the year 57880 for a CBOR library;
# - an arrival time of tag 1 with 1764374400, as a CBOR library writes that second, is read as January 1970;
# - a JSON answer fails, whatever its content type says. -Daws.cborEnabled=false has JSON asked.
# Output:
#   asked with: application/x-amz-cbor-1.1, tag 1, 1764374400000
#   answer of tag 1, 1764374400: 1970-01-21T10:06:14.400Z
#   answer of tag 1, 1764374400000: 2025-11-29T00:00:00Z
#   answer in JSON: SdkClientException
# Needs a JDK (17 or later) and Maven.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
dependency() {
  echo "<dependency><groupId>software.amazon.awssdk</groupId><artifactId>$1</artifactId><version>2.41.21</version></dependency>"
}
echo "<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>ask</artifactId><version>1</version>
  <dependencies>$(dependency kinesis)$(dependency url-connection-client)</dependencies></project>" > pom.xml
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
cat > Ask.java <<'JAVA'
import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.time.Instant;
import java.util.HexFormat;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.kinesis.KinesisClient;

public class Ask {
    private static final String CBOR = "application/x-amz-cbor-1.1";
    private static String type, asked;
    private static byte[] body;

    public static void main(String[] none) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", call -> {
            var hex = HexFormat.of().formatHex(call.getRequestBody().readAllBytes());
            asked = call.getRequestHeaders().getFirst("Content-Type");
            if (hex.contains("c11b")) asked += ", tag 1, " + HexFormat.fromHexDigitsToLong(hex.split("c11b")[1].substring(0, 16));
            call.getResponseHeaders().set("Content-Type", type);
            call.sendResponseHeaders(200, body.length);
            call.getResponseBody().write(body);
            call.close();
        });
        server.start();
        var address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        var client = KinesisClient.builder().endpointOverride(address).overrideConfiguration(c -> c.retryStrategy(
            software.amazon.awssdk.retries.DefaultRetryStrategy.doNotRetry())).build();
        answer(CBOR, HexFormat.of().parseHex("a0"));
        client.getShardIterator(r -> r.streamName("s").shardId("0").shardIteratorType("AT_TIMESTAMP").timestamp(Instant.ofEpochSecond(1764374400)));
        System.out.println("asked with: " + asked);
        for (long time : new long[] {1764374400L, 1764374400000L}) {
            String text = "a1" + hex("Records") + "81a1" + hex("ApproximateArrivalTimestamp") + "c11b" + "%016x".formatted(time);
            answer(CBOR, HexFormat.of().parseHex(text));
            System.out.println("answer of tag 1, " + time + ": "
                + client.getRecords(r -> r.shardIterator("i")).records().get(0).approximateArrivalTimestamp());
        }
        answer("application/x-amz-json-1.1", "{\"Records\":[]}".getBytes());
        try {
            System.out.println("answer in JSON: " + client.getRecords(r -> r.shardIterator("i")).records().size() + " records");
        } catch (SdkClientException error) {
            System.out.println("answer in JSON: SdkClientException");
        }
        System.exit(0);
    }
    private static void answer(String as, byte[] with) { type = as; body = with; }
    private static String hex(String text) { return "78%02x".formatted(text.length()) + HexFormat.of().formatHex(text.getBytes()); }
}
JAVA
java -cp "$(cat class-path)" Ask.java 2> java.log | tee seen || { cat java.log; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
