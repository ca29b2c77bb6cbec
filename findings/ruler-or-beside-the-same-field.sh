#!/usr/bin/env bash
# In a filter pattern a field beside $or and the same field inside of it are not both required: the later one replaces
# the earlier, so that the order of two keys of a JSON object decides what matches.
#
# A good guess: "kind is order, and (kind is refund or total is above 100)" is an AND of the two, whatever their order.
# Package: Maven software.amazon.event.ruler:event-ruler 2.1.0, AWS's engine for filters of events. Seen, with
#   first:  {"kind":["order"],"$or":[{"kind":["refund"]},{"total":[{"numeric":[">",100]}]}]}
#   last:   the same two keys, $or before kind
# - first delivers a small refund, which is no order;
# - last delivers a small order, for which no alternative holds.
# Output:
#   kind first: {"kind":"order","total":500}: match
#   kind first: {"kind":"refund","total":5}: match
#   kind first: {"kind":"order","total":5}: no match
#   kind last: {"kind":"order","total":500}: match
#   kind last: {"kind":"refund","total":5}: no match
#   kind last: {"kind":"order","total":5}: match
# The way out: say in each alternative all that holds in it, and name no field of theirs beside $or.
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
    private static final String KIND = "\"kind\":[\"order\"]";
    private static final String OR = "\"$or\":[{\"kind\":[\"refund\"]},{\"total\":[{\"numeric\":[\">\",100]}]}]";

    public static void main(String[] none) throws Exception {
        ask("kind first", "{" + KIND + "," + OR + "}");
        ask("kind last", "{" + OR + "," + KIND + "}");
    }

    private static void ask(String about, String pattern) throws Exception {
        Machine machine = new Machine();
        machine.addRule("rule", pattern);
        for (String event : new String[] {
            "{\"kind\":\"order\",\"total\":500}", "{\"kind\":\"refund\",\"total\":5}", "{\"kind\":\"order\",\"total\":5}"
        }) {
            boolean matched = !machine.rulesForJSONEvent(event).isEmpty();
            System.out.println(about + ": " + event + ": " + (matched ? "match" : "no match"));
        }
    }
}
JAVA
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
java -cp "$(cat class-path)" Ask.java 2> warnings | tee seen
diff seen - <<'SEEN'
kind first: {"kind":"order","total":500}: match
kind first: {"kind":"refund","total":5}: match
kind first: {"kind":"order","total":5}: no match
kind last: {"kind":"order","total":500}: match
kind last: {"kind":"refund","total":5}: no match
kind last: {"kind":"order","total":5}: match
SEEN
