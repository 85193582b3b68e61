package dev.holdfast.tensor;

import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.LayoutOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What libtorch's Java binding lacks in comfort: conversion between Java arrays and tensors with checked shapes, and
 * the few calls whose native signature takes a handful of optionals.
 *
 * <p>Every returned tensor belongs to the innermost {@link Scope} of the calling thread. Pure functions; safe from any
 * thread.
 */
public final class Tensors {
    private Tensors() {}

    /** Number of elements of a shape. */
    public static long count(long... shape) {
        long n = 1;
        for (long s : shape) {
            if (s < 0) {
                throw new IllegalArgumentException(
                        "A shape must have entries >= 0 but is " + Arrays.toString(shape) + ".");
            }
            n = Math.multiplyExact(n, s);
        }
        return n;
    }

    /** float32 tensor with a copy of the numbers, row-major. */
    public static Tensor of(float[] a, long... shape) {
        checkCount(a.length, shape);
        Tensor t = empty(ScalarType.Float, shape);
        if (a.length > 0) {
            try (FloatPointer p = new FloatPointer(t.data_ptr())) {
                p.put(a);
            }
        }
        return t;
    }

    /** float64 tensor with a copy of the numbers, row-major. */
    public static Tensor of(double[] a, long... shape) {
        checkCount(a.length, shape);
        Tensor t = empty(ScalarType.Double, shape);
        if (a.length > 0) {
            try (DoublePointer p = new DoublePointer(t.data_ptr())) {
                p.put(a);
            }
        }
        return t;
    }

    /** int64 tensor with a copy of the numbers, row-major. */
    public static Tensor of(long[] a, long... shape) {
        checkCount(a.length, shape);
        Tensor t = empty(ScalarType.Long, shape);
        if (a.length > 0) {
            try (LongPointer p = new LongPointer(t.data_ptr())) {
                p.put(a);
            }
        }
        return t;
    }

    /** int64 vector. */
    public static Tensor ids(int... a) {
        return of(Arrays.stream(a).asLongStream().toArray(), a.length);
    }

    /** float64 matrix of equal rows [n, d]; ragged rows are refused by row number. */
    public static Tensor of(double[][] rows) {
        int d = rows.length == 0 ? 0 : rows[0].length;
        double[] flat = new double[rows.length * d];
        for (int i = 0; i < rows.length; i++) {
            if (rows[i].length != d) {
                throw new IllegalArgumentException(
                        "Row " + i + " has " + rows[i].length + " numbers but row 0 has " + d + ".");
            }
            System.arraycopy(rows[i], 0, flat, i * d, d);
        }
        return of(flat, rows.length, d);
    }

    /** uint8 tensor with a copy of the bytes. */
    public static Tensor ofBytes(byte[] a, long... shape) {
        checkCount(a.length, shape);
        Tensor t = empty(ScalarType.Byte, shape);
        if (a.length > 0) {
            try (BytePointer p = new BytePointer(t.data_ptr())) {
                p.put(a);
            }
        }
        return t;
    }

    /** Uninitialised tensor on the CPU. */
    public static Tensor empty(ScalarType dtype, long... shape) {
        return torch.empty(
                shape,
                new ScalarTypeOptional(dtype),
                new LayoutOptional(),
                new DeviceOptional(),
                new BoolOptional(),
                new MemoryFormatOptional());
    }

    /** Zeros on the CPU. */
    public static Tensor zeros(ScalarType dtype, long... shape) {
        return empty(dtype, shape).zero_();
    }

    /** Uninitialised tensor of {@code like}'s dtype and device. */
    public static Tensor emptyLike(Tensor like, long... shape) {
        return torch.empty(
                shape,
                new ScalarTypeOptional(like.scalar_type()),
                new LayoutOptional(),
                new DeviceOptional(like.device()),
                new BoolOptional(),
                new MemoryFormatOptional());
    }

    /** Zeros of {@code like}'s dtype and device. */
    public static Tensor zerosLike(Tensor like, long... shape) {
        return emptyLike(like, shape).zero_();
    }

    /** A constant of shape [] in {@code like}'s dtype and device. */
    public static Tensor scalarLike(Tensor like, double value) {
        return emptyLike(like).fill_(scalar(value));
    }

    /** A native scalar; belongs to the scope like everything native. */
    public static Scalar scalar(double v) {
        return new Scalar(v);
    }

    /** All numbers as doubles, row-major, whatever the dtype and device. */
    public static double[] doubles(Tensor t) {
        try (Scope s = Scope.open()) {
            Tensor c = t.detach().to(new Device("cpu"), ScalarType.Double).contiguous();
            double[] a = new double[Math.toIntExact(c.numel())];
            if (a.length > 0) {
                new DoublePointer(c.data_ptr()).get(a);
            }
            return a;
        }
    }

    /** All numbers as floats, row-major. */
    public static float[] floats(Tensor t) {
        try (Scope s = Scope.open()) {
            Tensor c = t.detach().to(new Device("cpu"), ScalarType.Float).contiguous();
            float[] a = new float[Math.toIntExact(c.numel())];
            if (a.length > 0) {
                new FloatPointer(c.data_ptr()).get(a);
            }
            return a;
        }
    }

