package dev.holdfast.run;

import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.global.torch;

/** Where tensors live. Stateless; safe from any thread. */
public final class Devices {
    /** What can be asked for. */
    public enum Choice {
        /** The first CUDA device if there is one, else the processor. */
        AUTO,
        CPU,
        CUDA
    }

    private Devices() {}

    /** True if libtorch was built for CUDA and sees a device. */
    public static boolean cuda() {
        return torch.cuda_is_available();
    }

    /**
     * The device for a choice, in the caller's scope; to be given to {@code Tensor.to}.
     *
     * @throws IllegalArgumentException if CUDA is asked for and there is none
     */
    public static Device choose(Choice choice) {
        boolean cuda = cuda();
        if (choice == Choice.CUDA && !cuda) {
            throw new IllegalArgumentException("A CUDA device was asked for but libtorch sees none."
                    + "\nMaybe the natives for CUDA are missing (mvn -Pgpu), or the driver.");
        }
        return new Device(choice != Choice.CPU && cuda ? "cuda" : "cpu");
    }
}
