package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.JsonSchemaCheck;
import dev.holdfast.app.report.ReportFiles;
import dev.holdfast.app.report.Summary;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.LearnerPlugin;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest {
    @TempDir
    Path folder;

    private Path csv;
    private Path out;

    @BeforeEach
    void data() throws Exception {
        csv = TinyData.csv(folder.resolve("clouds.csv"), 120, 4, 1);
        out = folder.resolve("out");
    }

    private TinyData.Ran compare(Object... more) {
        Object[] all = new Object[more.length + 8];
        System.arraycopy(
                new Object[] {"compare", csv, "--label", "kind", "--budget", "smoke", "--out", out}, 0, all, 0, 8);
        System.arraycopy(more, 0, all, 8, more.length);
        return TinyData.run(all);
    }

    private Comparison results() {
        return ReportFiles.read(out.resolve("results.json"));
    }

    @Test
    void addsBaselinesAndBoundsAndWritesAllFiles() throws Exception {
        TinyData.Ran r = compare("--learners", "ncm");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("ncm", "cumulative", "joint", "finetune", "With one seed on one data set");
        List<Summary> rows = results().beds().get(0).summary();
        assertThat(rows).extracting(Summary::learner).contains("ncm", "cumulative", "joint", "majority", "no-change");
        Summary ncm =
                rows.stream().filter(s -> s.learner().equals("ncm")).findFirst().orElseThrow();
        assertThat(ncm.finalAccuracy().sd()).isNull();
        assertThat(ncm.intransigence()).isNotNull();
        assertThat(ncm.minAccuracy()).isNotNull();
        assertThat(ncm.worstCaseAccuracy().mean()).isBetween(0.0, 1.0);
        assertThat(ncm.windowedForgetting()).isNotNull();
        assertThat(r.out()).contains("min-ACC", "WF10");
        assertThat(results().beds().get(0).stream().curveError())
                .isCloseTo(
                        1.96 * 0.5 / Math.sqrt(results().beds().get(0).stream().curveRows()),
                        org.assertj.core.api.Assertions.within(1e-9));
        assertThat(rows.stream()
                        .filter(s -> s.learner().equals("joint"))
                        .findFirst()
                        .orElseThrow()
                        .intransigence())
                .isNull();
        assertThat(Files.readString(out.resolve("results.csv")).split("\r\n")).hasSize(rows.size() + 1);
        assertThat(Files.size(out.resolve("report.html"))).isGreaterThan(500_000);
    }

    /** Where parts are announced and tasks known, nearly everyone fits; nobody may break down. */
    @Test
    void everyoneRunsThroughOnTheSample() {
        TinyData.Ran r = TinyData.run(
                "compare",
                "sample",
                "--scenario",
                "task-incremental",
                "--learners",
                "all",
                "--budget",
                "smoke",
                "--out",
                out);
        assertThat(r.code()).as(r.out() + r.err()).isZero();
        assertThat(results().beds().get(0).summary())
                .allSatisfy(s -> assertThat(s.status()).as(s.learner()).isEqualTo(Trial.Status.DONE))
                .extracting(Summary::learner)
                .contains("er", "er-ace", "mir", "der", "derpp", "fdr", "gem", "agem", "icarl", "gdumb", "bic", "wa")
                .contains("generative-replay", "ewc", "ewcpp", "si", "r-walk", "lwf", "lwf-mc", "rehearsal-free")
                .contains("ogd", "gpm", "packnet", "hat", "pnn", "den-lite", "der-expansion", "l2p")
                .contains("ncm", "slda", "gacil", "fetril", "deesil", "pl-fms", "clib");
    }

    /** With wrong labels, losses and learners that are made for them learn everything at once and are asked about those. */
    @Test
    void wrongLabelsBringTheirOwnLearnersAndScores() throws Exception {
        TinyData.Ran r = compare("--noise", "sym:0.4", "--noise", "gauss:0.1");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains("labels are wrong", "rows to be tested on: gauss:0.1", "memorised", "corrected")
                .contains("finetune:gce", "elr-plus");
        assertThat(results().request().scenario()).isEqualTo("joint");
        assertThat(results().request().dataOptions()).contains("noise=sym:0.4", "noise=gauss:0.1");
        assertThat(results().beds().get(0).summary())
                .filteredOn(s -> s.learner().equals("elr"))
                .singleElement()
                .satisfies(s ->
                        assertThat(s.memorised().mean() + s.corrected().mean()).isBetween(0.0, 1.0));
        assertThat(results().beds().get(0).summary())
                .filteredOn(s -> s.learner().equals("finetune:gce"))
                .extracting(Summary::role)
                .containsExactly(LearnerPlugin.Role.LEARNER);
        JsonNode schema = new ObjectMapper()
                .readTree(Path.of("../docs/results-schema.json").toFile());
        JsonNode written =
                new ObjectMapper().readTree(out.resolve("results.json").toFile());
        assertThat(JsonSchemaCheck.problems(schema, written)).isEmpty();

        TinyData.Ran named = compare("--noise", "pairs:0.5", "--learners", "ncm", "--scenario", "class-incremental");
        assertThat(named.code()).as(named.err()).isZero();
        assertThat(results().beds().get(0).summary())
                .extracting(Summary::learner)
                .contains("ncm")
                .doesNotContain("elr");

        assertThat(compare("--noise", "sym:0.4", "--noise", "pairs:0.1").err()).contains("one way at a time");
        assertThat(compare("--noise", "sim:0.4").err()).contains("no corruption 'sim'", "sym-other");
    }

    /** A stream that is online by its own default is one pass without a word from the user. */
    @Test
    void blurryStreamsAreOnePassOfMixedClasses() {
        TinyData.Ran r = compare("--learners", "gacil", "--scenario", "blurry", "--set", "scenario.parts=2");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("Si-Blurry-50-10 2 parts, online, hidden boundaries", "(one pass)");
        assertThat(results().beds().get(0).summary())
                .filteredOn(s -> s.learner().equals("gacil"))
                .allSatisfy(s -> assertThat(s.finalAccuracy().mean()).isBetween(0.3, 1.0));
    }

    /** Labels that get finer are scored level by level, by learners that know nothing of levels, too. */
    @Test
    void labelTreesAreScoredLevelByLevel() throws Exception {
        Path tree =
                Files.writeString(folder.resolve("tree.csv"), "left,\nright,\nk0,left\nk1,left\nk2,right\nk3,right\n");
        TinyData.Ran r = compare(
                "--learners",
                "er,clib",
                "--scenario",
                "hle",
                "--set",
                "scenario.tree=" + tree,
                "--set",
                "scenario.parts=2");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("hle dual 2-4 2 parts, online", "by level", "L1 last", "L2 AUC", "agree");
        assertThat(results().beds().get(0).summary())
                .filteredOn(s -> s.learner().equals("er") || s.learner().equals("clib"))
                .hasSize(2)
                .allSatisfy(s -> {
                    assertThat(s.levels()).extracting(Summary.Level::classes).containsExactly(2, 4);
                    assertThat(s.levels().get(0).last().mean()).isBetween(0.3, 1.0);
                    assertThat(s.consistency().mean()).isBetween(0.3, 1.0);
                });
        JsonNode schema = new ObjectMapper()
                .readTree(Path.of("../docs/results-schema.json").toFile());
        JsonNode written =
                new ObjectMapper().readTree(out.resolve("results.json").toFile());
        assertThat(JsonSchemaCheck.problems(schema, written)).isEmpty();

        TinyData.Ran none = compare("--scenario", "hle");
        assertThat(none.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(none.err()).contains("needs a label tree", "scenario.tree=FILE");
    }

    @Test
    void ranksOverSeveralSeedsAndOverSeveralDataSets() throws Exception {
        Path other = TinyData.csv(folder.resolve("other.csv"), 120, 4, 2);
        Path third = TinyData.csv(folder.resolve("third.csv"), 160, 4, 3);
        TinyData.Ran r = compare("--learners", "ncm,slda", "--also", other, "--also", third, "--seeds", "2");
        assertThat(r.code()).as(r.err()).isZero();
        Comparison c = results();
        assertThat(c.beds()).extracting(b -> b.data().name()).containsExactly("clouds", "other", "third");
        assertThat(c.ranks().possible()).isTrue();
        assertThat(c.ranks().blocks()).containsExactly("clouds", "other", "third");
        assertThat(c.ranks().learners()).hasSize(2);
        assertThat(c.ranks().note()).contains("3 data sets");
        assertThat(r.out()).contains("Friedman", "critical difference");
        assertThat(c.beds().get(0).summary().get(0).finalAccuracy().n()).isEqualTo(2);
    }

    @Test
    void resumeRunsOnlyWhatIsMissingAndGivesTheSameNumbers() throws Exception {
        assertThat(compare("--learners", "er,ncm").code()).isZero();
        Comparison whole = results();
        String json = Files.readString(out.resolve("results.json"));
        // as if it had been cut off after the first trial
        Trial.Result first = whole.beds().get(0).trials().get(0);
        Comparison.Bed bed = whole.beds().get(0);
        new ReportFiles(out)
                .write(new Comparison(
                        1,
                        whole.created(),
                        whole.request(),
                        whole.machine(),
                        List.of(Comparison.Bed.of(bed.data(), bed.stream(), List.of(first))),
                        whole.ranks(),
                        null));
        TinyData.Ran r = compare("--learners", "er,ncm", "--resume");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).doesNotContainPattern(first.learner() + " +seed 1");
        Comparison again = results();
        assertThat(again.beds().get(0).trials()).hasSameSizeAs(bed.trials());
        for (int i = 0; i < bed.trials().size(); i++) {
            Trial.Result a = bed.trials().get(i);
            Trial.Result b = again.beds().get(0).trials().get(i);
            assertThat(b.learner()).isEqualTo(a.learner());
            assertThat(b.square()).isDeepEqualTo(a.square());
            assertThat(b.curve()).isEqualTo(a.curve());
        }
        assertThat(again.beds().get(0).trials().get(0).learnSeconds()).isEqualTo(first.learnSeconds());

        TinyData.Ran refused = compare("--learners", "er", "--resume");
        assertThat(refused.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(refused.err()).contains("another request", "Maybe");
        Files.writeString(out.resolve("results.json"), json.replace("\"format\" : 1", "\"format\" : 99"));
        TinyData.Ran newer = compare("--learners", "er,ncm", "--resume");
        assertThat(newer.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(newer.err()).contains("format 99");
    }

    @Test
    void readsOptionsFromAFileWithSetOnTop() throws Exception {
        Path config = Files.writeString(
                folder.resolve("learners.yaml"),
                """
                scenario: {name: class-incremental, increment: 1, batchSize: 8}
                learners:
                  gacil: {buffer: 20, gamma: 0.5}
                  ncm:
                """);
        TinyData.Ran r = compare("--config", config, "--set", "gacil.gamma=2", "--json");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).startsWith("{");
        Comparison c = results();
        assertThat(c.request().learners().subList(0, 2))
                .extracting(Comparison.Configured::name)
                .containsExactly("gacil", "ncm");
        assertThat(c.request().learners().get(0).configuration()).contains("\"buffer\":20", "\"gamma\":2.0");
        assertThat(c.beds().get(0).stream().tasks()).hasSize(4);
        assertThat(c.request().scenarioConfiguration()).contains("\"batchSize\":8");
    }

    @Test
    void refusesWrongNamesWithNearOnesBeforeAnythingRuns() throws Exception {
        assertThat(compare("--learners", "gacl").err()).contains("no learner 'gacl'", "Maybe 'gacil'");
        assertThat(compare("--scenario", "class-incremntal").err()).contains("Maybe 'class-incremental'");
        assertThat(compare("--set", "er.capasity=3").err()).contains("er", "Maybe 'capacity'");
        assertThat(compare("--set", "er.capacity=many").err()).contains("number");
        assertThat(compare("--seeds", "0").code()).isEqualTo(ExitCodes.BAD_INPUT);
        Path config = Files.writeString(folder.resolve("c.yaml"), "learnes: {er: {}}");
        assertThat(compare("--config", config).err()).contains("Maybe 'learners'");
        TinyData.Ran absent = TinyData.run("compare", folder.resolve("cluds.csv"), "--label", "kind", "--out", out);
        assertThat(absent.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(absent.err()).contains("clouds.csv");
        assertThat(out).doesNotExist();
        assertThat(TinyData.run("compare").code()).isEqualTo(ExitCodes.BAD_INPUT);
    }

    /** A rate that blows up: the trial fails, what was measured stays, and the exit status says so. */
    @Test
    void aLossThatIsNoNumberStopsALearnerAndKeepsItsCurve() {
        TinyData.Ran r = compare(
                "--learners", "er", "--set", "er.net.optimizer.kind=sgd", "--set", "er.net.optimizer.rate=1e30");
        assertThat(r.code()).isEqualTo(ExitCodes.FAILED);
        Trial.Result er = results().beds().get(0).trials().stream()
                .filter(t -> t.learner().equals("er"))
                .findFirst()
                .orElseThrow();
        assertThat(er.status()).isEqualTo(Trial.Status.FAILED);
        assertThat(er.message()).contains("The loss of update", "learning rate");
        assertThat(er.curve()).isNotEmpty();
    }

    @Test
    void refusesALearnerThatDoesNotFitTheStream() {
        TinyData.Ran r = compare("--learners", "lwf", "--set", "scenario.boundaries=false");
        assertThat(r.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains("lwf", "boundaries are hidden", "Maybe");
    }

    @Test
    void saysWhichLearnersItLeavesOut() {
        TinyData.Ran r = compare("--set", "scenario.boundaries=false", "--set", "gacil.buffer=20");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .containsPattern("Left out: .*lwf.*: it needs to be told")
                .contains("gacil");
    }

    @Test
    void comparesRowsFromStandardInput() throws Exception {
        java.io.InputStream before = System.in;
        try {
            System.setIn(Files.newInputStream(csv));
            TinyData.Ran r = TinyData.run(
                    "compare", "-", "--label", "kind", "--learners", "ncm", "--budget", "smoke", "--out", out);
            assertThat(r.code()).as(r.err()).isZero();
        } finally {
            System.setIn(before);
        }
        assertThat(results().request().data()).containsExactly("-");
        assertThat(results().beds().get(0).data().name()).isEqualTo("standard input");
        assertThat(results().beds().get(0).data().note())
                .startsWith("standard input; ")
                .doesNotContain("/tmp");
    }
}
