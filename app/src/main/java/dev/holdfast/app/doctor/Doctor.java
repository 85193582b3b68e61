package dev.holdfast.app.doctor;

import dev.holdfast.data.text.SentenceFeatures;
import dev.holdfast.run.Devices;
import dev.holdfast.run.MachineFacts;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Loader;

/** Looks at everything outside Holdfast's own code that has been seen to go wrong, and says how to set it right. */
public final class Doctor {
    private static final long GIB = 1L << 30;
    /** What the extracted native libraries take, and some air. */
    private static final long CACHE_BYTES = 3 * GIB / 2;

    private Doctor() {}

    /** Everything, in the order in which one thing depends on another. */
    public static List<Check> all() {
        List<Check> checks = new ArrayList<>();
        checks.add(java(Runtime.version().feature()));
        checks.add(system(System.getProperty("os.name"), System.getProperty("os.arch"), libc()));
        checks.add(cache());
        Check natives = natives();
        checks.add(natives);
        if (natives.level() != Check.Level.WRONG) {
            checks.addAll(machine(MachineFacts.now(), System.getenv("OPENBLAS_NUM_THREADS")));
        }
        checks.add(kernels(System.getenv("OPENBLAS_CORETYPE")));
        checks.add(guarded(
                "devices",
                "processor only; libtorch sees no CUDA device",
                () -> Devices.cuda()
                        ? Check.fine("devices", "processor and CUDA; learners run on the processor")
                        : null));
        checks.add(guarded("tables", "DuckDB reads CSV, Parquet and JSON", Doctor::duckDb));
        checks.add(guarded("texts", "the sentence encoder loads", Doctor::encoder));
        checks.add(disk("working folder", Path.of(""), GIB));
        checks.add(disk("temporary folder", Path.of(System.getProperty("java.io.tmpdir")), GIB));
        checks.add(data(System.getenv("HOLDFAST_DATA")));
        return checks;
    }

    static Check java(int feature) {
        return feature >= 17
                ? Check.fine("Java", System.getProperty("java.version") + " " + System.getProperty("java.vendor"))
                : Check.wrong("Java", "version " + feature, "Install a JDK 17 or newer and set JAVA_HOME.");
    }

    /** OpenBLAS chooses its kernels by the processor, unless it is told otherwise. */
    static Check kernels(String coreType) {
        return coreType == null || coreType.isBlank()
                ? Check.fine("OPENBLAS_CORETYPE", "not set: kernels are chosen by the processor")
                : Check.note(
                        "OPENBLAS_CORETYPE",
                        coreType + ": pins matrix products to that processor's kernels, which may be slower",
                        "unset OPENBLAS_CORETYPE, unless the same bits are wanted on different processors.");
    }

    static Check system(String os, String arch, String libc) {
        String what = os + " " + arch + (libc.isEmpty() ? "" : ", " + libc);
        if (libc.toLowerCase(Locale.ROOT).contains("musl")) {
            return Check.wrong(
                    "system", what, "libtorch needs glibc: use a Debian, Ubuntu or Fedora image instead of Alpine.");
        }
        return Check.fine("system", what);
    }

