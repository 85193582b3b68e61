package dev.holdfast.app.explain;

import dev.holdfast.app.report.Csv;
import dev.holdfast.data.Schema;
import dev.holdfast.evaluate.explain.Pictures;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.prototype.ComponentNet;
import dev.holdfast.nn.prototype.Reasoning;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;

/**
 * A folder of explanations: {@code rows.csv}, {@code tables.csv}, a page {@code index.html} in words, and, for images with
 * components in input space, a picture of every component and of the reasoning for every row.
 */
public final class ExplanationFiles {
    private static final int SIDE = 112;
    private final Path folder;
    private final int most;
    private long[] shape;
    private final StringBuilder rows = new StringBuilder();
    private final StringBuilder table = new StringBuilder(Csv.line(Explained.header()));
    private final Tensor components;
    private final String tables;
    private final int count;

    /**
     * @param most components to show for a row
     * @param classes names of the score columns
     */
    public ExplanationFiles(Path folder, Explainer of, Schema schema, int most, List<String> classes)
            throws IOException {
        this.folder = Files.createDirectories(folder);
        this.most = most;
        ComponentNet net = of.components().orElse(null);
        Schema.Field x = schema.inputs().get(0);
        boolean pictures = net != null
                && net.shallow()
                && x.kind() == Schema.Field.Kind.IMAGE
                && (x.shape().get(0) == 1 || x.shape().get(0) == 3);
        try (var mode = Autograd.noGrad()) {
            if (pictures) {
                shape = x.shape().stream().mapToLong(Long::longValue).toArray();

                components = net.components().points(Pass.eval()).detach().reshape(-1, shape[0], shape[1], shape[2]);
                count = (int) components.size(0);
                for (int k = 0; k < count; k++) {
                    try (Scope each = Scope.open()) {
                        write("component-" + k + ".png", Pictures.image(components.select(0, k), scale()));
                    }
                }
            } else {
                components = null;
                count = 0;
            }
            tables = net == null ? null : tables(net, classes);
        }
    }

    private int scale() {
        return (int) Math.max(1, SIDE / Math.max(shape[1], shape[2]));
    }

    private void write(String name, BufferedImage image) throws IOException {
        ImageIO.write(image, "png", folder.resolve(name).toFile());
    }

    private static String tables(ComponentNet net, List<String> classes) {
        Reasoning t = net.head().reasoning(Pass.eval());
        double[][] positive = Tensors.rows(t.positive());
        double[][] negative = Tensors.rows(t.negative());
        StringBuilder b =
                new StringBuilder(Csv.line(List.of("class", "reasoning", "component", "present", "absent", "prior")));
        for (int j = 0; j < positive.length; j++) {
            for (int k = 0; k < positive[j].length; k++) {
                b.append(Csv.line(List.of(
                        classes.get(t.owner()[j]),
                        j,
                        k,
                        positive[j][k],
                        negative[j][k],
                        positive[j][k] + negative[j][k])));
            }
        }
        return b.toString();
    }

    /** Adds a row; {@code x} is the row itself [1, ...]. */
    public void add(Explained e, Tensor x) throws IOException {
        table.append(Csv.line(e.cells()));
        rows.append("<section><h2>row ").append(e.row()).append("</h2>\n");
        if (components != null) {
            try (Scope s = Scope.open()) {
                String name = "row-" + e.row() + ".png";
                write(name, Pictures.reasoning(x.reshape(shape), components, e.why(), most, scale()));
                rows.append("<img src=\"")
                        .append(name)
                        .append("\" alt=\"reasoning of row ")
                        .append(e.row())
                        .append("\">\n");
            }
        }
        rows.append("<pre>").append(escaped(e.words(most))).append("</pre></section>\n");
    }

    /** Writes tables and page. */
    public void finish(String title) throws IOException {
        Files.writeString(folder.resolve("rows.csv"), table);
        if (tables != null) {
            Files.writeString(folder.resolve("tables.csv"), tables);
        }
        StringBuilder all = new StringBuilder();
        for (int k = 0; k < count; k++) {
            all.append(String.format(
                    Locale.ROOT,
                    "<figure><img src=\"component-%d.png\" alt=\"component %d\"><figcaption>%d</figcaption></figure>%n",
                    k,
                    k,
                    k));
        }
        Files.writeString(
                folder.resolve("index.html"),
                """
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><title>%s</title><style>
                body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
                figure { display: inline-block; margin: .3rem; text-align: center; } pre { white-space: pre-wrap; }
                section { border-top: 1px solid #ccc; }
                </style></head><body><h1>%s</h1>
                %s%s</body></html>
                """
                        .formatted(
                                escaped(title),
                                escaped(title),
                                count == 0
                                        ? ""
                                        : "<p>Components. In a row's picture a green frame is one that is expected, a red frame one"
                                                + " that should be absent; bars: how surely it is there, what it adds, what it"
                                                + " takes away.</p>\n" + all,
                                rows));
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
