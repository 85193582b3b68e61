package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** Opens data by id, path or URI-like spec. */
public final class DataCatalog {
    private DataCatalog() {}

    /** Data sets that can be named by id, with a line about each, ids ascending. */
    public static Map<String, String> ids() {
        Map<String, String> m = new TreeMap<>();
        plugins().forEach((id, p) -> m.put(id, p.summary()));
        return m;
    }

    /** Opens {@code spec} without telling anybody how far it is. */
    public static DataPair open(String spec, DataOptions options) {
        return open(spec, options, Progress.NONE);
    }

    /** Opens {@code spec}. */
    public static DataPair open(String spec, DataOptions options, Progress progress) {
        DataSourcePlugin p = plugins().get(spec);
        if (p == null) {
            throw DataException.at(spec, "There is no such data set.", "one of " + List.copyOf(ids().keySet()), null);
        }
        return p.open(options, progress);
    }

    private static Map<String, DataSourcePlugin> plugins() {
        Map<String, DataSourcePlugin> m = new TreeMap<>();
        for (DataSourcePlugin p : ServiceLoader.load(DataSourcePlugin.class)) {
            DataSourcePlugin twin = m.put(p.id(), p);
            if (twin != null) {
                throw new IllegalStateException("Two data sets are named '" + p.id() + "': "
                        + twin.getClass().getName() + " and " + p.getClass().getName()
                        + ".\nMaybe a jar is on the class path twice; or rename yours.");
            }
        }
        return m;
    }
}
