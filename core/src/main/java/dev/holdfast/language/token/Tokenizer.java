package dev.holdfast.language.token;

/** Text to token ids and back. Implementations are immutable and safe from any thread. */
public interface Tokenizer {
    /**
     * The ids of a text.
     *
     * @param parseSpecial true reads the names of special tokens (an end token, say) as these tokens; false reads them as
     *     the characters that they are written with, so that text from outside cannot speak for the program
     */
    int[] encode(String text, boolean parseSpecial);

    /** The text of ids; special tokens show their names, bytes that are no UTF-8 show U+FFFD. */
    String decode(int... ids);

    /** Number of ids. */
    int size();

    /** How a token is written. */
    String token(int id);

    /** Refuses a model whose embedding has fewer rows than there are ids. */
    default void requireFits(int rows) {
        if (size() > rows) {
            throw new IllegalArgumentException("The tokenizer has " + size() + " ids but the model's embedding only "
                    + rows + " rows.\nMaybe the tokenizer belongs to another model.");
        }
    }
}
