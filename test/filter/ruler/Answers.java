import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import software.amazon.event.ruler.Machine;

/** From [[pattern, event], ...] on stdin to ["match" | "no match" | "refused", ...] on stdout, as the engine answers. */
public class Answers {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        List<String> answers = new ArrayList<>();
        for (String[] question : json.readValue(System.in, String[][].class)) {
            answers.add(answer(question[0], question[1]));
        }
        json.writeValue(System.out, answers);
    }

    private static String answer(String pattern, String event) {
        Machine machine = new Machine();
        try {
            machine.addRule("pattern", pattern);
        } catch (Exception refused) {
            return "refused";
        }
        try {
            return machine.rulesForJSONEvent(event).isEmpty() ? "no match" : "match";
        } catch (Exception unreadable) {
            return "unreadable";
        }
    }
}
