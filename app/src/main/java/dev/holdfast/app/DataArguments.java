package dev.holdfast.app;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which data a command reads. */
final class DataArguments {
    @Parameters(
            index = "0",
            paramLabel = "DATA",
            description = "a data set by id (see 'holdfast data'), a file (CSV, Parquet, JSON lines, ARFF), or a folder"
                    + " of images class/name.png")
    String spec;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(names = "--label", paramLabel = "COLUMN", description = "column of a table that holds the class")
    String label;

    @Option(
            names = "--text",
            paramLabel = "COLUMN",
            split = ",",
            description = "columns that a sentence encoder turns into numbers")
    List<String> text = List.of();

    @Option(names = "--ignore", paramLabel = "COLUMN", split = ",", description = "columns that are left out")
    List<String> ignore = List.of();

    @Option(names = "--rows", paramLabel = "N", description = "take about N rows, classes in their shares; 0 = all")
    long rows;

    @Option(names = "--data-seed", paramLabel = "N", description = "seed of splitting and sampling rows")
    long seed = 1;

    DataOptions options() {
        return DataOptions.defaults()
                .withDataDir(dataDir)
                .withLabel(label)
                .withText(text.toArray(new String[0]))
                .withIgnore(ignore.toArray(new String[0]))
                .withRows(rows)
                .withSeed(seed);
    }

    DataPair open() {
        return DataCatalog.open(spec, options());
    }
}
