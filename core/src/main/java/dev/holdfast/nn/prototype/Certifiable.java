package dev.holdfast.nn.prototype;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Model;

/** A model that proves how far a row may move before its prediction can change. */
public interface Certifiable extends Model {
    /**
     * Predictions with certified Euclidean radii, in evaluation mode and without a graph.
     *
     * @throws IllegalStateException before there is a class, and where the network gives no radius for its inputs
     */
    Certificate certify(Inputs in);
}
