package dev.holdfast.tensor;

/** For parts of a whole that save as nothing, because nothing in them moves. */
public interface Stateless extends Stateful {
    @Override
    default State state() {
        return new State();
    }

    @Override
    default void load(State saved) {}
}
