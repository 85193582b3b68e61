package dev.holdfast.scenario;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The classes stay, the inputs change: permuted pixels and rotated images. */
public final class DomainIncremental {
    /** What changes from domain to domain. */
    public enum Shift {
        /** One fixed permutation of the input entries a domain (Goodfellow et al., arXiv 1312.6211). */
        PERMUTED,
        /** One angle a domain, uniform in [0, 180) degrees (Lopez-Paz, Ranzato, arXiv 1706.08840). */
        ROTATED
    }

    /**
     * @param shift what changes
     * @param domains number of domains
     * @param dealing how rows are dealt
     */
    public record Config(Shift shift, int domains, Dealing dealing) {
        public Config {
            if (domains < 2) {
                throw new IllegalArgumentException("A sequence of domains needs at least 2 but has " + domains + ".");
            }
        }
    }

    private DomainIncremental() {}

    /** The same rows once a domain; training and test rows of a domain are changed alike. */
    public static Scenario of(Config config, Dataset train, Dataset test, Rng rng) {
        if (train.schema().inputs().size() != 1) {
            throw new IllegalArgumentException("Domains are changes of one input field but there are "
                    + train.schema().inputs().size() + ".");
        }
        Schema.Field field = train.schema().inputs().get(0);
        List<Experience> experiences = new ArrayList<>();
        List<TestSet> tests = new ArrayList<>();
        for (int d = 0; d < config.domains; d++) {
            Rng draws = rng.child("domain", d);
            UnaryOperator<Inputs> change =
                    switch (config.shift) {
                        case PERMUTED -> permute(field, draws);
                        case ROTATED -> rotate(field, draws.next() * 180);
                    };
            Dataset part = new TransformedDataset(train, change, config.shift + " domain " + d + " key " + draws.key());
            experiences.add(new Experience(
                    d,
                    d,
                    config.dealing.source(part),
                    train.schema().classes(),
                    config.dealing.boundaries(),
                    config.dealing.pace()));
            tests.add(new TestSet(
                    d,
                    "domain " + (d + 1),
                    new TransformedDataset(test, change, config.shift + " domain " + d + " key " + draws.key()),
                    train.schema().classes()));
        }
        String name = (config.shift == Shift.PERMUTED ? "domain-permuted x" : "domain-rotated x")
                + config.domains
                + config.dealing.suffix();
        return new ListedScenario(name, train.schema(), experiences, tests, false);
    }

    private static UnaryOperator<Inputs> permute(Schema.Field field, Rng rng) {
        int[] order = rng.permutation(Math.toIntExact(
                Tensors.count(field.shape().stream().mapToLong(Long::longValue).toArray())));
        return in -> {
            Tensor x = in.tensor(field.name());
            return Inputs.of(Map.of(
                    field.name(),
                    x.reshape(x.size(0), -1).index_select(1, Tensors.ids(order)).reshape(x.shape())));
        };
    }

    private static UnaryOperator<Inputs> rotate(Schema.Field field, double degrees) {
        if (field.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("Only images can be rotated but field '" + field.name() + "' is a "
                    + field.kind() + ".\nMaybe the permuted domains are meant.");
        }
        double a = Math.toRadians(degrees);
        double[] affine = {Math.cos(a), -Math.sin(a), 0, Math.sin(a), Math.cos(a), 0};
        return in -> {
            Tensor x = in.x();
            Tensor theta = Tensors.of(affine, 1, 2, 3).to(x.scalar_type()).expand(x.size(0), 2, 3);
            Tensor grid = torch.affine_grid_generator(theta, x.shape(), false);
            // bilinear (0) with zeros outside (0)
            return Inputs.of(Map.of(field.name(), torch.grid_sampler(x, grid, 0, 0, false)));
        };
    }
}
