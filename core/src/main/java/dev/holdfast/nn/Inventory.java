package dev.holdfast.nn;

import dev.holdfast.tensor.Parameters;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Parameters = distinct leaves of all sites, by identity. */
public interface Inventory {
    void add(Site s);

    void add(Span s);

    void buffer(String name, Tensor t);

    List<Site> sites();

    List<Span> spans();

    Parameters parameters();
}
