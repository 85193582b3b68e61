package dev.holdfast.run;

import dev.holdfast.tensor.NativeLimits;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.global.torch;

/**
 * What a result depends on beside data, configuration and seed; written into every report.
 *
 * @param os name, version and architecture
 * @param processors processors this process may use
 * @param memoryBytes memory of the machine
 * @param containerBytes memory limit of the container, -1 without one
 * @param heapBytes largest Java heap
 * @param nativeLimitBytes JavaCPP's limit on the resident memory of the process, 0 = none
 * @param java version and vendor
 * @param libtorch version of the tensor library
 * @param vectors instructions that the tensor library uses here
 * @param threads threads of one tensor operation
 * @param waitPolicy {@code OMP_WAIT_POLICY}, or "" when it is not set
 */
public record MachineFacts(
        String os,
        int processors,
        long memoryBytes,
        long containerBytes,
        long heapBytes,
        long nativeLimitBytes,
        String java,
        String libtorch,
        String vectors,
        int threads,
        String waitPolicy) {

    /** The facts of this process now. */
    public static MachineFacts now() {
        return new MachineFacts(
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors(),
                Pointer.totalPhysicalBytes(),
                NativeLimits.containerBytes(),
                Runtime.getRuntime().maxMemory(),
                Pointer.maxPhysicalBytes(),
                System.getProperty("java.version") + " " + System.getProperty("java.vendor"),
                libtorchVersion(),
                torch.get_cpu_capability().getString(),
                Threads.get(),
                waitPolicyOf(System.getenv()));
    }

    /** The smaller of the machine's memory and the container's limit. */
    public long usableBytes() {
        return containerBytes > 0 ? Math.min(memoryBytes, containerBytes) : memoryBytes;
    }

    /** True if idle threads of the tensor library sleep instead of spinning. */
    public boolean waitsPassively() {
        return waitPolicy.equalsIgnoreCase("PASSIVE");
    }

    /** Every fact by name, in order, as text. */
    public Map<String, String> asMap() {
        Map<String, String> m = new LinkedHashMap<>();
        m.put("os", os);
        m.put("processors", Integer.toString(processors));
        m.put("memoryBytes", Long.toString(memoryBytes));
        m.put("containerBytes", Long.toString(containerBytes));
        m.put("heapBytes", Long.toString(heapBytes));
        m.put("nativeLimitBytes", Long.toString(nativeLimitBytes));
        m.put("java", java);
        m.put("libtorch", libtorch);
        m.put("vectors", vectors);
        m.put("threads", Integer.toString(threads));
        m.put("waitPolicy", waitPolicy);
        return m;
    }

    private static String libtorchVersion() {
        try {
            String version = Loader.getVersion("org.bytedeco", "pytorch");
            return version == null ? "unknown" : version;
        } catch (java.io.IOException e) {
            // the class path was repackaged without Maven's properties
            return "unknown";
        }
    }

    private static String waitPolicyOf(Map<String, String> environment) {
        return environment.getOrDefault("OMP_WAIT_POLICY", "");
    }
}
