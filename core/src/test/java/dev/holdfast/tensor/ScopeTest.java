package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class ScopeTest {
    @Test
    void freesWhatWasMadeInsideAndKeepsWhatIsKept() {
        Tensor kept;
        Tensor lost;
        try (Scope s = Scope.open()) {
            lost = torch.ones(2);
            kept = s.keep(torch.ones(3));
        }
        assertThat(lost.isNull()).isTrue();
        assertThat(Tensors.doubles(kept)).containsExactly(1, 1, 1);
    }

    @Test
    void keepClimbsExactlyOneScope() {
        Tensor t;
        try (Scope outer = Scope.open()) {
            try (Scope inner = Scope.open()) {
                t = inner.keep(torch.ones(1));
            }
            assertThat(t.isNull()).isFalse();
        }
        assertThat(t.isNull()).isTrue();
    }

    @Test
    void keepingAnArgumentLeavesItWhereItWas() {
        Tensor argument = torch.ones(2);
        try (Scope outer = Scope.open()) {
            try (Scope inner = Scope.open()) {
                inner.keep(argument);
            }
        }
        assertThat(Tensors.doubles(argument)).containsExactly(1, 1);
    }

    @Test
    void ownedTensorsOutliveEveryScope() {
        Tensor fromOuter;
        Tensor fromInner;
        try (Scope outer = Scope.open()) {
            fromOuter = torch.ones(1);
            try (Scope inner = Scope.open()) {
                fromInner = Scope.own(torch.ones(2));
                Scope.own(fromOuter);
                Scope.own(fromOuter);
            }
        }
        assertThat(Tensors.doubles(fromOuter)).containsExactly(1);
        assertThat(Tensors.doubles(fromInner)).containsExactly(1, 1);
        fromOuter.close();
        fromInner.close();
        assertThat(fromOuter.isNull()).isTrue();
        assertThat(fromInner.isNull()).isTrue();
    }

    @Test
    void borrowedHandlesAreRefused() {
        Tensor borrowed = new TensorVector(torch.ones(1)).get(0);
        assertThatThrownBy(() -> Scope.own(borrowed))
                .hasMessageContaining("borrowed")
                .hasMessageContaining("new Tensor");
        assertThatThrownBy(() -> {
                    try (Scope s = Scope.open()) {
                        s.keep(borrowed);
                    }
                })
                .hasMessageContaining("borrowed");
    }

    @Test
    void aCappedScopeSaysWhereTooMuchWasMade() {
        assertThatThrownBy(() -> {
                    try (Scope s = Scope.capped(1)) {
                        torch.ones(1);
                        torch.ones(1);
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("2 native objects")
                .satisfies(e -> assertThat(e.getSuppressed()[0].getStackTrace())
                        .anyMatch(f -> f.getMethodName().contains("aCappedScopeSaysWhereTooMuchWasMade")));
        try (Scope s = Scope.capped(1)) {
            Scope.own(torch.ones(1)).close();
            torch.ones(1);
        }
    }

    @Test
    @NativeMemory.Capped(1)
    void theCappedTestScopeCountsWhatIsLeftToIt() {
        try (Scope s = Scope.open()) {
            torch.ones(1).add(torch.ones(1));
        }
        torch.ones(1);
    }

    @Test
    void gradientsOutliveTheVectorThatBroughtThem() {
        Tensor leaf = torch.ones(2).set_requires_grad(true);
        Parameters p = new Parameters(
                java.util.List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 2, 1, true, 0)), java.util.List.of(leaf));
        Tensor g;
        try (Scope s = Scope.open()) {
            g = s.keep(Autograd.grad(leaf.mul(leaf).sum(), p, false).get(0));
        }
        assertThat(Tensors.doubles(g)).containsExactly(2, 2);
    }
}
