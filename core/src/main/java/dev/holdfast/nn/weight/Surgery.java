package dev.holdfast.nn.weight;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Ordered rules that give the sites of a net other sources; the first rule that matches a site wins, and sites without
 * a rule stay as they are. Immutable. Parameters and optimizers taken from the net before are stale afterwards.
 *
 * <pre>{@code
 * Ledger cost = Surgery.start()
 *         .rule(Surgery.named("block.*.attn.qkv"), s -> LoraDelta.of(s, 4, 8, rng, "q", "v"))
 *         .rule(Surgery.kind(Geometry.Kind.LINEAR), s -> LowRank.of(s, 8))
 *         .apply(net);
 * }</pre>
 */
public final class Surgery {
    private record Rule(Predicate<Site> where, Function<Site, WeightSource> make) {}

    private final List<Rule> rules;

    private Surgery(List<Rule> rules) {
        this.rules = rules;
    }

    /** No rules yet. */
    public static Surgery start() {
        return new Surgery(List.of());
    }

    /** These rules and one more. */
    public Surgery rule(Predicate<Site> where, Function<Site, WeightSource> make) {
        List<Rule> more = new ArrayList<>(rules);
        more.add(new Rule(where, make));
        return new Surgery(List.copyOf(more));
    }

    /** Sites whose whole name matches; {@code *} stands for any characters. */
    public static Predicate<Site> named(String glob) {
        String regex = Arrays.stream(glob.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
        Pattern p = Pattern.compile(regex);
        return s -> p.matcher(s.name()).matches();
    }

    /** Sites of one use. */
    public static Predicate<Site> kind(Geometry.Kind kind) {
        return s -> s.geometry().kind() == kind;
    }

    /** Sites with at least {@code numbers} entries. */
    public static Predicate<Site> atLeast(long numbers) {
        return s -> s.geometry().count() >= numbers;
    }

    /**
     * Applies the rules; all new sources are made and checked before the first site changes. A source that two sites
     * share is replaced once, and stays shared.
     *
     * @throws IllegalArgumentException if a rule wins no site, or a source does not fit; the net is unchanged
     */
    public Ledger apply(Part net) {
        List<Site> sites = Inventory.of(net).sites();
        Map<Site, WeightSource> made = new LinkedHashMap<>();
        Map<WeightSource, WeightSource> shared = new IdentityHashMap<>();
        int[] matched = new int[rules.size()];
        int[] won = new int[rules.size()];
        for (Site s : sites) {
            boolean taken = false;
            for (int r = 0; r < rules.size(); r++) {
                if (rules.get(r).where.test(s)) {
                    matched[r]++;
                    if (!taken) {
                        taken = true;
                        won[r]++;
                        Rule rule = rules.get(r);
                        made.put(s, shared.computeIfAbsent(s.source(), old -> rule.make.apply(s)));
                    }
                }
            }
        }
        for (int r = 0; r < won.length; r++) {
            if (won[r] == 0) {
                throw new IllegalArgumentException("Rule " + (r + 1) + " of " + won.length
                        + (matched[r] == 0 ? " matches no site" : " matches only sites that an earlier rule takes")
                        + "; there are "
                        + sites.stream()
                                .map(s -> s.name() + " (" + s.geometry().kind() + " "
                                        + s.geometry().shape() + ")")
                                .collect(Collectors.joining(", "))
                        + ".");
            }
        }
        made.forEach(Site::requireFits);
        made.forEach(Site::source);
        return Ledger.of(net);
    }

    /** Gives every site a dense weight with the numbers that it has now; outputs stay, other sources' leaves go. */
    public static void bake(Part net) {
        Map<WeightSource, Dense> baked = new IdentityHashMap<>();
        for (Site s : Inventory.of(net).sites()) {
            if (!(s.source() instanceof Dense)) {
                s.source(baked.computeIfAbsent(s.source(), old -> Dense.of(s)));
            }
        }
    }
}
