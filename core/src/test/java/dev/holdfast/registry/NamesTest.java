package dev.holdfast.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NamesTest {
    @Test
    void theNearestNameIsWithinAThirdOfItsLength() {
        List<String> known = List.of("er", "ewc", "derpp", "finetune", "gacil");
        assertThat(Names.nearest("fintune", known)).contains("finetune");
        assertThat(Names.nearest("gacli", known)).contains("gacil");
        assertThat(Names.nearest("re", known)).contains("er");
        assertThat(Names.nearest("gacl", known)).contains("gacil");
        assertThat(Names.nearest("ewx", known)).contains("ewc");
        assertThat(Names.nearest("completely different", known)).isEmpty();
        assertThat(Names.nearest("ex", List.of("er", "em"))).contains("em");
        assertThat(Names.nearest("x", List.of())).isEmpty();
    }
}
