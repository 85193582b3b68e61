package dev.holdfast.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.robust.ForwardCorrected;
import dev.holdfast.loss.robust.GeneralisedCe;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Components that are one of several kinds of record, on the example of losses. */
class ChoicesTest {
    record Inner(LossConfig loss) {}

    record Outer(int n, LossConfig loss, Inner inner) {}

    private static final Outer DEFAULTS =
            new Outer(1, new CrossEntropy.Config(0.1), new Inner(new EarlyLearning.Config()));

    private static Outer set(String... pairs) {
        Map<String, String> m = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            m.put(pairs[i], pairs[i + 1]);
        }
        return ConfigBinder.set(DEFAULTS, m);
    }

    @Test
    void jsonNamesTheKindFirst() {
        String json = ConfigBinder.json(DEFAULTS);
        assertThat(json)
                .startsWith("{\"n\":1,\"loss\":{\"kind\":\"cross-entropy\",\"smoothing\":0.1},\"inner\":{\"loss\":"
                        + "{\"kind\":\"elr\",\"beta\":0.7,\"lambda\":3.0,");
        assertThat(ConfigBinder.fromJson(DEFAULTS, json)).isEqualTo(DEFAULTS);
        Outer forward = new Outer(
                2,
                ForwardCorrected.Config.of(new double[][] {{0.9, 0.1}, {0.2, 0.8}}),
                new Inner(new GeneralisedCe.Config(0.5)));
        assertThat(ConfigBinder.fromJson(DEFAULTS, ConfigBinder.json(forward))).isEqualTo(forward);
    }

    @Test
    void componentsOfTheSameKindKeepTheirValues() {
        assertThat(set("inner.loss.beta", "0.9").inner().loss()).isEqualTo(new EarlyLearning.Config(0.9, 3));
        assertThat(ConfigBinder.fromJson(DEFAULTS, "{\"inner\":{\"loss\":{\"lambda\":7}}}")
                        .inner()
                        .loss())
                .isEqualTo(new EarlyLearning.Config(0.7, 7));
        assertThat(set("loss.kind", "cross-entropy").loss()).isEqualTo(new CrossEntropy.Config(0.1));
    }

    @Test
    void anotherKindBeginsWithItsDefaultsInWhateverOrderItIsSet() {
        assertThat(set("loss.kind", "gce").loss()).isEqualTo(new GeneralisedCe.Config(0.7));
        assertThat(set("loss.q", "0.3", "loss.kind", "gce").loss()).isEqualTo(new GeneralisedCe.Config(0.3));
        assertThat(set("loss.kind", "elr", "loss.lambda", "1", "loss.precision", "float16")
                        .loss())
                .isEqualTo(ConfigBinder.fromYaml(DEFAULTS, "loss:\n  kind: elr\n  lambda: 1\n  precision: FLOAT16\n")
                        .loss());
        assertThat(set("loss", "{\"kind\":\"gce\",\"q\":1}").loss()).isEqualTo(new GeneralisedCe.Config(1));
        assertThat(set("loss.kind", "forward", "loss.transition", "[[0.9,0.1],[0.2,0.8]]")
                        .loss())
                .isEqualTo(new ForwardCorrected.Config(List.of(List.of(0.9, 0.1), List.of(0.2, 0.8))));
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> set("loss.kind", "elv"))
                .hasMessageContaining("'loss' cannot be of kind 'elv'")
                .hasMessageContaining(String.join(", ", LossConfig.all().keySet()))
                .hasMessageContaining("Maybe 'elr'");
        assertThatThrownBy(() -> ConfigBinder.fromJson(DEFAULTS, "{\"loss\":{\"kind\":\"focus\"}}"))
                .hasMessageContaining("'focus'");
        assertThatThrownBy(() -> set("loss.beta", "0.9"))
                .hasMessageContaining("'loss.beta'")
                .hasMessageContaining("loss.kind, loss.smoothing");
        assertThatThrownBy(() -> set("inner.loss.beta", "2")).hasMessage("beta must be in [0, 1) but is 2.0.");
        assertThatThrownBy(() -> set("loss.kind.x", "2")).hasMessageContaining("single value");
    }

    @Test
    void optionsShowTheKindsAndTheComponentsOfThePresentOne() {
        List<ConfigBinder.Option> options = ConfigBinder.options(DEFAULTS);
        assertThat(options)
                .extracting(ConfigBinder.Option::name)
                .startsWith("n", "loss.kind", "loss.smoothing", "inner.loss.kind", "inner.loss.beta");
        assertThat(options.get(1).value()).isEqualTo("cross-entropy");
        assertThat(options.get(1).accepts())
                .isEqualTo(String.join("|", LossConfig.all().keySet()))
                .contains("aldr-kl|", "|cross-entropy|", "|elr|", "|stablemax|");
    }
}
