package dev.holdfast.evaluate.explain;

import dev.holdfast.nn.prototype.Explanation;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Images [c, h, w] and the reasoning over components as pictures, without text, so that no fonts are needed. Pure; safe
 * from any thread.
 */
public final class Pictures {
    private static final Color PAPER = Color.WHITE;
    private static final Color THERE = new Color(0x2A, 0x7F, 0xBF);
    private static final Color FOR = new Color(0x2E, 0x9E, 0x5B);
    private static final Color AGAINST = new Color(0xC8, 0x4B, 0x31);
    private static final Color LINE = new Color(0x99, 0x99, 0x99);
    private static final int GAP = 6;
    private static final int BAR = 10;

    private Pictures() {}

    /**
     * An image with c = 1 (grey) or 3 (red, green, blue); numbers outside [0, 1] stretch the scale.
     *
     * @param image [c, h, w]
     * @param scale pixels a side for every number
     */
    public static BufferedImage image(Tensor image, int scale) {
        Tensors.requireShape("image", image, -1, -1, -1);
        int c = (int) image.size(0);
        int h = (int) image.size(1);
        int w = (int) image.size(2);
        if (c != 1 && c != 3) {
            throw new IllegalArgumentException("An image to draw has 1 or 3 channels but this one has " + c + ".");
        }
        if (scale < 1) {
            throw new IllegalArgumentException("An image is drawn at a scale >= 1 but " + scale + " was asked for.");
        }
        double[] v = Tensors.doubles(image);
        double low = 0;
        double high = 1;
        for (double x : v) {
            low = Math.min(low, x);
            high = Math.max(high, x);
        }
        BufferedImage out = new BufferedImage(w * scale, h * scale, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < h * scale; y++) {
            for (int x = 0; x < w * scale; x++) {
                int at = y / scale * w + x / scale;
                int rgb = 0;
                for (int k = 0; k < 3; k++) {
                    double value = (v[(c == 1 ? 0 : k) * h * w + at] - low) / (high - low);
                    rgb = rgb << 8 | (int) Math.round(255 * value);
                }
                out.setRGB(x, y, rgb);
            }
        }
        return out;
    }

    /**
     * A row and the components that weighed most in its reasoning: left the row, then each component in a frame (green:
     * expected, red: should be absent) over three bars: blue how surely it is there, green what it adds, red what it takes
     * away. The last two bars share a scale.
     *
     * @param row [c, h, w]
     * @param components [K, c, h, w]
     */
    public static BufferedImage reasoning(Tensor row, Tensor components, Explanation why, int most, int scale) {
        List<Explanation.Evidence> shown =
                why.components().subList(0, Math.min(most, why.components().size()));
        BufferedImage input = image(row, scale);
        int w = input.getWidth();
        int h = input.getHeight();
        int width = (w + 3 * GAP) * (shown.size() + 1) + GAP;
        int height = h + 4 * GAP + 3 * (BAR + 2);
        BufferedImage out = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = out.createGraphics();
        try (Scope s = Scope.open()) {
            g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            g.setColor(PAPER);
            g.fillRect(0, 0, width, height);
            g.drawImage(input, 2 * GAP, 2 * GAP, null);
            g.setColor(LINE);
            int middle = w + 3 * GAP + GAP / 2;
            g.drawLine(middle, GAP, middle, height - GAP);
            double largest = shown.stream()
                    .mapToDouble(e -> Math.max(e.agrees(), e.disagrees()))
                    .max()
                    .orElse(1);
            for (int i = 0; i < shown.size(); i++) {
                Explanation.Evidence e = shown.get(i);
                int x = (i + 1) * (w + 3 * GAP) + 2 * GAP;
                g.setColor(e.expected() ? FOR : AGAINST);
                g.fillRect(x - 3, 2 * GAP - 3, w + 6, h + 6);
                g.drawImage(image(components.select(0, e.component()), scale), x, 2 * GAP, null);
                int y = h + 3 * GAP;
                bar(g, x, y, w, e.detection(), THERE);
                bar(g, x, y + BAR + 2, w, e.agrees() / largest, FOR);
                bar(g, x, y + 2 * (BAR + 2), w, e.disagrees() / largest, AGAINST);
            }
        } finally {
            g.dispose();
        }
        return out;
    }

    private static void bar(Graphics2D g, int x, int y, int width, double share, Color color) {
        g.setColor(LINE);
        g.drawRect(x, y, width - 1, BAR - 1);
        g.setColor(color);
        g.fillRect(x, y, (int) Math.round(width * Math.max(0, Math.min(1, share))), BAR);
    }
}
