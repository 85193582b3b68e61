package dev.holdfast.app.diagnose;

import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.diagnose.Patient.Outcome;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.DiagnosisPage;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.DataArguments;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.diagnose.training.Diary;
import dev.holdfast.diagnose.training.Symptom;
import dev.holdfast.diagnose.training.Symptom.Cure;
import dev.holdfast.diagnose.training.Symptom.Found;
import dev.holdfast.diagnose.training.Watch;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code holdfast diagnose}: what is wrong with a training run, and what helps. */
@Command(
        name = "diagnose",
        description = {
            "Trains a network on data with probes on, or reads the log of a training, and tells what goes wrong: loss and",
            "gradient norms, sharpness against what the rate can bear, growth of logits, rows that pull against each other;",
            "then tries what is known to help and shows what it changed."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        subcommands = ScalingCommand.class,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast diagnose fashion --set net.optimizer.kind=SGD --set net.optimizer.rate=0.3",
            "  holdfast diagnose letters.csv.gz --label label --learner er --epochs 5",
            "  holdfast diagnose --log diary.csv            # columns step, loss, gradient_norm, sharpness, edge, ...",
            "  holdfast diagnose scaling --text book.txt    # which language model will blow up as it grows",
            "%nExit status: 0 done (whatever was found), 1 failed, 2 wrong input, 130 cut off (what was seen is told)."
        })
public final class DiagnoseCommand implements Callable<Integer> {
    /** What is diagnosed: data to train on, or a log. */
    static final class Subject {
        @ArgGroup(exclusive = false, multiplicity = "1")
        DataArguments data;

        @Option(
                names = "--log",
                paramLabel = "FILE",
                required = true,
                description = "read a log of numbers instead of training: CSV with a column step and any of rate,"
                        + " batch_loss, gradient_norm, loss, accuracy, largest_logit, log_z, collapsed, zero_losses,"
                        + " scaling, gradient_size, sharpness, edge, test_accuracy, attention_logit")
        Path log;
    }

    // not required here, for a subcommand has a subject of its own
    @ArgGroup(exclusive = true, multiplicity = "0..1")
    Subject subject;

