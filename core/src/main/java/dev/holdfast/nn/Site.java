package dev.holdfast.nn;

import java.util.Map;

/** Place of one weight; a fused qkv is one site with named row slices. */
public interface Site {
    String name();

    Geometry geometry();

    WeightSource source();

    void source(WeightSource s);

    SiteInput input();

    void input(SiteInput i);

    Map<String, long[]> slices();
}
