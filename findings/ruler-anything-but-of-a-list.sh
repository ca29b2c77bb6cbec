#!/usr/bin/env bash
# In a filter pattern {"anything-but": "refund"} lets a list through that holds "refund"; and {"exists": false} on an object holds
# although the object is there.
#
# A good guess: anything-but keeps out each event with that value, as the value alone lets in each event with it; and exists asks
# whether the key is in the event.
# Package: Maven software.amazon.event.ruler:event-ruler 2.1.0, AWS's engine for filters of events. Seen: a pattern is asked of
# each leaf (a text, a number, true, false or null), and one leaf that holds is enough. So
# - of a list anything-but asks for one other element, not for none of that value; with prefix, suffix and the like it is the same;
# - null is another value, and a missing field, an empty list or an object is none: these do not match;
# - an object and an empty list have no leaf under the key: {"exists": false} matches them, {"exists": true} does not.
# A filter that shall keep test events out lets those through that carry a second tag. The way out: the value as a field of its own
# in the record, or the test in the handler; for exists the name of a leaf below.
# Output:
#   {"tags":[{"anything-but":"refund"}]}: {"tags":"refund"}: no match
#   {"tags":[{"anything-but":"refund"}]}: {"tags":["refund"]}: no match
#   {"tags":[{"anything-but":"refund"}]}: {"tags":["refund","order"]}: match
#   {"tags":[{"anything-but":"refund"}]}: {"tags":null}: match
#   {"tags":[{"anything-but":"refund"}]}: {"tags":[]}: no match
#   {"tags":[{"anything-but":"refund"}]}: {}: no match
#   {"tags":[{"anything-but":{"prefix":"re"}}]}: {"tags":["refund","order"]}: match
#   {"tags":[{"exists":false}]}: {"tags":{"kind":"refund"}}: match
#   {"tags":[{"exists":true}]}: {"tags":{"kind":"refund"}}: no match
#   {"tags":[{"exists":true}]}: {"tags":[]}: no match
#   {"tags":[{"exists":true}]}: {"tags":null}: match
# Needs a JDK (17 or later) and Maven.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
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
        ask("{'anything-but':'refund'}", "{'tags':'refund'}", "{'tags':['refund']}", "{'tags':['refund','order']}", "{'tags':null}",
            "{'tags':[]}", "{}");
        ask("{'anything-but':{'prefix':'re'}}", "{'tags':['refund','order']}");
        ask("{'exists':false}", "{'tags':{'kind':'refund'}}");
        ask("{'exists':true}", "{'tags':{'kind':'refund'}}", "{'tags':[]}", "{'tags':null}");
    }

    private static void ask(String test, String... events) throws Exception {
        String pattern = json("{'tags':[" + test + "]}");
        Machine machine = new Machine();
        machine.addRule("rule", pattern);
        for (String event : events) {
            boolean matched = !machine.rulesForJSONEvent(json(event)).isEmpty();
            System.out.println(pattern + ": " + json(event) + ": " + (matched ? "match" : "no match"));
        }
    }

    private static String json(String text) { return text.replace('\'', '"'); }
}
JAVA
mvn -B -q dependency:build-classpath -Dmdep.outputFile=class-path > maven.log 2>&1 || { cat maven.log; exit 1; }
java -cp "$(cat class-path)" Ask.java 2> warnings | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
