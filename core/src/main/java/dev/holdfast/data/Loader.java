package dev.holdfast.data;

import dev.holdfast.tensor.Stateful;
import java.util.Iterator;

/** Position is state: a resumed loader continues with the same rows (16). */
public interface Loader extends Iterator<Batch>, Stateful {}