    /** All numbers as longs, row-major; for ids and counts. */
    public static long[] longs(Tensor t) {
        try (Scope s = Scope.open()) {
            Tensor c = t.detach().to(new Device("cpu"), ScalarType.Long).contiguous();
            long[] a = new long[Math.toIntExact(c.numel())];
            if (a.length > 0) {
                new LongPointer(c.data_ptr()).get(a);
            }
            return a;
        }
    }

    /** All numbers as ints, row-major. */
    public static int[] ints(Tensor t) {
        return Arrays.stream(longs(t)).mapToInt(Math::toIntExact).toArray();
    }

    /** The raw bytes, row-major. */
    public static byte[] bytes(Tensor t) {
        try (Scope s = Scope.open()) {
            Tensor c = t.detach().to(new Device("cpu"), t.scalar_type()).contiguous();
            byte[] a = new byte[Math.toIntExact(c.nbytes())];
            if (a.length > 0) {
                new BytePointer(c.data_ptr()).get(a);
            }
            return a;
        }
    }

    /** Rows of a matrix [n, d] as Java arrays. */
    public static double[][] rows(Tensor t) {
        requireShape("matrix", t, -1, -1);
        int n = Math.toIntExact(t.size(0));
        int d = Math.toIntExact(t.size(1));
        double[] flat = doubles(t);
        double[][] rows = new double[n][];
        for (int i = 0; i < n; i++) {
            rows[i] = Arrays.copyOfRange(flat, i * d, (i + 1) * d);
        }
        return rows;
    }

    /** The single number of a one-element tensor. */
    public static double item(Tensor t) {
        return t.item_double();
    }

    /** Rows {@code i} of the first dimension, a copy. */
    public static Tensor rows(Tensor t, int... i) {
        return t.index_select(0, ids(i));
    }

    /** Rows [from, to) of the first dimension, a view. */
    public static Tensor slice(Tensor t, long from, long to) {
        return t.slice(0, new LongOptional(from), new LongOptional(to), 1);
    }

    /** Entries [from, to) of a dimension, a view. */
    public static Tensor slice(Tensor t, long dim, long from, long to) {
        return t.slice(dim, new LongOptional(from), new LongOptional(to), 1);
    }

    /** Concatenation along a dimension. */
    public static Tensor cat(long dim, Tensor... parts) {
        return torch.cat(new TensorVector(parts), dim);
    }

    /** A copy that no graph and no other tensor shares, owned by the caller's scope. */
    public static Tensor copy(Tensor t) {
        return t.detach().clone();
    }

    /** One-hot rows [n, columns] in {@code like}'s dtype; a negative column gives a row of zeros. */
    public static Tensor oneHot(int[] column, int columns, Tensor like) {
        double[] a = new double[column.length * columns];
        for (int i = 0; i < column.length; i++) {
            if (column[i] >= columns) {
                throw new IllegalArgumentException(
                        "Row " + i + " names column " + column[i] + " but there are " + columns + ".");
            }
            if (column[i] >= 0) {
                a[i * columns + column[i]] = 1;
            }
        }
        return of(a, column.length, columns).to(like.scalar_type());
    }

    /** True if no entry is NaN or infinite. */
    public static boolean finite(Tensor t) {
        try (Scope s = Scope.open()) {
            Tensor d = t.detach();
            // a finite sum has finite terms, and takes no memory; a sum that is not may just have overflowed
            return d.numel() == 0
                    || Double.isFinite(d.sum().item_double())
                    || Double.isFinite(d.mul(scalar(0)).sum().item_double());
        }
    }

    /** Refuses NaN and infinity, naming the first bad row. */
    public static void requireFinite(String what, Tensor t) {
        if (finite(t)) {
            return;
        }
        double[] a = doubles(t);
        long width = t.dim() == 0 ? 1 : Math.max(1, t.numel() / Math.max(1, t.size(0)));
        for (int i = 0; i < a.length; i++) {
            if (!Double.isFinite(a[i])) {
                throw new IllegalArgumentException(what + " holds " + a[i] + " in row " + i / width + ", entry "
                        + i % width + "; expected finite numbers.\nMaybe the data need cleaning, or a step blew up.");
            }
        }
    }

    /** Refuses a tensor whose shape is not {@code expected}; -1 stands for any size. */
    public static void requireShape(String what, Tensor t, long... expected) {
        boolean fits = t.dim() == expected.length;
        for (int i = 0; fits && i < expected.length; i++) {
            fits = expected[i] < 0 || t.size(i) == expected[i];
        }
        if (!fits) {
            throw new IllegalArgumentException(what + " has shape " + Arrays.toString(t.shape()) + "; expected "
                    + Arrays.toString(expected).replace("-1", "any") + ".");
        }
    }

    private static void checkCount(int have, long... shape) {
        if (count(shape) != have) {
            throw new IllegalArgumentException("Shape " + Arrays.toString(shape) + " holds " + count(shape)
                    + " numbers but " + have + " were given.");
        }
    }
}
