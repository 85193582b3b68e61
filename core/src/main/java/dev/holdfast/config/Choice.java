package dev.holdfast.config;

/**
 * A configuration that is one of several kinds, told apart by name: a component whose type is an interface that extends
 * this one. Every kind is a record with a public constructor without arguments that gives its defaults, listed in {@code
 * META-INF/services} under the interface's name, so that a jar can add kinds of its own.
 *
 * <p>In JSON the name stands first: {@code {"kind": "elr", "beta": 0.7, ...}}; on the command line {@code
 * component.kind=elr} turns to that kind's defaults, and {@code component.beta=0.9} sets one of its components.
 */
@Frozen
public interface Choice {
    /** Short lower-case name. */
    String kind();
}
