package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.ReportFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings chosen on other rows than the comparison scores. */
class CompareTuneTest {
    @TempDir
    Path folder;

    private Path csv;
    private Path out;

    @BeforeEach
    void data() throws Exception {
        csv = TinyData.csv(folder.resolve("clouds.csv"), 160, 4, 1);
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
    void tunesOnOneHalfOfTheClassesAndComparesOnTheOther() throws Exception {
        TinyData.Ran r = compare(
                "--learners", "er,ncm", "--tune", "3", "--space", "scenario.epochs=2,3", "--space", "er.replayBatch=8");
        assertThat(r.code()).as(r.err()).isZero();
        Comparison c = results();
        assertThat(c.beds().get(0).data().classes()).isEqualTo(2);
        assertThat(c.tuning().on()).contains("clouds (");
        assertThat(r.out())
                .contains(
                        "Settings chosen on " + c.tuning().on(),
                        "(random search, 3 settings a learner), by average accuracy");
        Comparison.Found er = c.tuning().learners().stream()
                .filter(f -> f.learner().equals("er"))
                .findFirst()
                .orElseThrow();
        assertThat(er.setting())
                .containsKeys("net.optimizer.rate", "scenario.epochs")
                .containsEntry("replayBatch", "8");
        assertThat(er.tried()).isEqualTo(3);
        assertThat(er.overestimation()).isNull();
        // the comparison ran with what was chosen
        assertThat(c.request().learners().stream()
                        .filter(l -> l.name().equals("er"))
                        .findFirst()
                        .orElseThrow()
                        .configuration())
                .contains("\"replayBatch\":8")
                .contains("\"rate\":" + Double.parseDouble(er.setting().get("net.optimizer.rate")));
        // bounds that rearrange the stream stay as they are
        assertThat(c.tuning().learners())
                .extracting(Comparison.Found::learner)
                .contains("ncm", "finetune")
                .doesNotContain("joint");
        assertThat(Files.readString(out.resolve("report.html"))).contains("How settings were chosen");

        // what is on record is not run again
        List<String> before = Files.readAllLines(out.resolve("tuning.jsonl"));
        TinyData.Ran again = compare(
                "--learners",
                "er,ncm",
                "--tune",
                "3",
                "--space",
                "scenario.epochs=2,3",
                "--space",
                "er.replayBatch=8",
                "--resume");
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(Files.readAllLines(out.resolve("tuning.jsonl"))).isEqualTo(before);
        assertThat(results().tuning()).isEqualTo(c.tuning());
    }

    @Test
    void tellsHowMuchTheConventionalProtocolFlatters() throws Exception {
        Path other = TinyData.csv(folder.resolve("other.csv"), 160, 4, 2);
        TinyData.Ran refused = compare("--learners", "er", "--tune", "2", "--tune-on", other);
        assertThat(refused.code()).isEqualTo(2);
        assertThat(refused.err()).contains("share 4 classes", "Maybe allow the overlap");

        TinyData.Ran r = compare(
                "--learners",
                "er",
                "--tune",
                "3",
                "--tune-on",
                other,
                "--allow-overlap",
                "--conventional",
                "--search",
                "halving",
                "--select",
                "last");
        assertThat(r.code()).as(r.err()).isZero();
        Comparison.Tuning t = results().tuning();
        assertThat(t.method()).isEqualTo("HALVING");
        assertThat(results().beds().get(0).data().classes()).isEqualTo(4);
        assertThat(t.learners()).isNotEmpty().allSatisfy(f -> assertThat(f.overestimation())
                .isGreaterThanOrEqualTo(0));
        assertThat(r.out()).contains("flattery", "best here");
        // phase 2 and the comparison's own trials are the same runs
        Comparison.Found er = t.learners().stream()
                .filter(f -> f.learner().equals("er"))
                .findFirst()
                .orElseThrow();
        assertThat(er.conventional() - er.scored()).isEqualTo(er.overestimation());
    }

    @Test
    void saysWhenTimeWasUpAndWhenThereIsNothingToChoose() {
        TinyData.Ran r = compare("--learners", "er", "--tune", "5", "--tune-seconds", "0.000001");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains("Time was up: every learner tried 1 of 5 settings, the last of them on all of the rows");
        assertThat(compare("--learners", "er", "--tune", "1").out()).contains("nothing to choose");
    }

    @Test
    void wrongRequestsAreRefused() {
        assertThat(compare("--space", "er.replayBatch=8").err()).contains("there is no --tune");
        assertThat(compare("--tune", "2", "--space", "er.replaybatch=8", "--learners", "er")
                        .err())
                .contains("Maybe 'replayBatch'");
        assertThat(compare("--tune", "2", "--space", "replayBatch").err()).contains("NAME.OPTION=VALUES");
        assertThat(compare("--tune", "0").err()).contains("trials");
        assertThat(compare("--tune", "2", "--also", csv).err()).contains("--tune-on");
        assertThat(compare("--tune", "2", "--scenario", "stream", "--learners", "er")
                        .err())
                .contains("needs a scenario with test sets");
    }
}
