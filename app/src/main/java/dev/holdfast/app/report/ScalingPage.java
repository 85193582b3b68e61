package dev.holdfast.app.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.diagnose.scaling.Instability;
import dev.holdfast.diagnose.scaling.InternalStatistics;
import dev.holdfast.diagnose.scaling.LrSensitivity;
import dev.holdfast.diagnose.scaling.LrSweep;
import dev.holdfast.diagnose.scaling.ProxyRun;
import dev.holdfast.diagnose.scaling.ScalingFit;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The page of a sweep over sizes and rates: loss against rate for each size, what grows with size and where it will be too
 * large, and what cures changed.
 *
 * @param title what was trained on
 * @param facts how, in a sentence
 * @param size that was asked about; NaN for none
 * @param cures what was tried; empty for nothing
 */
public record ScalingPage(String title, String facts, LrSweep sweep, double size, List<Tried> cures) {
    /**
     * The largest model again, as it is or with one thing changed; numbers are the worst over rates.
     *
     * @param bestLoss lowest held-out loss over rates, nats
     * @param logZ lowest mean log Z
     * @param gradientOverEpsilon lowest gradient size over epsilon
     */
    public record Tried(
            String cure,
            LrSweep.Shape shape,
            double sensitivity,
            double bestLoss,
            int diverged,
            double attentionLogit,
            double logZ,
            double gradientOverEpsilon) {}

    /** Writes the page, one file that needs no network. */
    public void write(Path file) {
        ReportFiles.write(file, html(), "--out");
    }

    String html() {
        return HtmlReport.page("scaling.html", "scaling.js", json());
    }

    /** All of it as JSON; numbers that are not finite are null. */
    public String json() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("title", title);
        all.put("facts", facts);
        all.put("size", known(size));
        all.put("attentionThreshold", ScalingFit.ATTENTION_LOGIT);
        all.put("gradientThreshold", ScalingFit.EPSILONS);
        all.put("runs", sweep.runs().stream().map(this::run).toList());
        all.put("shapes", sweep.shapes().stream().map(this::shape).toList());
        all.put("found", sweep.found().stream().map(ScalingPage::found).toList());
        all.put("predictions", predictions());
        all.put("cures", cures.stream().map(ScalingPage::tried).toList());
        try {
            return new ObjectMapper().writeValueAsString(all);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Object known(double v) {
        return Double.isFinite(v) ? v : null;
    }

    private Map<String, Object> run(ProxyRun r) {
        double epsilon = sweep.recipe().epsilon();
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("shape", r.shape().toString());
        m.put("size", r.size());
        m.put("rate", r.rate());
        m.put("initialLoss", known(r.initialLoss()));
        m.put("loss", known(r.loss()));
        m.putAll(inside(r.last(), epsilon));
        List<Map<String, Object>> looks = new ArrayList<>();
        for (ProxyRun.Look l : r.looks()) {
            Map<String, Object> look = new LinkedHashMap<>();
            look.put("step", l.step());
            look.putAll(inside(l.inside(), epsilon));
            looks.add(look);
        }
        m.put("looks", looks);
        return m;
    }

    private static Map<String, Object> inside(InternalStatistics s, double epsilon) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("attentionLogit", known(s.largestAttentionLogit()));
        m.put("attentionEntropy", known(s.attentionEntropy()));
        m.put("logZ", known(s.logZMean()));
        m.put("meanLogit", known(s.meanLogit()));
        m.put("gradientOverEpsilon", known(s.gradientOverEpsilon(epsilon)));
        m.put("leastUpdateShare", known(s.leastUpdateShare(epsilon)));
        return m;
    }

    private Map<String, Object> shape(LrSweep.Shape shape) {
        LrSensitivity of = sweep.sensitivity(shape);
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("shape", shape.toString());
        m.put("sensitivity", of.sensitivity());
        m.put("bestLoss", of.bestLoss());
        m.put("bestRate", known(of.bestRate()));
        m.put("diverged", of.diverged());
        m.put("allDiverged", of.allDiverged());
        return m;
    }

    private static Map<String, Object> found(LrSweep.Found f) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("name", f.instability().name());
        m.put("sentence", f.instability().sentence());
        m.put("number", f.instability().number());
        m.put("cure", f.instability().cure());
        m.put("shape", f.shape().toString());
        m.put("rate", f.rate());
        m.put("value", known(f.value()));
        return m;
    }

    private List<Map<String, Object>> predictions() {
        List<Map<String, Object>> all = new ArrayList<>();
        for (LrSweep.Prediction p : sweep.predictions(size)) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("name", p.instability().name());
            m.put("number", p.instability().number());
            m.put("rate", p.rate());
            m.put("slope", p.slope());
            m.put("value", known(p.value()));
            m.put("low", known(p.low()));
            m.put("high", known(p.high()));
            m.put("from", known(p.from()));
            m.put("unstable", p.unstable());
            m.put("line", line(p.instability(), p.rate()));
            all.add(m);
        }
        return all;
    }

    /** The fitted line from the smallest model to the largest that is told of, [size, value] at both ends. */
    private List<List<Double>> line(Instability of, double rate) {
        ScalingFit f = sweep.fit(of, rate).orElseThrow();
        double low = sweep.runs().stream().mapToDouble(ProxyRun::size).min().orElseThrow();
        double high = sweep.runs().stream().mapToDouble(ProxyRun::size).max().orElseThrow();
        double end = Double.isNaN(size) ? 10 * high : Math.max(high, size);
        return List.of(List.of(low, f.at(low)), List.of(end, f.at(end)));
    }

    private static Map<String, Object> tried(Tried t) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("cure", t.cure);
        m.put("shape", t.shape.toString());
        m.put("sensitivity", t.sensitivity);
        m.put("bestLoss", t.bestLoss);
        m.put("diverged", t.diverged);
        m.put("attentionLogit", known(t.attentionLogit));
        m.put("logZ", known(t.logZ));
        m.put("gradientOverEpsilon", known(t.gradientOverEpsilon));
        return m;
    }
}
