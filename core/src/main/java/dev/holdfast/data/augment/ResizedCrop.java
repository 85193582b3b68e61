package dev.holdfast.data.augment;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Random regions of images, each brought to one size: area and aspect ratio are drawn, then the place, then whether the
 * region is mirrored; the region is resampled bilinearly (pixel middles aligned, nothing from outside the region).
 *
 * <p>Where a region is, is kept apart from cutting it out: {@link #draw} gives relative coordinates, {@link #cut} is a pure
 * function of images and coordinates, whose bits do not depend on what else is cut in the same call. Szegedy et al., <i>Going
 * Deeper with Convolutions</i>, arXiv 1409.4842, section 6. Safe from any thread.
 *
 * @param minArea smallest share of the image, in (0, maxArea]
 * @param maxArea largest share of the image, at most 1
 * @param minAspect smallest width / height, in (0, maxAspect]
 * @param maxAspect largest width / height
 * @param flip whether every second region is mirrored
 * @param height rows of what is cut out, >= 1
 * @param width columns of what is cut out, >= 1
 */
public record ResizedCrop(
        double minArea, double maxArea, double minAspect, double maxAspect, boolean flip, int height, int width) {
    private static final int TRIES = 10;

    public ResizedCrop {
        if (!(minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
            throw new IllegalArgumentException("The area of a crop must satisfy 0 < minArea <= maxArea <= 1 but is "
                    + minArea + " to " + maxArea + ".");
        }
        if (!(minAspect > 0 && minAspect <= maxAspect) || Double.isInfinite(maxAspect)) {
            throw new IllegalArgumentException(
                    "The aspect ratio of a crop must satisfy 0 < minAspect <= maxAspect but is " + minAspect + " to "
                            + maxAspect + ".");
        }
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "A crop needs at least one pixel but is to have " + height + " x " + width + ".");
        }
    }

    /** The ranges of fast knowledge distillation (Shen, Xing, arXiv 2112.01528): area 0.08 to 0.936, aspect 3/4 to 4/3. */
    public static ResizedCrop of(int height, int width) {
        return new ResizedCrop(0.08, 0.936, 3.0 / 4, 4.0 / 3, true, height, width);
    }

    /**
     * Where regions are, relative to their image.
     *
     * @param box top, left, height, width of each region as shares of the image's height and width [n * 4]
     * @param flip whether each is mirrored [n]
     */
    public record Regions(float[] box, boolean[] flip) {
        public Regions {
            if (box.length != 4 * flip.length) {
                throw new IllegalArgumentException(
                        flip.length + " regions need " + 4 * flip.length + " coordinates but have " + box.length + ".");
            }
            for (int i = 0; i < box.length; i++) {
                if (!(box[i] >= 0 && box[i] <= 1)) {
                    throw new IllegalArgumentException("Region " + i / 4 + " has the coordinate " + box[i]
                            + "; expected shares of the image, in [0, 1].");
                }
            }
        }

        public int size() {
            return flip.length;
        }

        /** Share of its image that a region covers. */
        public double area(int i) {
            return (double) box[4 * i + 2] * box[4 * i + 3];
        }
    }

    /** n regions of images of this size; a pure function of its arguments. */
    public Regions draw(int n, int imageHeight, int imageWidth, Rng rng) {
        float[] box = new float[4 * n];
        boolean[] mirrored = new boolean[n];
        for (int i = 0; i < n; i++) {
            int[] b = place(imageHeight, imageWidth, rng);
            box[4 * i] = (float) b[0] / imageHeight;
            box[4 * i + 1] = (float) b[1] / imageWidth;
            box[4 * i + 2] = (float) b[2] / imageHeight;
            box[4 * i + 3] = (float) b[3] / imageWidth;
            mirrored[i] = flip && rng.below(2) == 1;
        }
        return new Regions(box, mirrored);
    }

    /** Top, left, height, width in pixels; the middle of the image where no draw fits into it. */
    private int[] place(int imageHeight, int imageWidth, Rng rng) {
        double whole = (double) imageHeight * imageWidth;
        for (int t = 0; t < TRIES; t++) {
            double area = whole * (minArea + (maxArea - minArea) * rng.next());
            double aspect = Math.exp(Math.log(minAspect) + Math.log(maxAspect / minAspect) * rng.next());
            int w = Math.max(1, (int) Math.round(Math.sqrt(area * aspect)));
            int h = Math.max(1, (int) Math.round(Math.sqrt(area / aspect)));
            if (w <= imageWidth && h <= imageHeight) {
                return new int[] {rng.below(imageHeight - h + 1), rng.below(imageWidth - w + 1), h, w};
            }
        }
        double ratio = Math.min(maxAspect, Math.max(minAspect, (double) imageWidth / imageHeight));
        int w = Math.max(1, Math.min(imageWidth, (int) Math.round(imageHeight * ratio)));
        int h = Math.max(1, Math.min(imageHeight, (int) Math.round(imageWidth / ratio)));
        return new int[] {(imageHeight - h) / 2, (imageWidth - w) / 2, h, w};
    }

    /**
     * Cuts regions out.
     *
     * @param images [m, channels, h, w] of a floating type; of any size, for coordinates are relative
     * @param imageOf image of each region, in [0, m)
     * @return [n, channels, height, width] in the caller's scope
     */
    public Tensor cut(Tensor images, int[] imageOf, Regions regions) {
        Tensors.requireShape("images", images, -1, -1, -1, -1);
        int n = regions.size();
        if (imageOf.length != n) {
            throw new IllegalArgumentException(n + " regions were given " + imageOf.length + " images.");
        }
        int c = (int) images.size(1);
        int h = (int) images.size(2);
        int w = (int) images.size(3);
        Along rows = new Along(n, height);
        Along columns = new Along(n, width);
        for (int i = 0; i < n; i++) {
            rows.set(i, regions.box[4 * i], regions.box[4 * i + 2], h, false);
            columns.set(i, regions.box[4 * i + 1], regions.box[4 * i + 3], w, regions.flip[i]);
        }
        // rows of the images, then rows of what is turned on its side: whole rows are copied in one piece
        Tensor tall = rows.sample(images.contiguous(), imageOf, c);
        int[] own = new int[n];
        Arrays.setAll(own, i -> i);
        Tensor turned = columns.sample(tall.transpose(2, 3).contiguous(), own, c);
        return turned.transpose(2, 3).contiguous();
    }

    /** Between which two pixels each pixel of each crop lies along one direction, and how far from the first. */
    private static final class Along {
        private final int size;
        private final int[] low;
        private final int[] high;
        private final double[] share;

        Along(int n, int size) {
            this.size = size;
            this.low = new int[n * size];
            this.high = new int[n * size];
            this.share = new double[n * size];
        }

        void set(int crop, float start, float length, int pixels, boolean backwards) {
            int count = Math.max(1, Math.min(pixels, Math.round(length * pixels)));
            int first = Math.min(pixels - count, Math.round(start * pixels));
            for (int o = 0; o < size; o++) {
                double at = Math.min(count - 1, Math.max(0, (o + 0.5) * count / size - 0.5));
                int i = crop * size + (backwards ? size - 1 - o : o);
                low[i] = first + (int) at;
                high[i] = first + Math.min(count - 1, (int) at + 1);
                share[i] = at - (int) at;
            }
        }

        /** x [m, c, pixels, across] to [n, c, size, across]. */
        Tensor sample(Tensor x, int[] imageOf, int c) {
            int n = imageOf.length;
            long pixels = x.size(2);
            long across = x.size(3);
            long[] from = new long[n * c * size];
            long[] to = new long[from.length];
            for (int i = 0; i < n; i++) {
                for (int channel = 0; channel < c; channel++) {
                    long base = ((long) imageOf[i] * c + channel) * pixels;
                    int out = (i * c + channel) * size;
                    for (int o = 0; o < size; o++) {
                        from[out + o] = base + low[i * size + o];
                        to[out + o] = base + high[i * size + o];
                    }
                }
            }
            Tensor flat = x.reshape(-1, across);
            long[] shape = {n, c, size, across};
            Tensor a = flat.index_select(0, Tensors.of(from, from.length)).reshape(shape);
            Tensor b = flat.index_select(0, Tensors.of(to, to.length)).reshape(shape);
            Tensor t = Tensors.of(share, n, 1, size, 1).to(x.scalar_type());
            return a.add(b.sub(a).mul(t));
        }
    }
}
