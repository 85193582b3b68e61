package dev.holdfast.app.terminal;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which data a command reads. */
public final class DataArguments {
    @Parameters(
            index = "0",
            paramLabel = "DATA",
            description = "a data set by id (see 'holdfast data'), a file (CSV, Parquet, JSON lines, ARFF), a folder"
                    + " of images class/name.png, or '-' for rows from standard input")
    public String spec;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    public Path dataDir;

    @Option(
            names = "--label",
            paramLabel = "COLUMN",
            split = ",",
            description = "column of a table that holds the class; several columns of 0 and 1 (or a name with *) hold"
                    + " label sets")
    public List<String> label = List.of();

    @Option(
            names = "--text",
            paramLabel = "COLUMN",
            split = ",",
            description = "columns that a sentence encoder turns into numbers")
    public List<String> text = List.of();

    @Option(names = "--ignore", paramLabel = "COLUMN", split = ",", description = "columns that are left out")
    public List<String> ignore = List.of();

    @Option(names = "--rows", paramLabel = "N", description = "take about N rows, classes in their shares; 0 = all")
    public long rows;

    @Option(names = "--data-seed", paramLabel = "N", description = "seed of splitting and sampling rows")
    public long seed = 1;

    /** Rows to take of texts, whose encoding takes milliseconds each, where --rows does not say; 0 = all. */
    private long textRows;

    public void limitTexts(long rowsToRead) {
        textRows = rowsToRead;
    }

    public DataOptions options() {
        return DataOptions.defaults()
                .withDataDir(dataDir)
                .withLabels(label.toArray(new String[0]))
                .withText(text.toArray(new String[0]))
                .withIgnore(ignore.toArray(new String[0]))
                .withRows(rows == 0 && !text.isEmpty() ? textRows : rows)
                .withSeed(seed);
    }

    /** What was said beyond the spec, for the record of a run. */
    public List<String> describe() {
        List<String> said = new ArrayList<>();
        if (!label.isEmpty()) {
            said.add("label=" + String.join(",", label));
        }
        if (!text.isEmpty()) {
            said.add("text=" + String.join(",", text));
        }
        if (!ignore.isEmpty()) {
            said.add("ignore=" + String.join(",", ignore));
        }
        if (rows > 0) {
            said.add("rows=" + rows);
        }
        said.add("seed=" + seed);
        return said;
    }

    /** Opens data into memory, split for training and testing, or all rows in their order and none for testing. */
    public DataPair open(String which, boolean inOrder, Console console) {
        try (Console.Reading reading = console.reading()) {
            return inOrder
                    ? DataCatalog.inOrder(which, options(), reading)
                    : DataCatalog.open(which, options(), reading);
        }
    }
}
