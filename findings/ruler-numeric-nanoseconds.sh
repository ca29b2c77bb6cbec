#!/usr/bin/env bash
# A numeric filter drops times in nanoseconds, without an error: a long number is no number there.
#
# A good guess: {"numeric": [">", 0]} matches every number above 0; of a very long one the last digits may be rounded.
# Package: Maven software.amazon.event.ruler:event-ruler 2.1.0, AWS's engine for filters of events. Seen: a number
# with 19 digits, as below, matches no numeric rule at all, while the exact value still matches itself; a very round one
# (…000000000) does match, so that a test with such a value misleads. A filter on microseconds works; the same filter
# on nanoseconds, or on a long identifier, drops records, and so it is with seconds that have nine digits of fraction.
# Output:
#   {"numeric":[">",0]} on 1764374400000 (milliseconds): match
#   {"numeric":[">",0]} on 1764374400000000 (microseconds): match
#   {"numeric":[">",0]} on 1764374400123456789 (nanoseconds): no match
#   {"numeric":[">",0]} on 1764374400000000000 (nanoseconds, round): match
#   {"numeric":[">",0]} on 1764374400.123456789 (seconds, with nanoseconds): no match
#   1764374400123456789 on 1764374400123456789 (the value itself): match
# Needs a JDK (17 or later) and Maven.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > pom.xml <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>ask</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.event.ruler</groupId><artifactId>event-ruler</artifactId><version>2.1.0</version>
    </dependency>
  </dependencies>
</project>
XML
cat > Ask.java <<'JAVA'
import software.amazon.event.ruler.Machine;

public class Ask {
    public static void main(String[] none) throws Exception {
        String positive = "{\"numeric\":[\">\",0]}";
        ask(positive, "1764374400000", "milliseconds");
        ask(positive, "1764374400000000", "microseconds");
        ask(positive, "1764374400123456789", "nanoseconds");
        ask(positive, "1764374400000000000", "nanoseconds, round");
        ask(positive, "1764374400.123456789", "seconds, with nanoseconds");
        ask("1764374400123456789", "1764374400123456789", "the value itself");
    }

    private static void ask(String rule, String value, String about) throws Exception {
        Machine machine = new Machine();
        machine.addRule("rule", "{\"time\":[" + rule + "]}");
        boolean matched = !machine.rulesForJSONEvent("{\"time\":" + value + "}").isEmpty();
        System.out.println(rule + " on " + value + " (" + about + "): " + (matched ? "match" : "no match"));
    }
}
JAVA
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
java -cp "$(cat class-path)" Ask.java 2> warnings | tee seen
diff seen - <<'SEEN'
{"numeric":[">",0]} on 1764374400000 (milliseconds): match
{"numeric":[">",0]} on 1764374400000000 (microseconds): match
{"numeric":[">",0]} on 1764374400123456789 (nanoseconds): no match
{"numeric":[">",0]} on 1764374400000000000 (nanoseconds, round): match
{"numeric":[">",0]} on 1764374400.123456789 (seconds, with nanoseconds): no match
1764374400123456789 on 1764374400123456789 (the value itself): match
SEEN
