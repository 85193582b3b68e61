package dev.holdfast.nn.model;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.nn.Blueprint;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.head.HeadSpec;
import java.util.List;

/** A configuration record that makes a body: rows of one shape in, features [n,D] out. */
public interface Backbone extends Blueprint<Layer> {
    /** Shape of one row, without the number of rows. */
    List<Long> input();

    /** D, the width of the features. */
    long features();

    /** This body under a head that starts without columns. */
    default ClassifierSpec with(HeadSpec head) {
        return with(head, ClassIndex.EMPTY);
    }

    /** This body under a head that starts with these columns. */
    default ClassifierSpec with(HeadSpec head, ClassIndex columns) {
        return new ClassifierSpec(this, head, columns);
    }
}
