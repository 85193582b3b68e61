package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.model.ModelCard;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelCommandsTest {
    @TempDir
    Path folder;

    private Path csv;
    private Path model;

    @BeforeEach
    void data() throws Exception {
        csv = TinyData.csv(folder.resolve("clouds.csv"), 200, 4, 1);
        model = folder.resolve("model");
    }

    private static Ran ok(Ran r) {
        assertThat(r.code()).as(r.err() + r.out()).isZero();
        return r;
    }

    private static Ran learn(Path data, String learner, Path out, Object... more) {
        List<Object> all =
                new ArrayList<>(List.of("learn", data, "--label", "kind", "--learner", learner, "--out", out));
        all.addAll(List.of(more));
        return TinyData.run(all.toArray());
    }

    private static Path stateOf(Path model) throws Exception {
        try (Stream<Path> files = Files.list(model)) {
            return files.filter(p -> p.toString().endsWith(".safetensors"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Largest difference of any number in two models. */
    private static double difference(Path a, Path b) throws Exception {
        try (Scope s = Scope.open()) {
            State x = Safetensors.read(stateOf(a));
            State y = Safetensors.read(stateOf(b));
            assertThat(x.tensors().keySet()).isEqualTo(y.tensors().keySet());
            double most = 0;
            for (String name : x.tensors().keySet()) {
                Tensor d = x.tensor(name).sub(y.tensor(name)).abs();
                most = Math.max(most, Tensors.item(d.max()));
            }
            return most;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ncm", "er", "gacil", "cumulative", "ewc"})
    void learnsPredictsAndTells(String learner) throws Exception {
        Object[] small = learner.equals("gacil") ? new Object[] {"--set", "buffer=40"} : new Object[0];
        Ran learnt = ok(learn(csv, learner, model, small));
        assertThat(learnt.out()).contains("200 rows");
        Path rows = TinyData.csv(folder.resolve("new.csv"), 40, 4, 9);
        Ran said = ok(TinyData.run("predict", model, rows));
        String[] lines = said.out().split("\r\n");
        assertThat(lines).hasSize(41);
        assertThat(lines[0]).startsWith("row,class,score,score k");
        assertThat(said.err()).contains("of 40 rows right");

        Path bare = TinyData.csv(folder.resolve("bare.csv"), 40, 4, 9, false);
        Ran unlabelled = ok(TinyData.run("predict", model, bare));
        assertThat(unlabelled.out()).isEqualTo(said.out());
        assertThat(unlabelled.err()).isEmpty();

        Ran inspected = ok(TinyData.run("inspect", model));
        assertThat(inspected.out()).contains(learner, "k0", "200 rows", "numeric", "state-");
        JsonNode card = new ObjectMapper()
                .readTree(ok(TinyData.run("inspect", model, "--json")).out());
        assertThat(card.at("/card/learner").asText()).isEqualTo(learner);
    }

    @Test
    void dataWithoutATableArePredictedOnTheirTestPart() {
        ok(TinyData.run("learn", "mnist1d", "--learner", "ncm", "--rows", "600", "--out", model));
        Ran said = ok(TinyData.run("predict", model, "mnist1d", "--no-scores"));
        assertThat(said.out().split("\r\n")).hasSize(1001);
        assertThat(said.err()).contains("of 1,000 rows right");
        assertThat(TinyData.run("predict", model, csv).code()).isEqualTo(ExitCodes.BAD_INPUT);
    }

    @Test
    void predictsFromStandardInputAsJsonRows() throws Exception {
        ok(learn(csv, "ncm", model));
        InputStream before = System.in;
        try {
            System.setIn(new ByteArrayInputStream(
                    "{\"a\":3,\"b\":0.8,\"c\":-2.6,\"d\":-2.2}\n{\"a\":-1.5,\"b\":-2.9,\"c\":0.1,\"d\":2.9}\n"
                            .getBytes(StandardCharsets.UTF_8)));
            Ran said = ok(TinyData.run("predict", model, "-", "--json"));
            List<String> lines = said.out().lines().toList();
            assertThat(lines).hasSize(2);
            JsonNode first = new ObjectMapper().readTree(lines.get(0));
            assertThat(first.get("class").asText()).isEqualTo("k0");
            assertThat(first.get("scores").size()).isEqualTo(4);
            assertThat(new ObjectMapper().readTree(lines.get(1)).get("class").asText())
                    .isEqualTo("k1");
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void learnsFromStandardInputAsFromTheFile() throws Exception {
        ok(learn(csv, "er", model));
        InputStream before = System.in;
        try {
            System.setIn(Files.newInputStream(csv));
            Path piped = folder.resolve("piped");
            ok(learn(Path.of("-"), "er", piped));
            assertThat(Files.readAllBytes(stateOf(piped))).isEqualTo(Files.readAllBytes(stateOf(model)));
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void goesOnWithMoreRowsAndNewClasses() throws Exception {
        Path two = TinyData.csv(folder.resolve("two.csv"), 100, 2, 5);
        for (String learner : List.of("ncm", "er")) {
            Path m = folder.resolve(learner);
            ok(learn(two, learner, m));
            ok(TinyData.run("learn", csv, "--from", m, "--out", m));
            Ran told = ok(TinyData.run("inspect", m));
            assertThat(told.out()).contains("100 rows", "200 rows", "4: k0, k1, k2, k3");
            assertThat(ok(TinyData.run("predict", m, csv)).out()).contains("score k3");
        }
    }

    @Test
    void mergingEqualsLearningBoth() throws Exception {
        Path north = TinyData.csv(folder.resolve("north.csv"), 80, 4, 7);
        Path south = TinyData.csv(folder.resolve("south.csv"), 120, 4, 8);
        for (String learner : List.of("gacil", "slda", "ncm")) {
            Object[] small = learner.equals("gacil") ? new Object[] {"--set", "buffer=30"} : new Object[0];
            Path a = folder.resolve(learner + "-a");
            Path b = folder.resolve(learner + "-b");
            Path both = folder.resolve(learner + "-both");
            Path onward = folder.resolve(learner + "-onward");
            ok(learn(north, learner, a, small));
            List<Object> like = new ArrayList<>(List.of(small));
            like.addAll(List.of("--like", a));
            ok(learn(south, learner, b, like.toArray()));
            ok(TinyData.run("merge", a, b, "--out", both));
            // the same rows one after the other, read alike
            ok(TinyData.run("learn", south, "--from", a, "--out", onward));
            assertThat(difference(both, onward)).as(learner).isCloseTo(0, within(1e-9));
            assertThat(TinyData.run("merge", a, b, "--out", both).err()).contains("already");
        }
    }

    @Test
    void forgettingEqualsNeverHavingLearnt() throws Exception {
        List<String> lines = Files.readAllLines(csv);
        Path gone = folder.resolve("gone.csv");
        Path kept = folder.resolve("kept.csv");
        List<String> goneLines = new ArrayList<>(lines.subList(0, 1));
        goneLines.addAll(lines.subList(101, 131));
        List<String> keptLines = new ArrayList<>(lines.subList(0, 101));
        keptLines.addAll(lines.subList(131, lines.size()));
        Files.write(gone, goneLines);
        Files.write(kept, keptLines);
        for (String learner : List.of("gacil", "slda", "ncm")) {
            Object[] small = learner.equals("gacil") ? new Object[] {"--set", "buffer=30"} : new Object[0];
            Path all = folder.resolve(learner + "-all");
            Path never = folder.resolve(learner + "-never");
            Path without = folder.resolve(learner + "-without");
            ok(learn(csv, learner, all, small));
            List<Object> like = new ArrayList<>(List.of(small));
            like.addAll(List.of("--like", all));
            ok(learn(kept, learner, never, like.toArray()));
            Ran forgot = ok(TinyData.run("forget", all, "--rows", gone, "--out", without));
            assertThat(forgot.out()).contains("30 rows");
            List<String> a =
                    ok(TinyData.run("predict", without, csv)).out().lines().toList();
            List<String> b =
                    ok(TinyData.run("predict", never, csv)).out().lines().toList();
            for (int i = 1; i < a.size(); i++) {
                assertThat(Double.parseDouble(a.get(i).split(",")[2]))
                        .as(learner + " row " + i)
                        .isCloseTo(Double.parseDouble(b.get(i).split(",")[2]), within(1e-6));
            }
        }
    }

    @Test
    void refusesToMergeOrForgetWhereItCannotBeExact() throws Exception {
        Path other = folder.resolve("other");
        ok(learn(csv, "er", model));
        ok(learn(csv, "er", other));
        Ran merge = TinyData.run("merge", model, other, "--out", folder.resolve("m"));
        assertThat(merge.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(merge.err())
                .contains("'er' cannot merge", "gacil", "slda", "ncm")
                .doesNotContain("derpp");
        Ran forget = TinyData.run("forget", model, "--rows", csv);
        assertThat(forget.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(forget.err()).contains("'er' cannot forget", "gacil, ncm, slda");
        Path ncm = folder.resolve("ncm");
        Path foreign = folder.resolve("foreign");
        ok(learn(csv, "ncm", ncm));
        ok(learn(TinyData.csv(folder.resolve("f.csv"), 90, 4, 77), "ncm", foreign));
        assertThat(TinyData.run("merge", ncm, foreign, "--out", folder.resolve("m"))
                        .err())
                .contains("into numbers differently", "--like");
        assertThat(TinyData.run("merge", ncm, model, "--out", folder.resolve("m"))
                        .err())
                .contains("differ in learner");
        assertThat(folder.resolve("m")).doesNotExist();
    }

    @Test
    void forgettingRowsThatWereNotThereChangesNothing() throws Exception {
        Path few = TinyData.csv(folder.resolve("few.csv"), 20, 2, 3);
        ok(learn(few, "ncm", model, "--classes", "k2,k3"));
        byte[] before = Files.readAllBytes(stateOf(model));
        Ran r = TinyData.run("forget", model, "--rows", csv);
        assertThat(r.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(Files.readAllBytes(stateOf(model))).isEqualTo(before);
    }

    @Test
    void refusesDamagedAndNewerModels() throws Exception {
        ok(learn(csv, "ncm", model));
        Path state = stateOf(model);
        byte[] whole = Files.readAllBytes(state);

        try (RandomAccessFile f = new RandomAccessFile(state.toFile(), "rw")) {
            f.seek(whole.length - 3);
            f.write(f.read() ^ 1);
        }
        assertThat(TinyData.run("predict", model, csv).err()).contains("damaged", "content of state-");
        Files.write(state, java.util.Arrays.copyOf(whole, whole.length / 2));
        assertThat(TinyData.run("inspect", model).err()).contains("damaged", "bytes instead of");
        Files.delete(state);
        assertThat(TinyData.run("predict", model, csv).err()).contains("damaged", "is not there");
        Files.write(state, whole);

        Path card = model.resolve("model.json");
        String text = Files.readString(card);
        Files.writeString(card, text.replace("\"format\" : " + ModelCard.FORMAT, "\"format\" : 7"));
        Ran newer = TinyData.run("predict", model, csv);
        assertThat(newer.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(newer.err()).contains("format 7", "reads up to " + ModelCard.FORMAT);
        Files.writeString(card, text.substring(0, text.length() / 2));
        assertThat(TinyData.run("inspect", model).err()).contains("damaged");
        Files.writeString(card, text.replace("state-", "../state-"));
        assertThat(TinyData.run("inspect", model).err()).contains("damaged");
        Files.writeString(card, text.replace("\"ncm\"", "\"nmc\""));
        assertThat(TinyData.run("predict", model, csv).err()).contains("no learner 'nmc'", "Maybe 'ncm'");
        Files.writeString(card, text);
        ok(TinyData.run("predict", model, csv));
        assertThat(TinyData.run("inspect", folder.resolve("nowhere")).err()).contains("no model");
    }

    @Test
    void refusesRequestsThatCannotBeMeant() throws Exception {
        assertThat(learn(csv, "nmc", model).err()).contains("Maybe 'ncm'");
        assertThat(TinyData.run("learn", csv, "--label", "kind", "--out", model).err())
                .contains("--learner");
        assertThat(learn(csv, "er", model, "--set", "capasity=3").err()).contains("Maybe 'capacity'");
        assertThat(TinyData.run("learn", csv, "--label", "knid", "--learner", "er", "--out", model)
                        .err())
                .contains("kind");
        assertThat(model).doesNotExist();
        assertThat(learn(
                                csv,
                                "ncm",
                                Files.createDirectories(folder.resolve("full")).getParent())
                        .err())
                .contains("other things in it");
        ok(learn(csv, "ncm", model));
        assertThat(learn(csv, "ncm", model).err()).contains("already", "--resume", "--from");
        assertThat(ok(learn(csv, "ncm", model, "--resume")).out()).contains("nothing is left to do");
        assertThat(learn(csv, "ncm", model, "--resume", "--seed", "2").err()).contains("another request");
        Path wide = Files.writeString(folder.resolve("wide.csv"), "a,b,c\n1,2,3\n2,3,4\n");
        assertThat(TinyData.run("predict", model, wide).err()).contains("'d'");
    }

    /** With a label tree the answer may be a label above the classes that were learnt, and its distance is told. */
    @Test
    void predictsInALabelTree() throws Exception {
        ok(learn(csv, "er", model, "--epochs", 3));
        Path tree =
                Files.writeString(folder.resolve("tree.csv"), "left,\nright,\nk0,left\nk1,left\nk2,right\nk3,right\n");
        Ran r = ok(TinyData.run("predict", model, csv, "--tree", tree, "--no-scores"));
        assertThat(r.out()).startsWith("row,class,score");
        assertThat(r.err())
                .contains("rows right", "Mean squared distance from the truth", "by the most probable class");
        Ran soft = ok(TinyData.run("predict", model, csv, "--tree", tree, "--no-scores", "--temperature", 20));
        assertThat(soft.out()).containsAnyOf(",left,", ",right,");
        Path other = Files.writeString(folder.resolve("other.csv"), "left,\nk0,left\nk1,left\n");
        assertThat(TinyData.run("predict", model, csv, "--tree", other).err()).contains("not in the label tree");
        assertThat(TinyData.run("predict", model, csv, "--tree", tree, "--temperature", 0)
                        .err())
                .contains("temperature");
    }
}