    private static String libc() {
        if (!System.getProperty("os.name").startsWith("Linux")) {
            return "";
        }
        try {
            Process p = new ProcessBuilder("ldd", "--version")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            p.waitFor(5, TimeUnit.SECONDS);
            return said.lines().findFirst().orElse("");
        } catch (IOException e) {
            return "C library unknown (no ldd)";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    private static Check cache() {
        try {
            return cache(Loader.getCacheDir().toPath());
        } catch (IOException e) {
            return Check.wrong(
                    "native cache",
                    "no folder for native libraries: " + e.getMessage(),
                    "Give one: export HOLDFAST_JAVA_OPTS=-Dorg.bytedeco.javacpp.cachedir=/some/folder");
        }
    }

    static Check cache(Path folder) {
        String elsewhere = "Make it writable, or choose another: export"
                + " HOLDFAST_JAVA_OPTS=-Dorg.bytedeco.javacpp.cachedir=/some/folder";
        if (!Files.isDirectory(folder) || !Files.isWritable(folder)) {
            return Check.wrong("native cache", folder + " cannot be written", elsewhere);
        }
        long free = folder.toFile().getUsableSpace();
        boolean empty = folder.toFile().list() == null || folder.toFile().list().length == 0;
        if (empty && free < CACHE_BYTES) {
            return Check.wrong(
                    "native cache",
                    folder + " has " + size(free) + " free; the libraries take about " + size(CACHE_BYTES),
                    elsewhere.replace("Make it writable", "Free some space"));
        }
        return Check.fine("native cache", folder + ", " + size(free) + " free");
    }

    private static Check natives() {
        try (Scope s = Scope.open()) {
            double two = Tensors.item(Tensors.of(new double[] {1, 1}, 2).sum());
            return two == 2
                    ? Check.fine("libtorch", MachineFacts.now().libtorch() + " loads and adds")
                    : Check.wrong("libtorch", "1 + 1 = " + two, "Report this with the output of 'holdfast doctor'.");
        } catch (LinkageError | RuntimeException e) {
            return Check.wrong(
                    "libtorch",
                    "does not load: " + e,
                    "Take the extracted libraries away (they are extracted again): rm -r ~/.javacpp/cache. If that does"
                            + " not help, the message above names the library that is missing.");
        }
    }

    /** What the numbers of this process say. */
    static List<Check> machine(MachineFacts m, String openBlasThreads) {
        List<Check> c = new ArrayList<>();
        c.add(
                m.nativeLimitBytes() == 0
                        ? Check.fine("memory limit of JavaCPP", "off; heap at most " + size(m.heapBytes()))
                        : Check.wrong(
                                "memory limit of JavaCPP",
                                "the whole process may take " + size(m.nativeLimitBytes())
                                        + " (four times the heap), then allocations stall and fail",
                                "Start through ./holdfast, or pass -Dorg.bytedeco.javacpp.maxPhysicalBytes=0."));
        String memory = size(m.memoryBytes())
                + (m.containerBytes() > 0 ? ", the container may take " + size(m.containerBytes()) : "");
        c.add(
                m.usableBytes() < 2 * GIB
                        ? Check.note("memory", memory, "Give the container 2 GB or more, or use small data.")
                        : m.heapBytes() > m.usableBytes() * 3 / 4
                                ? Check.wrong(
                                        "memory",
                                        memory + ", but the Java heap may grow to " + size(m.heapBytes())
                                                + ", which leaves too little for tensors",
                                        "Set a smaller heap: export HOLDFAST_JAVA_OPTS=-Xmx"
                                                + Math.max(256, m.usableBytes() / 4 >> 20) + "m")
                                : Check.fine("memory", memory));
        c.add(
                m.waitsPassively()
                        ? Check.fine("OMP_WAIT_POLICY", m.waitPolicy())
                        : Check.wrong(
                                "OMP_WAIT_POLICY",
                                m.waitPolicy().isEmpty()
                                        ? "not set: idle threads spin and slow everything on a shared machine"
                                        : m.waitPolicy(),
                                "Start through ./holdfast, or export OMP_WAIT_POLICY=PASSIVE before the JVM starts."));
        c.add(
                "1".equals(openBlasThreads)
                        ? Check.fine("OPENBLAS_NUM_THREADS", "1")
                        : Check.note(
                                "OPENBLAS_NUM_THREADS",
                                openBlasThreads == null ? "not set: its idle threads spin" : openBlasThreads,
                                "Start through ./holdfast, or export OPENBLAS_NUM_THREADS=1."));
        c.add(
                m.threads() > m.processors()
                        ? Check.note(
                                "threads",
                                m.threads() + " threads on " + m.processors() + " processors",
                                "Use --threads 1 for small networks.")
                        : Check.fine(
                                "threads",
                                m.threads() + " of libtorch now, " + m.processors() + " processors, " + m.vectors()));
        return c;
    }

    private static Check guarded(String name, String fine, Supplier<Check> check) {
        try {
            Check found = check.get();
            return found == null ? Check.fine(name, fine) : found;
        } catch (LinkageError | RuntimeException e) {
            return Check.wrong(name, "does not work: " + e, "Build again: mvn clean package -DskipTests");
        }
    }

    private static Check duckDb() {
        try (Connection c = DriverManager.getConnection("jdbc:duckdb:");
                var r = c.createStatement().executeQuery("select 1 + 1")) {
            return r.next() && r.getInt(1) == 2 ? null : Check.wrong("tables", "DuckDB does not add", "");
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    private static Check encoder() {
        int dim = SentenceFeatures.get().dim();
        return Check.fine("texts", "the sentence encoder loads (" + dim + " numbers a text)");
    }

    static Check disk(String name, Path folder, long needed) {
        Path where = folder.toAbsolutePath();
        long free = where.toFile().getUsableSpace();
        if (!Files.isWritable(where)) {
            return Check.note(name, where + " cannot be written", "Say --out FOLDER where results can go.");
        }
        return free < needed
                ? Check.note(name, where + " has only " + size(free) + " free", "Free some space, or say --out FOLDER.")
                : Check.fine(name, where + ", " + size(free) + " free");
    }

    static Check data(String folder) {
        if (folder == null || folder.isBlank()) {
            return Check.fine("data", "HOLDFAST_DATA is not set: 'fashion' is the bundled sample");
        }
        return Files.isDirectory(Path.of(folder))
                ? Check.fine("data", folder)
                : Check.wrong("data", "HOLDFAST_DATA is " + folder + ", which is no folder", "Correct it or unset it.");
    }

    private static String size(long bytes) {
        return bytes >= GIB
                ? String.format(Locale.ROOT, "%.1f GB", bytes / (double) GIB)
                : String.format(Locale.ROOT, "%d MB", bytes >> 20);
    }
}
