package dev.holdfast.app;

import picocli.CommandLine;

/** The version as the jar's manifest says it. */
public final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"holdfast " + holdfast()};
    }

    /** The version of this build; {@code development} when run from classes. */
    public static String holdfast() {
        String v = Version.class.getPackage().getImplementationVersion();
        return v == null ? "development" : v;
    }
}
