package dev.holdfast.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class DevicesTest {
    @Test
    void theProcessorIsAlwaysThere() {
        Tensor t = Tensors.zeros(ScalarType.Float, 2).to(Devices.choose(Devices.Choice.CPU), ScalarType.Float);
        assertThat(t.is_cpu()).isTrue();
        Tensor any = Tensors.zeros(ScalarType.Float, 2).to(Devices.choose(Devices.Choice.AUTO), ScalarType.Float);
        assertThat(any.is_cpu()).isEqualTo(!Devices.cuda());
    }

    @Test
    void aMissingDeviceIsRefusedWithTheCure() {
        Assumptions.assumeFalse(Devices.cuda(), "this machine has a CUDA device");
        assertThatThrownBy(() -> Devices.choose(Devices.Choice.CUDA)).hasMessageContaining("mvn -Pgpu");
    }
}
