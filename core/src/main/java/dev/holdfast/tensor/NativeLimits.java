package dev.holdfast.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.Pointer;

/** How much native memory this process may still take. Safe from any thread. */
public final class NativeLimits {
    private static final Path LIMIT = Path.of("/sys/fs/cgroup/memory.max");
    private static final Path USED = Path.of("/sys/fs/cgroup/memory.current");

    private NativeLimits() {}

    /** Bytes that are free: the machine's or, if smaller, what the container's limit leaves. */
    public static long availableBytes() {
        long free = Pointer.availablePhysicalBytes();
        long limit = containerBytes();
        if (limit > 0) {
            free = Math.min(free, Math.max(0, limit - read(USED)));
        }
        return free;
    }

    /** The container's memory limit in bytes, or -1 without one. */
    public static long containerBytes() {
        return read(LIMIT);
    }

    /** Refuses an allocation that cannot fit, before anything is allocated. */
    public static void requireRoom(String what, long bytes) {
        long free = availableBytes();
        if (bytes > free) {
            throw new IllegalArgumentException(what + " needs " + bytes + " bytes of memory but " + free
                    + " are free.\nMaybe a smaller size does as well.");
        }
    }

    private static long read(Path file) {
        try {
            String text = Files.readString(file).trim();
            return text.equals("max") ? -1 : Long.parseLong(text);
        } catch (IOException | NumberFormatException e) {
            // no control groups here: the machine's own numbers stand
            return -1;
        }
    }
}
