package dev.holdfast.app;

import dev.holdfast.registry.Plugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.study.Study;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The published systems that Holdfast is to hold, and what of each is built here, as the plugins and studies on the class
 * path say themselves.
 */
final class Systems {
    /**
     * One system.
     *
     * @param id number and short name
     * @param learners names of learners that are part of it
     * @param studied whether a study re-runs its claim
     * @param where packages of what is built
     */
    record Entry(
            String id,
            String title,
            int year,
            String arxiv,
            List<String> learners,
            List<String> scenarios,
            boolean studied,
            List<String> where) {
        boolean built() {
            return !where.isEmpty();
        }
    }

    private Systems() {}

    static List<Study> studies() {
        List<Study> all = new ArrayList<>();
        ServiceLoader.load(Study.class).forEach(all::add);
        all.sort(java.util.Comparator.comparing(s -> s.paper().id()));
        return all;
    }

    static List<Entry> all(Registry registry) {
        List<Study> studies = studies();
        List<Entry> entries = new ArrayList<>();
        for (String line : lines()) {
            String[] cells = line.split("\t");
            String id = cells[0];
            List<Plugin<?>> learners = of(id, registry.learners().stream());
            List<Plugin<?>> scenarios = of(id, registry.scenarios().stream());
            List<Study> own =
                    studies.stream().filter(s -> s.paper().id().equals(id)).toList();
            Set<String> where = new LinkedHashSet<>();
            Stream.of(learners, scenarios, own)
                    .flatMap(List::stream)
                    .forEach(o -> where.add(o.getClass().getPackageName()));
            entries.add(new Entry(
                    id,
                    cells[1],
                    Integer.parseInt(cells[2]),
                    cells[3],
                    learners.stream().map(Plugin::name).toList(),
                    scenarios.stream().map(Plugin::name).toList(),
                    !own.isEmpty(),
                    List.copyOf(where)));
        }
        return entries;
    }

    private static List<Plugin<?>> of(String id, Stream<? extends Plugin<?>> plugins) {
        List<Plugin<?>> own = new ArrayList<>();
        plugins.filter(p -> p.system().equals(id)).forEach(own::add);
        return own;
    }

    /** Lines of the table after its head. */
    private static List<String> lines() {
        try (BufferedReader in = new BufferedReader(
                new InputStreamReader(Systems.class.getResourceAsStream("systems.tsv"), StandardCharsets.UTF_8))) {
            return in.lines().skip(1).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
