package dev.holdfast.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.holdfast.tensor.SafetensorsHeader.Dtype;
import dev.holdfast.tensor.SafetensorsHeader.Entry;
import dev.holdfast.tensor.SafetensorsHeader.FormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/**
 * Reads and writes {@link State}s as safetensors files: tensors by name, texts in the metadata. Files are written
 * atomically and read straight into tensor memory, after {@link SafetensorsHeader} has found nothing wrong. No code is
 * ever run from a file.
 *
 * <p>Stateless; safe from any thread. Format: 8 bytes little-endian header length, JSON header, tensor bytes.
 */
public final class Safetensors {
    private static final int CHUNK = 1 << 26;
    private static final JsonFactory JSON = new JsonFactory();

    private Safetensors() {}

    /** Writes or replaces a file; equal states give equal bytes. */
    public static void write(Path file, State state) throws IOException {
        List<Map.Entry<String, Tensor>> byWidth =
                new ArrayList<>(state.tensors().entrySet());
        // wide numbers first, so that every tensor is aligned for readers that map the file
        byWidth.sort(Comparator.comparingInt((Map.Entry<String, Tensor> e) ->
                -Dtype.of(e.getValue().scalar_type()).bytes()));
        Map<String, Long> begins = new HashMap<>();
        long at = 0;
        for (Map.Entry<String, Tensor> e : byWidth) {
            begins.put(e.getKey(), at);
            at += bytes(e.getValue());
        }
        byte[] header = header(state, begins);
        AtomicFile.write(file, out -> {
            ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
            start.putLong(header.length).put(header).flip();
            writeAll(out, start);
            for (Map.Entry<String, Tensor> e : byWidth) {
                try (Scope s = Scope.open()) {
                    Tensor t = e.getValue();
                    Tensor plain =
                            t.detach().to(new Device("cpu"), t.scalar_type()).contiguous();
                    transfer(plain, buffer -> writeAll(out, buffer));
                }
            }
        });
    }

    /** Reads a whole file; the tensors belong to the caller's scope. */
    public static State read(Path file) throws IOException {
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            SafetensorsHeader header = header(file, in);
            State state = new State();
            for (Map.Entry<String, Entry> e : header.entries().entrySet()) {
                state.put(e.getKey(), tensor(file, in, header, e.getKey()));
            }
            header.metadata().forEach(state::put);
            return state;
        }
    }

    /** Reads one tensor; a name that is not there is an error that lists what is. */
    public static Tensor read(Path file, String name) throws IOException {
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            SafetensorsHeader header = header(file, in);
            if (!header.entries().containsKey(name)) {
                throw new IllegalArgumentException("There is no tensor '" + name + "' in " + file + "; there are "
                        + header.entries().keySet() + ".");
            }
            return tensor(file, in, header, name);
        }
    }

    /** Reads and checks what a file says it holds, and no tensor. */
    public static SafetensorsHeader header(Path file) throws IOException {
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            return header(file, in);
        }
    }

    private static SafetensorsHeader header(Path file, FileChannel in) throws IOException {
        long size = in.size();
        if (size < 8) {
            throw new FormatException(file.toString(), "the file has " + size + " bytes; expected at least 8.");
        }
        ByteBuffer first = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readAll(file, in, first, 0);
        long length = first.flip().getLong();
        if (length < 0 || length > SafetensorsHeader.LARGEST || length > size - 8) {
            throw new FormatException(
                    file.toString(),
                    "the header claims " + Long.toUnsignedString(length) + " bytes; expected at most "
                            + Math.min(SafetensorsHeader.LARGEST, size - 8) + ".");
        }
        ByteBuffer header = ByteBuffer.allocate((int) length);
        readAll(file, in, header, 8);
        return SafetensorsHeader.parse(file.toString(), header.array(), size - 8 - length);
    }

    private static Tensor tensor(Path file, FileChannel in, SafetensorsHeader header, String name) throws IOException {
        Entry entry = header.entries().get(name);
        Dtype dtype = entry.dtype();
        Tensor t = Tensors.empty(dtype == Dtype.BOOL ? Dtype.U8.type() : dtype.type(), entry.shape());
        long[] at = {header.dataStart() + entry.begin()};
        transfer(t, buffer -> {
            int n = buffer.remaining();
            readAll(file, in, buffer, at[0]);
            at[0] += n;
        });
        if (dtype != Dtype.BOOL) {
            return t;
        }
        if (t.numel() > 0 && t.max().item_int() > 1) {
            throw new FormatException(
                    file.toString(), "tensor '" + name + "' of dtype BOOL holds other bytes than 0 and 1.");
        }
        return t.to(dtype.type());
    }

    private interface Chunk {
        void use(ByteBuffer piece) throws IOException;
    }

    /** Shows the tensor's own memory piece by piece; nothing is copied to the Java heap. */
    private static void transfer(Tensor t, Chunk chunk) throws IOException {
        long n = t.nbytes();
        try (Scope s = Scope.open()) {
            BytePointer p = new BytePointer(t.data_ptr());
            for (long at = 0; at < n; at += CHUNK) {
                long end = Math.min(n, at + CHUNK);
                chunk.use(p.position(at).limit(end).asByteBuffer());
            }
        }
    }

    private static byte[] header(State state, Map<String, Long> begins) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator out = JSON.createGenerator(bytes)) {
            out.writeStartObject();
            if (!state.values().isEmpty()) {
                out.writeObjectFieldStart("__metadata__");
                for (Map.Entry<String, String> e : state.values().entrySet()) {
                    out.writeStringField(e.getKey(), e.getValue());
                }
                out.writeEndObject();
            }
            for (Map.Entry<String, Tensor> e : state.tensors().entrySet()) {
                if (e.getKey().equals("__metadata__")) {
                    throw new IllegalArgumentException("A tensor cannot be named '__metadata__'.");
                }
                Tensor t = e.getValue();
                out.writeObjectFieldStart(e.getKey());
                out.writeStringField("dtype", Dtype.of(t.scalar_type()).name());
                out.writeFieldName("shape");
                long[] shape = t.shape();
                out.writeArray(shape, 0, shape.length);
                long begin = begins.get(e.getKey());
                out.writeFieldName("data_offsets");
                out.writeArray(new long[] {begin, begin + bytes(t)}, 0, 2);
                out.writeEndObject();
            }
            out.writeEndObject();
        }
        int padded = (bytes.size() + 7) / 8 * 8;
        if (padded > SafetensorsHeader.LARGEST) {
            throw new IllegalArgumentException("The names and texts of this state take " + padded
                    + " bytes; a file holds at most " + SafetensorsHeader.LARGEST + ".");
        }
        byte[] header = Arrays.copyOf(bytes.toByteArray(), padded);
        Arrays.fill(header, bytes.size(), padded, (byte) ' ');
        return header;
    }

    private static long bytes(Tensor t) {
        return t.numel() * Dtype.of(t.scalar_type()).bytes();
    }

    private static void writeAll(FileChannel out, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            out.write(buffer);
        }
    }

    private static void readAll(Path file, FileChannel in, ByteBuffer into, long from) throws IOException {
        long at = from;
        while (into.hasRemaining()) {
            int n = in.read(into, at);
            if (n < 0) {
                throw new FormatException(file.toString(), "the file ended at byte " + at + ".");
            }
            at += n;
        }
    }
}