    @Option(names = "--learner", paramLabel = "NAME", description = "who learns (default: ${DEFAULT-VALUE})")
    String learner = "finetune";

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "an option of the learner, see 'holdfast learners NAME'; repeatable")
    List<String> settings = List.of();

    @Option(names = "--epochs", paramLabel = "N", description = "passes over the rows (default: ${DEFAULT-VALUE})")
    int epochs = 5;

    @Option(names = "--batch-size", paramLabel = "N", description = "rows an update (default: ${DEFAULT-VALUE})")
    int batchSize = 64;

    @Option(names = "--watched", paramLabel = "N", description = "rows that are watched (default: ${DEFAULT-VALUE})")
    int watched = 300;

    @Option(
            names = "--looks",
            paramLabel = "N",
            description = "how often they are looked at (default: ${DEFAULT-VALUE})")
    int looks = 60;

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "last updates over which each watched row's loss is followed (default: ${DEFAULT-VALUE})")
    int window = 60;

    @Option(names = "--no-cures", description = "only tell, do not try what is known to help")
    boolean noCures;

    @Option(names = "--out", paramLabel = "DIR", description = "where the report goes (default: ${DEFAULT-VALUE})")
    Path out = Path.of("holdfast-diagnosis");

    @Option(names = "--seed", paramLabel = "N", description = "seed of the learner (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print the diagnosis as JSON; sentences go to standard error")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (subject == null) {
            throw new ParameterException(spec.commandLine(), "Data to train on, or --log FILE, are missing.");
        }
        Console console = Console.of(
                json ? spec.commandLine().getErr() : spec.commandLine().getOut());
        if (subject.log != null) {
            Diary diary = DiaryFile.read(subject.log);
            List<Found> found = Symptom.all(diary, null, Double.NaN);
            tell(
                    page(
                            subject.log.getFileName() + ", a log",
                            String.format(
                                    Locale.ROOT, "%,d entries.", diary.entries().size()),
                            diary,
                            found,
                            null,
                            List.of()),
                    found,
                    console);
            return ExitCodes.DONE;
        }
        Registry registry = Registry.load();
        try (Interrupt interrupt = new Interrupt("Stopping after this update; what was seen is told.");
                Threads.Restore restore = Threads.during(threads);
                Spool rows = Spool.of(subject.data.spec, System.in)) {
            DataPair pair = rows.named(subject.data.open(rows.spec(), false, console));
            console.say(pair.name() + ": " + pair.note());
            return examine(registry.learner(learner), registry, pair, interrupt, console);
        }
    }

    private <C extends Record> int examine(
            LearnerPlugin<C> plugin, Registry registry, DataPair pair, Interrupt interrupt, Console console)
            throws IOException {
        String prefix = learner + ".";
        List<String> given = new ArrayList<>();
        settings.forEach(s -> given.add(s.startsWith(prefix) ? s : prefix + s));
        C config = Settings.of(registry, null, given).bind(plugin.name(), plugin.defaults());
        Patient<C> patient = new Patient<>(plugin, config, pair, epochs, batchSize, watched, seed);
        Watch.Options options = new Watch.Options(
                Math.max(1, patient.updates() / Math.max(1, looks)),
                true,
                (int) Math.min(window, patient.updates() / 2),
                10);
        Optional<Outcome> first = patient.train(config, options, learner, console, interrupt::asked);
        Outcome plain = first.orElseThrow();
        List<Found> found = plain.symptoms();
        List<DiagnosisPage.Tried> tried = new ArrayList<>();
        if (!noCures && !found.isEmpty() && !interrupt.asked()) {
            tried.addAll(cures(patient, plain, options, console, interrupt));
        }
        tell(
                page(
                        learner + " on " + pair.name(),
                        String.format(
                                Locale.ROOT,
                                "%,d rows, %d passes in batches of %d, %,d updates; %d rows watched. %s",
                                pair.train().size(),
                                epochs,
                                batchSize,
                                patient.updates(),
                                patient.watchedRows(),
                                ConfigBinder.json(config)),
                        plain.diary(),
                        found,
                        plain.page(),
                        tried),
                found,
                console);
        return interrupt.asked() ? ExitCodes.CANCELLED : ExitCodes.DONE;
    }

    /** The same training from the same start, each time with one thing changed. */
    private <C extends Record> List<DiagnosisPage.Tried> cures(
            Patient<C> patient, Outcome plain, Watch.Options options, Console console, Interrupt interrupt) {
        List<DiagnosisPage.Tried> tried = new ArrayList<>();
        Map<Cure, List<Symptom>> wanted = new LinkedHashMap<>();
        plain.symptoms().forEach(f -> {
            tried.add(line(f.symptom(), "as it is", "", plain));
            f.symptom().cures().forEach(c -> wanted.computeIfAbsent(c, k -> new ArrayList<>())
                    .add(f.symptom()));
        });
        wanted.forEach((cure, symptoms) -> {
            Optional<Map<String, String>> change = patient.settings(cure);
            if (change.isEmpty() || interrupt.asked()) {
                return;
            }
            Outcome o = patient.train(patient.with(change.get()), options, cure.name(), console, interrupt::asked)
                    .orElseThrow();
            if (!interrupt.asked()) {
                symptoms.forEach(
                        s -> tried.add(line(s, cure.name(), change.get().toString(), o)));
            }
        });
        tried.sort(Comparator.comparing(DiagnosisPage.Tried::symptom));
        return tried;
    }

    private static DiagnosisPage.Tried line(Symptom s, String cure, String settings, Outcome o) {
        return new DiagnosisPage.Tried(
                s.sentence(),
                cure,
                settings,
                known(s.value(o.diary(), o.groups(), o.epsilon())),
                known(o.diary().last(Diary.Entry::loss)),
                known(o.diary().last(Diary.Entry::testAccuracy)));
    }

    private static Double known(double v) {
        return Double.isFinite(v) ? v : null;
    }

    private static DiagnosisPage page(
            String title,
            String facts,
            Diary diary,
            List<Found> found,
            DiagnosisPage.Groups groups,
            List<DiagnosisPage.Tried> tried) {
        return new DiagnosisPage(
                title,
                facts,
                diary,
                found.stream()
                        .map(f -> new DiagnosisPage.Symptom(
                                f.symptom().name(),
                                f.symptom().sentence(),
                                f.symptom().number(),
                                f.value(),
                                f.symptom().from(),
                                f.symptom().papers(),
                                f.symptom().cures().stream().map(Cure::name).toList()))
                        .toList(),
                groups,
                tried);
    }

    private void tell(DiagnosisPage page, List<Found> found, Console console) throws IOException {
        Files.createDirectories(out);
        page.write(out.resolve("report.html"));
        DiaryFile.write(page.diary(), out.resolve("diary.csv"));
        Files.writeString(out.resolve("diagnosis.json"), page.json(), StandardCharsets.UTF_8);
        if (found.isEmpty()) {
            console.say("Nothing that is known to go wrong was seen.");
        }
        found.forEach(f -> console.say(f.toString()));
        if (page.groups() != null) {
            console.say(String.format(
                    Locale.ROOT,
                    "Groups of rows that pull against each other: %d (mostly %s) and %d (mostly %s).",
                    page.groups().a().size(),
                    Patient.commonest(page.groups().a()),
                    page.groups().b().size(),
                    Patient.commonest(page.groups().b())));
        }
        if (!page.cures().isEmpty()) {
            console.say(String.format("%n%-44s %12s %10s %8s", "what was tried", "its number", "loss", "test %"));
            String symptom = "";
            for (DiagnosisPage.Tried t : page.cures()) {
                if (!t.symptom().equals(symptom)) {
                    symptom = t.symptom();
                    console.say(symptom);
                }
                console.say(String.format(
                        Locale.ROOT,
                        "  %-42s %12s %10s %8s",
                        t.cure(),
                        number(t.value(), "%.3g"),
                        number(t.loss(), "%.4f"),
                        number(t.testAccuracy() == null ? null : 100 * t.testAccuracy(), "%.1f")));
            }
        }
        console.say("Report: " + out.resolve("report.html").toUri());
        PrintWriter print = spec.commandLine().getOut();
        if (json) {
            print.println(page.json());
        }
        print.flush();
    }

    private static String number(Double v, String form) {
        return v == null ? "-" : String.format(Locale.ROOT, form, v);
    }
}
