package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * What a site does with its weight: LINEAR [out,in], CONV [out,in/groups,kh,kw], EMBEDDING [rows,dim], VECTOR [...] (a
 * bias, the affine of a norm, a token). Stride, padding and dilation (each two numbers) and groups belong to CONV.
 */
@Frozen
public record Geometry(Kind kind, List<Long> shape, long[] stride, long[] padding, long[] dilation, long groups) {
    /** How the weight is used. */
    public enum Kind {
        LINEAR,
        CONV,
        EMBEDDING,
        VECTOR
    }

    private static final long[] NONE = {};

    public Geometry {
        shape = List.copyOf(shape);
        int dims = kind == Kind.CONV ? 4 : kind == Kind.VECTOR ? shape.size() : 2;
        if (shape.size() != dims || shape.stream().anyMatch(s -> s < 0)) {
            throw new IllegalArgumentException(
                    "A " + kind + " weight needs a shape of " + dims + " sizes >= 0 but got " + shape + ".");
        }
    }

    public static Geometry linear(long out, long in) {
        return new Geometry(Kind.LINEAR, List.of(out, in), NONE, NONE, NONE, 1);
    }

    /** A 2-d convolution with a square kernel. */
    public static Geometry conv(long out, long in, long kernel, long stride, long padding, long groups) {
        if (groups < 1 || in % groups != 0 || out % groups != 0) {
            throw new IllegalArgumentException("A convolution from " + in + " to " + out
                    + " channels cannot be split into " + groups + " groups.");
        }
        return new Geometry(
                Kind.CONV,
                List.of(out, in / groups, kernel, kernel),
                new long[] {stride, stride},
                new long[] {padding, padding},
                new long[] {1, 1},
                groups);
    }

    public static Geometry embedding(long rows, long dim) {
        return new Geometry(Kind.EMBEDDING, List.of(rows, dim), NONE, NONE, NONE, 1);
    }

    public static Geometry vector(long... shape) {
        return new Geometry(Kind.VECTOR, Arrays.stream(shape).boxed().toList(), NONE, NONE, NONE, 1);
    }

    /** The shape as an array. */
    public long[] sizes() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }

    /** Number of entries of the weight. */
    public long count() {
        return shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
    }

    /** First size: output width, output channels or rows. */
    public long rows() {
        return shape.isEmpty() ? 1 : shape.get(0);
    }

    /** Numbers that enter one output: in, or in/groups*kh*kw. */
    public long fanIn() {
        return rows() == 0 ? shape.stream().skip(1).reduce(1L, (a, b) -> a * b) : count() / rows();
    }

    /** The same use with another number of rows. */
    public Geometry withRows(long rows) {
        List<Long> s = new ArrayList<>(shape);
        s.set(0, rows);
        return new Geometry(kind, s, stride, padding, dilation, groups);
    }

    /**
     * Applies a weight: LINEAR x [...,in] to [...,out]; CONV x [n,c,h,w]; EMBEDDING x int64 [...] to [...,dim].
     *
     * @param weight of this shape, or one a row [B, shape] with x [B,...] (LINEAR, CONV)
     * @param bias [out], or one a row [B,out], or null
     */
    public Tensor apply(Tensor x, Tensor weight, Tensor bias) {
        if (weight.dim() == shape.size() + 1L) {
            return applyRows(x, weight, bias);
        }
        return switch (kind) {
            case LINEAR -> {
                boolean own = bias != null && bias.dim() == 2;
                Tensor y = bias == null || own ? torch.linear(x, weight) : torch.linear(x, weight, bias);
                yield own ? y.add(perRow(bias, y.dim(), -1)) : y;
            }
            case CONV -> {
                boolean own = bias != null && bias.dim() == 2;
                TensorOptional b = bias == null || own ? new TensorOptional() : new TensorOptional(bias);
                Tensor y = torch.conv2d(x, weight, b, stride, padding, dilation, groups);
                yield own ? y.add(perRow(bias, 4, 1)) : y;
            }
            case EMBEDDING -> torch.embedding(weight, x);
            case VECTOR -> throw new IllegalStateException("A vector weight is read, not applied.");
        };
    }

    private Tensor applyRows(Tensor x, Tensor weight, Tensor bias) {
        long b = weight.size(0);
        if (x.size(0) != b) {
            throw new IllegalArgumentException("There are weights for " + b + " rows but " + x.size(0) + " rows.");
        }
        return switch (kind) {
            case LINEAR -> {
                Tensor rows = x.dim() == 2 ? x.unsqueeze(1) : x.reshape(b, -1, x.size(-1));
                Tensor y = torch.bmm(rows, weight.transpose(1, 2));
                long[] out = x.shape();
                out[out.length - 1] = weight.size(1);
                y = y.reshape(out);
                yield bias == null ? y : y.add(bias.dim() == 2 ? perRow(bias, y.dim(), -1) : bias);
            }
            case CONV -> {
                Tensor y = torch.conv2d(
                        x.reshape(1, b * x.size(1), x.size(2), x.size(3)),
                        weight.reshape(b * weight.size(1), weight.size(2), weight.size(3), weight.size(4)),
                        new TensorOptional(),
                        stride,
                        padding,
                        dilation,
                        groups * b);
                y = y.reshape(b, weight.size(1), y.size(2), y.size(3));
                yield bias == null ? y : y.add(perRow(bias.dim() == 2 ? bias : bias.unsqueeze(0), 4, 1));
            }
            default ->
                throw new IllegalArgumentException(
                        "Weights of their own for every row are possible at LINEAR and CONV sites, not at " + kind
                                + ".");
        };
    }

    private static Tensor perRow(Tensor bias, long dims, int channelDim) {
        long[] s = new long[(int) dims];
        Arrays.fill(s, 1);
        s[0] = bias.size(0);
        s[channelDim < 0 ? s.length - 1 : channelDim] = bias.size(1);
        return bias.reshape(s);
    }
}
