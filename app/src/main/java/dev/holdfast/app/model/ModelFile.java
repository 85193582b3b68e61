package dev.holdfast.app.model;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.tensor.AtomicFile;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.SafetensorsHeader;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Stream;

/**
 * A model on disk: a folder with {@code model.json} and the state it names, a safetensors file named by its content.
 *
 * <p>The rename of {@code model.json} is the commit: whatever happens while a model is written, the folder holds the old
 * one or the new one, whole. Equal models are equal files.
 */
public final class ModelFile {
    static final String CARD = "model.json";

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    private ModelFile() {}

    static ObjectMapper json() {
        return JSON;
    }

    /** Whether there is a model. */
    public static boolean exists(Path folder) {
        return Files.exists(folder.resolve(CARD));
    }

    /** Refuses a place where something else lies. */
    static void requireFree(Path folder) {
        if (Files.isRegularFile(folder)) {
            throw new IllegalArgumentException(
                    folder + " is a file; a model is a folder.\nMaybe choose another --out.");
        }
        if (Files.isDirectory(folder) && !exists(folder)) {
            try (Stream<Path> inside = Files.list(folder)) {
                // what a writer left that was killed before its first commit may be replaced
                if (inside.anyMatch(p -> !isPart(p))) {
                    throw new IllegalArgumentException(
                            folder
                                    + " is a folder with other things in it, so no model is written there.\nMaybe choose another --out.");
                }
            } catch (IOException e) {
                throw new UncheckedIOException("Cannot look into " + folder, e);
            }
        }
    }

    private static boolean isPart(Path p) {
        String n = p.getFileName().toString();
        return n.startsWith("state-") && n.endsWith(".safetensors") || n.startsWith(".") && n.endsWith(".tmp");
    }

    /** Writes or replaces a model. */
    static void write(Path folder, ModelCard card, State state) {
        try {
            Files.createDirectories(folder);
            Path fresh = folder.resolve("state-new.safetensors");
            Safetensors.write(fresh, state);
            String hash = sha256(fresh);
            Path named = folder.resolve("state-" + hash.substring(0, 16) + ".safetensors");
            ModelCard.StateFile file =
                    new ModelCard.StateFile(named.getFileName().toString(), Files.size(fresh), hash);
            Files.move(fresh, named, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            byte[] text = (JSON.writeValueAsString(card.withState(file)) + "\n").getBytes(StandardCharsets.UTF_8);
            AtomicFile.write(folder.resolve(CARD), out -> {
                ByteBuffer b = ByteBuffer.wrap(text);
                while (b.hasRemaining()) {
                    out.write(b);
                }
            });
            sweep(folder, named);
        } catch (IOException e) {
            throw new UncheckedIOException("The model cannot be written to " + folder + ": " + e.getMessage(), e);
        }
    }

    /** Takes away states that no card names any more. */
    private static void sweep(Path folder, Path keep) throws IOException {
        try (Stream<Path> inside = Files.list(folder)) {
            for (Path p : inside.toList()) {
                if (isPart(p) && !p.equals(keep)) {
                    Files.deleteIfExists(p);
                }
            }
        }
    }

    /** Reads what a model says of itself; a damaged or newer one is refused. */
    public static ModelCard card(Path folder) {
        Path file = folder.resolve(CARD);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("There is no model in " + folder + " (no " + CARD + ")."
                    + "\nMaybe the path is misspelt; 'holdfast learn DATA --learner X --out MODEL' makes one.");
        }
        try {
            JsonNode tree = JSON.readTree(file.toFile());
            int format = tree.path("format").asInt(-1);
            if (format > ModelCard.FORMAT) {
                throw new IllegalArgumentException("The model " + folder + " has format " + format
                        + "; this program reads up to " + ModelCard.FORMAT
                        + ".\nMaybe a newer release wrote it: holdfast "
                        + tree.path("holdfast").asText() + ".");
            }
            if (format == 1 && tree instanceof ObjectNode old) {
                old.putNull("calibration");
            }
            return JSON.treeToValue(tree, ModelCard.class);
        } catch (IOException e) {
            throw damaged(
                    folder,
                    CARD + " cannot be read ("
                            + e.getMessage().lines().findFirst().orElse("") + ")",
                    e);
        }
    }

    /** Reads the tensors, after the content was found to be what the card says; they belong to the caller's scope. */
    static State state(Path folder, ModelCard card) {
        try {
            return Safetensors.read(checked(folder, card));
        } catch (IOException e) {
            throw damaged(folder, e.getMessage(), e);
        }
    }

    /** What the state holds, without reading it. */
    public static SafetensorsHeader header(Path folder, ModelCard card) {
        try {
            return Safetensors.header(checked(folder, card));
        } catch (IOException e) {
            throw damaged(folder, e.getMessage(), e);
        }
    }

    private static Path checked(Path folder, ModelCard card) throws IOException {
        String name = card.state() == null ? "" : card.state().file();
        Path file = folder.resolve(name);
        // a card from elsewhere must not make us read other files
        if (!name.matches("state-[0-9a-f]{16}\\.safetensors") || !Files.isRegularFile(file)) {
            throw damaged(folder, "the state '" + name + "' that " + CARD + " names is not there", null);
        }
        if (Files.size(file) != card.state().bytes()) {
            throw damaged(
                    folder,
                    name + " has " + Files.size(file) + " bytes instead of "
                            + card.state().bytes(),
                    null);
        }
        if (!sha256(file).equals(card.state().sha256())) {
            throw damaged(folder, "the content of " + name + " is not what was written", null);
        }
        return file;
    }

    static IllegalArgumentException damaged(Path folder, String what, Exception cause) {
        return new IllegalArgumentException(
                "The model " + folder + " is damaged: " + what + ".\nMaybe a copy of it was cut short; take it again.",
                cause);
    }

    private static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (DigestInputStream all = new DigestInputStream(in, digest)) {
                byte[] buffer = new byte[1 << 16];
                while (all.read(buffer) >= 0) {
                    // the digest sees what passes
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }
}
