package dev.holdfast.learner.stream.part;

/** Reads what a {@link NumberWriter} wrote, in the same order; anything else is refused as damaged. */
public final class NumberReader {
    private final double[] numbers;
    private int at;

    public NumberReader(double[] numbers) {
        this.numbers = numbers;
    }

    /** The next number. */
    public double next() {
        if (at >= numbers.length) {
            throw damaged("it ends after " + numbers.length + " numbers, in the middle of something");
        }
        return numbers[at++];
    }

    /** The next number, which must be whole and lie between these. */
    public int integer(int low, int high) {
        return (int) whole(low, high);
    }

    /** The next number, which must be whole and lie between these. */
    public long whole(long low, long high) {
        double x = next();
        if (!(x >= low && x <= high) || x != Math.rint(x)) {
            throw damaged("number " + (at - 1) + " is " + x + "; expected a whole number from " + low + " to " + high);
        }
        return (long) x;
    }

    public boolean flag() {
        return integer(0, 1) == 1;
    }

    /** An array of this length. */
    public double[] doubles(int length) {
        double[] a = new double[length(length, length)];
        for (int i = 0; i < a.length; i++) {
            a[i] = next();
        }
        return a;
    }

    /** An array of any length. */
    public double[] doubles() {
        double[] a = new double[length(0, Integer.MAX_VALUE)];
        for (int i = 0; i < a.length; i++) {
            a[i] = next();
        }
        return a;
    }

    /** An array of this length. */
    public float[] floats(int length) {
        float[] a = new float[length(length, length)];
        for (int i = 0; i < a.length; i++) {
            a[i] = (float) next();
        }
        return a;
    }

    /** An array of numbers between these. */
    public int[] ints(int low, int high) {
        int[] a = new int[length(0, Integer.MAX_VALUE)];
        for (int i = 0; i < a.length; i++) {
            a[i] = integer(low, high);
        }
        return a;
    }

    /** Labels that ascend, below {@code labels}. */
    public int[] labels(int labels) {
        int[] a = ints(0, labels - 1);
        for (int i = 1; i < a.length; i++) {
            if (a[i] <= a[i - 1]) {
                throw damaged("labels do not ascend: " + a[i - 1] + ", " + a[i]);
            }
        }
        return a;
    }

    /** An array of any length. */
    public long[] longs() {
        long[] a = new long[length(0, Integer.MAX_VALUE)];
        for (int i = 0; i < a.length; i++) {
            a[i] = whole(0, 1L << 53);
        }
        return a;
    }

    /** Refuses numbers that are left over. */
    public void end() {
        if (at != numbers.length) {
            throw damaged((numbers.length - at) + " numbers are left over");
        }
    }

    public IllegalArgumentException damaged(String why) {
        return new IllegalArgumentException(
                "The saved state does not fit: " + why + ".\nMaybe it was saved by another configuration.");
    }

    private int length(int low, int high) {
        int n = integer(low, high);
        if (n > numbers.length - at) {
            throw damaged("an array of " + n + " numbers is announced but " + (numbers.length - at) + " are left");
        }
        return n;
    }
}
