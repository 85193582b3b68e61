package dev.holdfast.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.config.Doc;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ConfigBinderTest {
    enum Colour {
        RED,
        DARK_BLUE
    }

    record Inner(@Doc("how fast") double rate, boolean warm, List<Integer> widths) {
        Inner {
            if (!(rate > 0)) {
                throw new IllegalArgumentException("rate must be > 0 but is " + rate + ".");
            }
            widths = List.copyOf(widths);
        }
    }

    record Outer(@Doc("how many") int count, long rows, Colour colour, String name, Inner inner) {
        Outer {
            if (count < 1) {
                throw new IllegalArgumentException("count must be >= 1 but is " + count + ".");
            }
        }
    }

    private static final Outer DEFAULTS =
            new Outer(3, 10_000_000_000L, Colour.RED, "plain", new Inner(0.1, true, List.of(100, 50)));

    private static Outer set(String... pairs) {
        Map<String, String> m = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            m.put(pairs[i], pairs[i + 1]);
        }
        return ConfigBinder.set(DEFAULTS, m);
    }

    @Test
    void jsonGoesThereAndBack() {
        String json = ConfigBinder.json(DEFAULTS);
        assertThat(json)
                .isEqualTo("{\"count\":3,\"rows\":10000000000,\"colour\":\"RED\",\"name\":\"plain\","
                        + "\"inner\":{\"rate\":0.1,\"warm\":true,\"widths\":[100,50]}}");
        assertThat(ConfigBinder.fromJson(DEFAULTS, json)).isEqualTo(DEFAULTS);
    }

    @Property(tries = 200)
    void everyNumberReadsBackToTheSameBits(@ForAll double rate, @ForAll long rows) {
        double positive = rate > 0 && Double.isFinite(rate) ? rate : Double.MIN_VALUE;
        Outer o = new Outer(1, rows, Colour.DARK_BLUE, "", new Inner(positive, false, List.of()));
        assertThat(ConfigBinder.fromJson(DEFAULTS, ConfigBinder.json(o))).isEqualTo(o);
        assertThat(set("inner.rate", Double.toString(positive), "rows", Long.toString(rows)))
                .isEqualTo(new Outer(3, rows, Colour.RED, "plain", new Inner(positive, true, List.of(100, 50))));
    }

    @Test
    void whatIsLeftOutKeepsItsDefault() {
        assertThat(ConfigBinder.fromJson(DEFAULTS, "{\"inner\":{\"warm\":false}}"))
                .isEqualTo(new Outer(3, 10_000_000_000L, Colour.RED, "plain", new Inner(0.1, false, List.of(100, 50))));
        assertThat(ConfigBinder.fromYaml(
                        DEFAULTS, "count: 7\ninner:\n  rate: 2\n  widths: [1, 2]\ncolour: dark_blue\n"))
                .isEqualTo(new Outer(7, 10_000_000_000L, Colour.DARK_BLUE, "plain", new Inner(2, true, List.of(1, 2))));
        assertThat(ConfigBinder.fromJson(DEFAULTS, "{}")).isEqualTo(DEFAULTS);
        assertThat(set()).isEqualTo(DEFAULTS);
    }

    @Test
    void settingsAreReadByTheTypeOfTheirComponent() {
        assertThat(set("count", "4", "colour", "dark_blue", "name", "17", "inner.warm", "false", "inner.rate", "1e-3"))
                .isEqualTo(new Outer(
                        4, 10_000_000_000L, Colour.DARK_BLUE, "17", new Inner(1e-3, false, List.of(100, 50))));
        assertThat(set("inner.widths", "5,6,7").inner().widths()).containsExactly(5, 6, 7);
        assertThat(set("inner.widths", "[5]").inner().widths()).containsExactly(5);
        assertThat(set("inner", "{\"rate\":1,\"warm\":true,\"widths\":[]}").inner())
                .isEqualTo(new Inner(1, true, List.of()));
    }

    @Test
    void unknownNamesAreRefusedWithTheNearest() {
        assertThatThrownBy(() -> set("cuont", "4"))
                .hasMessageContaining("'cuont'")
                .hasMessageContaining("count, rows, colour, name, inner")
                .hasMessageContaining("Maybe 'count' is meant.");
        assertThatThrownBy(() -> set("inner.rat", "4")).hasMessageContaining("Maybe 'inner.rate' is meant.");
        assertThatThrownBy(() -> set("zzzzzzzz", "4")).message().doesNotContain("Maybe");
        assertThatThrownBy(() -> set("count.x", "4")).hasMessageContaining("'count' is a single value");
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"inner\":{\"wram\":true}}"))
                .hasMessageContaining("inner.wram")
                .hasMessageContaining("inner.warm");
        assertThatThrownBy(() -> ConfigBinder.fromYaml(DEFAULTS, "inner:\n  wram: true\n"))
                .hasMessageContaining("inner.warm");
    }

    @Test
    void valuesOfAnotherTypeAreRefusedByName() {
        assertThatThrownBy(() -> set("count", "many"))
                .hasMessageContaining("'count'")
                .hasMessageContaining("'many'");
        assertThatThrownBy(() -> set("count", "2.5")).hasMessageContaining("'2.5'");
        assertThatThrownBy(() -> set("count", "3000000000")).hasMessageContaining("3000000000");
        assertThatThrownBy(() -> set("inner.warm", "yes")).hasMessageContaining("true or false");
        assertThatThrownBy(() -> set("inner.widths", "a,b")).hasMessageContaining("inner.widths");
        assertThatThrownBy(() -> set("colour", "green"))
                .hasMessageContaining("green")
                .hasMessageContaining("DARK_BLUE");
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"count\":\"three\"}"))
                .hasMessageContaining("three");
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"count\":\"3\"}"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"count\":2.5}"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"count\":null}"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"inner\":null}"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theRecordsOwnChecksSpeakForThemselves() {
        assertThatThrownBy(() -> set("count", "0")).hasMessage("count must be >= 1 but is 0.");
        assertThatThrownBy(() -> set("inner.rate", "-1")).hasMessage("rate must be > 0 but is -1.0.");
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"count\":-2}"))
                .hasMessage("count must be >= 1 but is -2.");
    }

    @Test
    void textThatIsNoConfigurationIsRefused() {
        for (String bad :
                List.of("", "3", "[1]", "{\"count\":", "{\"count\":1} trailing", "{\"count\":1,\"count\":2}")) {
            assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, bad))
                    .as("json <" + bad + ">")
                    .isInstanceOf(IllegalArgumentException.class)
                    .message()
                    .isNotBlank();
        }
        for (String bad : List.of("", "just words", "count: 1\ncount: 2\n", "a: [")) {
            assertThatThrownBy(() -> ConfigBinder.fromYaml(DEFAULTS, bad))
                    .as("yaml <" + bad + ">")
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void optionsAreListedWithWhatTheyAccept() {
        assertThat(ConfigBinder.options(DEFAULTS))
                .containsExactly(
                        new ConfigBinder.Option("count", "3", "int", "how many"),
                        new ConfigBinder.Option("rows", "10000000000", "long", ""),
                        new ConfigBinder.Option("colour", "RED", "RED|DARK_BLUE", ""),
                        new ConfigBinder.Option("name", "plain", "String", ""),
                        new ConfigBinder.Option("inner.rate", "0.1", "double", "how fast"),
                        new ConfigBinder.Option("inner.warm", "true", "boolean", ""),
                        new ConfigBinder.Option("inner.widths", "[100, 50]", "List<Integer>", ""));
    }
}
