package dev.holdfast.app.diagnose;

import dev.holdfast.app.report.ScalingPage.Tried;
import dev.holdfast.diagnose.scaling.Instability;
import dev.holdfast.diagnose.scaling.InternalStatistics;
import dev.holdfast.diagnose.scaling.LrSensitivity;
import dev.holdfast.diagnose.scaling.LrSweep;
import dev.holdfast.diagnose.scaling.LrSweep.Found;
import dev.holdfast.diagnose.scaling.LrSweep.Prediction;
import dev.holdfast.diagnose.scaling.LrSweep.Shape;
import dev.holdfast.diagnose.scaling.ProxyRun;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a sweep over sizes and rates says, line by line. */
final class ScalingWords {
    private static final double ABSURD = 1e13;

    private ScalingWords() {}

    static List<String> of(LrSweep s, double size, List<Tried> tried) {
        List<String> lines = new ArrayList<>();
        runs(s, lines);
        lines.add("");
        for (Shape shape : s.shapes()) {
            LrSensitivity of = s.sensitivity(shape);
            lines.add(
                    of.allDiverged()
                            ? shape + ": no rate taught it anything."
                            : form(
                                    "%s: a wrong rate costs %.3f nats in the mean over the grid; best %.3f at rate %s; %d of"
                                            + " %d diverged.",
                                    shape,
                                    of.sensitivity(),
                                    of.bestLoss(),
                                    of.bestRate(),
                                    of.diverged(),
                                    s.rates().size()));
        }
        lines.add("");
        found(s, lines);
        predictions(s.predictions(size), size, lines);
        cures(tried, lines);
        return lines;
    }

    private static void runs(LrSweep s, List<String> lines) {
        lines.add(form(
                "%8s %10s %9s %8s %15s %10s %14s",
                "model", "size", "rate", "loss", "attention logit", "log Z", "gradient / eps"));
        for (ProxyRun r : s.runs()) {
            InternalStatistics end = r.last();
            lines.add(form(
                    "%8s %10d %9.2g %8s %15.1f %10.2f %14.1e",
                    r.shape(),
                    r.size(),
                    r.rate(),
                    r.diverged() ? "diverged" : form("%.3f", r.loss()),
                    end.largestAttentionLogit(),
                    end.logZMean(),
                    end.gradientOverEpsilon(s.recipe().epsilon())));
        }
    }

    private static void found(LrSweep s, List<String> lines) {
        Map<String, List<Found>> byName = new LinkedHashMap<>();
        s.found().forEach(f -> byName.computeIfAbsent(f.instability().sentence(), k -> new ArrayList<>())
                .add(f));
        byName.forEach((sentence, runs) -> {
            Found worst = runs.stream()
                    .max(Comparator.comparingDouble(
                            f -> f.instability() == Instability.ATTENTION_LOGITS ? f.value() : -f.value()))
                    .orElseThrow();
            lines.add(form(
                    "%s (%s %.3g at %s, rate %s; in %d of %d models) Known to help: %s.",
                    sentence,
                    worst.instability().number(),
                    worst.value(),
                    worst.shape(),
                    worst.rate(),
                    runs.size(),
                    s.runs().size(),
                    worst.instability().cure()));
        });
        if (byName.isEmpty()) {
            lines.add("No known instability is past its threshold in these models.");
        }
    }

    private static void predictions(List<Prediction> all, double size, List<String> lines) {
        for (Prediction p : all) {
            String from = !(p.from() < ABSURD)
                    ? "does not get to its threshold at any size that is trained"
                    : "passes its threshold from " + size(p.from()) + " parameters on";
            String at = Double.isNaN(size)
                    ? ""
                    : form(
                            "; %.3g%s at %s: %s",
                            p.value(),
                            Double.isNaN(p.low()) ? "" : form(" (%.3g to %.3g)", p.low(), p.high()),
                            size(size),
                            p.unstable() ? "unstable" : "stable");
            lines.add(form(
                    "Rate %s, %s: goes as size^%.2f, %s%s.",
                    p.rate(), p.instability().number(), p.slope(), from, at));
        }
    }

    private static void cures(List<Tried> tried, List<String> lines) {
        if (tried.isEmpty()) {
            return;
        }
        lines.add("");
        lines.add(form(
                "%-32s %12s %8s %9s %15s %10s %14s",
                "what was tried, " + tried.get(0).shape(),
                "sensitivity",
                "best",
                "diverged",
                "attention logit",
                "log Z",
                "gradient / eps"));
        for (Tried t : tried) {
            lines.add(form(
                    "%-32s %12.3f %8.3f %9d %15.1f %10.2f %14.1e",
                    t.cure(),
                    t.sensitivity(),
                    t.bestLoss(),
                    t.diverged(),
                    t.attentionLogit(),
                    t.logZ(),
                    t.gradientOverEpsilon()));
        }
    }

    /** 25.6M for 25 600 000. */
    static String size(double n) {
        return n >= 1e9
                ? form("%.3gB", n / 1e9)
                : n >= 1e6 ? form("%.3gM", n / 1e6) : n >= 1e3 ? form("%.3gk", n / 1e3) : form("%.0f", n);
    }

    private static String form(String f, Object... values) {
        return String.format(Locale.ROOT, f, values);
    }
}
