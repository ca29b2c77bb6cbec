#!/usr/bin/env bash
# A Maven project with both of Amazon's Kinesis libraries can produce only if the producer is named first.
#
# A good guess: the consumer library and the producer library of one maker go together, in any order of two lines.
# Packages: Maven software.amazon.kinesis:amazon-kinesis-client 3.5.1 and
# software.amazon.kinesis:amazon-kinesis-producer 1.0.7. Each brings com.google.protobuf:protobuf-java, at the same
# distance, so Maven takes that of the one named first: 4.27.5 with the client, 4.29.0 with the producer. The
# producer's classes were generated with 4.29.0 and refuse an older runtime when they are loaded. It compiles, and
# fails when the producer starts. The way out: name the producer first, or protobuf-java itself, at the newer version.
# Output:
#   client first, protobuf-java 4.27.5: producer's messages: gencode 4.29.0, runtime 4.27.5
#   client first, protobuf-java 4.27.5: client's messages: loaded
#   producer first, protobuf-java 4.29.0: producer's messages: loaded
#   producer first, protobuf-java 4.29.0: client's messages: loaded
# Needs a JDK (17 or later) and Maven.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > Load.java <<'JAVA'
public class Load {
    public static void main(String[] about) {
        load(about[0] + ": producer's messages: ", "software.amazon.kinesis.producer.protobuf.Messages");
        load(about[0] + ": client's messages: ", "software.amazon.kinesis.retrieval.kpl.Messages");
    }

    private static void load(String about, String name) {
        String seen = "loaded";
        try {
            Class.forName(name);
        } catch (ClassNotFoundException | LinkageError error) {
            String why = String.valueOf(error.getCause());
            var versions = java.util.regex.Pattern.compile("gencode [\\d.]+\\d, runtime [\\d.]+\\d").matcher(why);
            seen = versions.find() ? versions.group() : error + ", " + why;
        }
        System.out.println(about + seen);
    }
}
JAVA

dependency() {
  echo "<dependency><groupId>software.amazon.kinesis</groupId><artifactId>$1</artifactId><version>$2</version></dependency>"
}
client=$(dependency amazon-kinesis-client 3.5.1)
producer=$(dependency amazon-kinesis-producer 1.0.7)

# load NAME DEPENDENCIES: what loads with them in this order
load() {
  echo "<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>both</artifactId>
    <version>1</version><dependencies>$2</dependencies></project>" > pom.xml
  mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
  local protobuf
  protobuf=$(tr ':' '\n' < class-path | sed -n 's/.*\/protobuf-java-\([0-9.]*\)\.jar$/\1/p')
  java -cp "$(cat class-path)" Load.java "$1, protobuf-java $protobuf"
}
{ load 'client first' "$client$producer"; load 'producer first' "$producer$client"; } | tee seen
diff seen - <<'SEEN'
client first, protobuf-java 4.27.5: producer's messages: gencode 4.29.0, runtime 4.27.5
client first, protobuf-java 4.27.5: client's messages: loaded
producer first, protobuf-java 4.29.0: producer's messages: loaded
producer first, protobuf-java 4.29.0: client's messages: loaded
SEEN
