package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.app.TinyData.Ran;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DistillCommandTest {
    @TempDir
    Path folder;

    private Path teacher;

    @BeforeEach
    void teach() {
        teacher = folder.resolve("teacher");
        ok("learn", "sample", "--rows", 800, "--learner", "finetune", "--shuffle", "--epochs", 2, "--out", teacher);
    }

    private static Ran ok(Object... args) {
        Ran r = TinyData.run(args);
        assertThat(r.code()).as(r.err() + r.out()).isZero();
        return r;
    }

    private Ran distill(Object... more) {
        List<Object> all = new ArrayList<>(List.of("distill", teacher, "sample", "--rows", 300, "--crops", 4));
        all.addAll(Arrays.asList(more));
        return TinyData.run(all.toArray());
    }

    @Test
    void aStudentIsMadeThatPredicts() throws Exception {
        Path student = folder.resolve("student");
        Path store = folder.resolve("labels.st");
        Ran r = distill("--epochs", 40, "--set", "net.backbone.widths=32", "--store", store, "--out", student);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("bytes an image", "hopeless", "the student on");
        Path said = folder.resolve("said.csv");
        Ran p = ok("predict", student, "sample", "--no-scores", "--out", said);
        double right = Double.parseDouble(p.err().replaceAll("(?s).*right: ([0-9.]+) %.*", "$1"));
        assertThat(right).isGreaterThan(50);
        // the labels alone make the same student, to the bit
        Path again = folder.resolve("again");
        Ran q = distill("--epochs", 40, "--set", "net.backbone.widths=32", "--store", store, "--out", again);
        assertThat(q.out()).contains("the teacher is not asked");
        assertThat(Files.readString(again.resolve("model.json")))
                .isEqualTo(Files.readString(student.resolve("model.json")));
        assertThat(distill("--out", student).err()).contains("There is a model in");
    }

    @Test
    void wrongInputIsToldAndLosesNothing() throws Exception {
        Path table = folder.resolve("table");
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 60, 3, 1);
        ok("learn", csv, "--label", "kind", "--learner", "finetune", "--out", table);
        Ran r = TinyData.run("distill", table, "sample");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("regions are cut out of images");
        r = distill("--student", "gacil", "--out", folder.resolve("s"));
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("Maybe --student finetune");
        r = distill("--thresholds", "5%,0.3,1");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("three shares");
        r = distill("--thresholds", "0.9,0.3,1");
        assertThat(r.err()).contains("low <= mid");
        Path store = folder.resolve("labels.st");
        Files.writeString(store, "these are no labels, but somebody's notes");
        r = distill("--store", store);
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("labels.st");
        assertThat(Files.readString(store)).startsWith("these are no labels");
    }
}
