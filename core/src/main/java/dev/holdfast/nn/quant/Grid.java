package dev.holdfast.nn.quant;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The numbers that a few bits can tell apart, as fractions of the largest of a group. */
public enum Grid {
    /** All numbers: nothing is rounded. */
    FULL(0, 0),
    INT2(2, 1),
    INT3(3, 3),
    INT4(4, 7),
    INT5(5, 15),
    INT6(6, 31),
    INT7(7, 63),
    INT8(8, 127),
    /**
     * The nine levels k/4: what the "FP4" of the published Stable-SPAM code comes to, whose exponent never moves.
     */
    FP4_AUTHORS(4, 4),
    /** 0, 0.5, 1, 1.5, 2, 3, 4, 6 sixths and their negatives: two bits of exponent, one of mantissa. */
    FP4_E2M1(4, 7),
    /** k/7: one bit of exponent, two of mantissa. */
    FP4_E1M2(4, 7);

    private final int bits;
    private final int top;

    Grid(int bits, int top) {
        this.bits = bits;
        this.top = top;
    }

    /** Bits of a number; 0 for all numbers. */
    public int bits() {
        return bits;
    }

    /** Whether the levels are whole numbers of a common step, signed, with one more below zero than above. */
    public boolean integer() {
        return name().startsWith("INT");
    }

    /**
     * The nearest level of every entry, halves to the even level; entries outside [-1, 1] go to the last level.
     *
     * @param unit entries as fractions of the largest; changed in place
     * @param noise null, or U(-0.5, 0.5) of the same shape: in steps of the grid, added before rounding, so that rounding is
     *     right on average
     */
    Tensor nearest(Tensor unit, Tensor noise) {
        if (this == FP4_E2M1) {
            return nearestE2M1(unit, noise);
        }
        // no number lies below -1 but by noise, and integers have a level there
        int bottom = integer() ? -top - 1 : -top;
        Tensor code = unit.mul_(Tensors.scalar(top));
        code = noise == null ? code : code.add_(noise);
        return code.round_().clamp_(scalar(bottom), scalar(top)).div_(Tensors.scalar(top));
    }

    /**
     * The size a in [0, 6] has the level min(2a, a + 2, a/2 + 4) in 0..7, a concave function whose inverse is the convex
     * max(k/2, k - 2, 2k - 8).
     */
    private Tensor nearestE2M1(Tensor unit, Tensor noise) {
        Tensor a = unit.abs().mul_(Tensors.scalar(6));
        Tensor k = torch.minimum(
                torch.minimum(a.mul(Tensors.scalar(2)), a.add(Tensors.scalar(2))),
                a.mul(Tensors.scalar(0.5)).add_(Tensors.scalar(4)));
        // the noise moves the size up or down, whatever the sign, and may not turn it
        k = (noise == null ? k : k.add_(noise)).round_().clamp_(scalar(0), scalar(top));
        Tensor level = torch.maximum(
                torch.maximum(k.mul(Tensors.scalar(0.5)), k.sub(Tensors.scalar(2))),
                k.mul(Tensors.scalar(2)).sub_(Tensors.scalar(8)));
        return level.div_(Tensors.scalar(6)).copysign_(unit);
    }

    static ScalarOptional scalar(double v) {
        return new ScalarOptional(Tensors.scalar(v));
    }
}
