package dev.holdfast.scenario;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.source.TransformedDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** The classes stay, the inputs change: permuted pixels and rotated images. */
public final class DomainIncremental {
    /** What changes from domain to domain. */
    public enum Shift {
        /** One fixed permutation of the input entries a domain (Goodfellow et al., arXiv 1312.6211). */
        PERMUTED,
        /** One angle a domain, uniform in [0, 180) degrees (Lopez-Paz, Ranzato, arXiv 1706.08840). */
        ROTATED,
        /** Domain d is turned by d equal steps, so the first is as it is (De Lange et al., arXiv 2205.13452). */
        TURNING
    }

    /**
     * @param shift what changes
     * @param domains number of domains
     * @param degrees step of TURNING; 0 = 180 / domains
     * @param dealing how rows are dealt
     */
    public record Config(Shift shift, int domains, double degrees, Dealing dealing) {
        public Config {
            if (!Double.isFinite(degrees)) {
                throw new IllegalArgumentException("degrees must be finite but is " + degrees + ".");
            }
            if (domains < 2) {
                throw new IllegalArgumentException("A sequence of domains needs at least 2 but has " + domains + ".");
            }
        }
    }

    private DomainIncremental() {}

    /** Domains that are drawn, not stepped. */
    public static Config drawn(Shift shift, int domains, Dealing dealing) {
        return new Config(shift, domains, 0, dealing);
    }

    /** Images turned by {@code degrees} more in every domain; 0 = 180 / domains. */
    public static Config turning(int domains, double degrees, Dealing dealing) {
        return new Config(Shift.TURNING, domains, degrees, dealing);
    }

    /** The same rows once a domain; training and test rows of a domain are changed alike. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        if (train.schema().inputs().size() != 1) {
            throw new IllegalArgumentException("Domains are changes of one input field but there are "
                    + train.schema().inputs().size() + ".");
        }
        Schema.Field field = train.schema().inputs().get(0);
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        double step = config.degrees == 0 ? 180.0 / config.domains : config.degrees;
        for (int d = 0; d < config.domains; d++) {
            Rng draws = rng.child("domain", d);
            UnaryOperator<Batch> change =
                    switch (config.shift) {
                        case PERMUTED -> permute(field, draws);
                        case ROTATED -> rotate(field, draws.next() * 180);
                        case TURNING -> rotate(field, d * step);
                    };
            String how = config.shift + " domain " + d
                    + (config.shift == Shift.TURNING ? " by " + step : " key " + draws.key());
            Dataset part = new TransformedDataset(train, change, how);
            experiences.add(new Experience(
                    d,
                    d,
                    config.dealing.source(part),
                    train.schema().classes(),
                    config.dealing.boundaries(),
                    config.dealing.pace()));
            tests.add(new TestSet(
                    d,
                    config.shift == Shift.TURNING
                            ? String.format(Locale.ROOT, "turned by %.4g°", d * step)
                            : "domain " + (d + 1),
                    new TransformedDataset(test, change, how),
                    train.schema().classes()));
        }
        String name = "domain-" + config.shift.name().toLowerCase(Locale.ROOT) + " x" + config.domains
                + config.dealing.suffix();
        return new ListedScenario(name, train.schema(), experiences, tests, false);
    }

    private static UnaryOperator<Batch> permute(Schema.Field field, Rng rng) {
        int[] order = rng.permutation(Math.toIntExact(
                Tensors.count(field.shape().stream().mapToLong(Long::longValue).toArray())));
        return b -> {
            Tensor x = b.inputs().tensor(field.name());
            Tensor permuted =
                    x.reshape(x.size(0), -1).index_select(1, Tensors.ids(order)).reshape(x.shape());
            return b.withInputs(b.inputs().with(field.name(), permuted));
        };
    }

    private static UnaryOperator<Batch> rotate(Schema.Field field, double degrees) {
        if (field.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("Only images can be rotated but field '" + field.name() + "' is a "
                    + field.kind() + ".\nMaybe the permuted domains are meant.");
        }
        return b -> b.withInputs(
                b.inputs().with(field.name(), ImageOps.rotate(b.inputs().x(), degrees)));
    }
}
