package dev.holdfast.language;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Families of small problems with exact answers, made without end from a stream: every prompt is ASCII, ends in "=" and
 * determines answer and chain of thought. The level is the number of letters, digits or operations.
 */
public enum TaskFamily {
    /** {@code copy:dbca=} to {@code dbca}. */
    COPY("copy:([a-z]+)"),
    /** {@code rev:dbca=} to {@code acbd}. */
    REV("rev:([a-z]+)"),
    /** {@code sort:dbca=} to {@code abcd}. */
    SORT("sort:([a-z]+)"),
    /** {@code add:37+485=} to {@code 522}; thought: columns from the right with carries. */
    ADD("add:([0-9]+)\\+([0-9]+)"),
    /** {@code sum10:4829=} to {@code 3}, the digit sum modulo 10; thought: running totals. */
    SUM("sum([0-9]+):([0-9]+)"),
    /** {@code par:01101=} to {@code 1}; thought: running parity. */
    PARITY("par:([01]+)"),
    /** {@code mod:37*58%97=} to {@code 12}. */
    MODMUL("mod:([0-9]+)\\*([0-9]+)%([0-9]+)"),
    /** {@code chn:3+4*2-5=} to {@code 9}: left to right, modulo 100 after every operation. */
    CHAIN("chn:([0-9]+(?:[-+*][0-9]+)*)"),
    /** {@code kv:a3b7c1?b=} to {@code 7}. */
    RECALL("kv:((?:[a-z][0-9])+)\\?([a-z])");

    /** Up to this level a problem is easy: it needs no chain of thought. */
    public static final int EASY = 2;

    private final Pattern pattern;

    TaskFamily(String pattern) {
        this.pattern = Pattern.compile(pattern + "=");
    }

    /** A problem drawn from {@code rng} at its position; RECALL knows at most 26 keys, MODMUL at most 9 digits. */
    public Problem draw(int level, Rng rng) {
        int most = this == RECALL ? 26 : this == MODMUL ? 9 : Integer.MAX_VALUE;
        if (level < 1 || level > most) {
            throw new IllegalArgumentException(
                    "There is no problem " + name() + " of level " + level + "; expected 1 to " + most + ".");
        }
        String prompt =
                switch (this) {
                    case COPY -> "copy:" + letters(level, rng) + "=";
                    case REV -> "rev:" + letters(level, rng) + "=";
                    case SORT -> "sort:" + letters(level, rng) + "=";
                    case ADD -> "add:" + number(level, rng) + "+" + number(level, rng) + "=";
                    case SUM -> "sum10:" + digits(level, 10, rng) + "=";
                    case PARITY -> "par:" + digits(level, 2, rng) + "=";
                    case MODMUL -> {
                        String a = number(level, rng);
                        yield "mod:" + a + "*" + number(level, rng) + "%" + (2 + rng.below(98)) + "=";
                    }
                    case CHAIN -> {
                        StringBuilder s = new StringBuilder("chn:").append(rng.below(10));
                        for (int i = 0; i < level; i++) {
                            s.append("+-*".charAt(rng.below(3))).append(rng.below(10));
                        }
                        yield s.append('=').toString();
                    }
                    case RECALL -> {
                        int[] keys = Arrays.copyOf(rng.permutation(26), level);
                        StringBuilder s = new StringBuilder("kv:");
                        for (int k : keys) {
                            s.append((char) ('a' + k)).append(rng.below(10));
                        }
                        yield s.append('?')
                                .append((char) ('a' + keys[rng.below(level)]))
                                .append('=')
                                .toString();
                    }
                };
        return solve(prompt);
    }

    /** Whose prompt this is, solved; a prompt of no family is refused. */
    public static Problem solveAny(String prompt) {
        return Arrays.stream(values())
                .filter(f -> f.pattern.matcher(prompt).matches())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("No family has the prompt '" + prompt + "'."))
                .solve(prompt);
    }

    /** Answer and chain of thought of a prompt of this family. */
    public Problem solve(String prompt) {
        Matcher m = pattern.matcher(prompt);
        if (!m.matches()) {
            throw new IllegalArgumentException(
                    "'" + prompt + "' is no prompt of " + name() + "; expected the form " + pattern + ".");
        }
        return switch (this) {
            case COPY -> copy(prompt, m.group(1));
            case REV -> {
                String r = new StringBuilder(m.group(1)).reverse().toString();
                yield problem(prompt, r.length(), prefixes(r), r);
            }
            case SORT -> sort(prompt, m.group(1));
            case ADD -> add(prompt, m.group(1), m.group(2));
            case SUM -> running(prompt, m.group(2), number(prompt, m.group(1)));
            case PARITY -> running(prompt, m.group(1), 2);
            case MODMUL -> modmul(prompt, m);
            case CHAIN -> chain(prompt, m.group(1));
            case RECALL -> recall(prompt, m.group(1), m.group(2));
        };
    }

    private Problem copy(String prompt, String s) {
        return problem(prompt, s.length(), prefixes(s), s);
    }

    private static String prefixes(String s) {
        StringJoiner j = new StringJoiner(",");
        for (int i = 1; i <= s.length(); i++) {
            j.add(s.substring(0, i));
        }
        return j.toString();
    }

    private Problem sort(String prompt, String s) {
        StringJoiner j = new StringJoiner(",");
        String sorted = "";
        for (int i = 1; i <= s.length(); i++) {
            char[] c = s.substring(0, i).toCharArray();
            Arrays.sort(c);
            sorted = new String(c);
            j.add(sorted);
        }
        return problem(prompt, s.length(), j.toString(), sorted);
    }

    private Problem add(String prompt, String a, String b) {
        int columns = Math.max(a.length(), b.length());
        StringJoiner j = new StringJoiner(",");
        StringBuilder answer = new StringBuilder();
        int carry = 0;
        for (int i = 0; i < columns || carry > 0; i++) {
            int x = digit(a, i);
            int y = digit(b, i);
            int sum = x + y + carry;
            j.add(x + "+" + y + "+" + carry + "=" + sum / 10 + sum % 10);
            answer.insert(0, sum % 10);
            carry = sum / 10;
        }
        String plain = answer.toString().replaceFirst("^0+(?=[0-9])", "");
        return problem(prompt, columns, j.toString(), plain);
    }

    private static int digit(String s, int fromRight) {
        return fromRight < s.length() ? s.charAt(s.length() - 1 - fromRight) - '0' : 0;
    }

    private Problem running(String prompt, String digits, int modulus) {
        if (modulus < 1) {
            throw new IllegalArgumentException("'" + prompt + "' counts modulo " + modulus + "; expected at least 1.");
        }
        StringJoiner j = new StringJoiner(",");
        int total = 0;
        for (char c : digits.toCharArray()) {
            total = (total + c - '0') % modulus;
            j.add(Integer.toString(total));
        }
        return problem(prompt, digits.length(), j.toString(), Integer.toString(total));
    }

    private Problem modmul(String prompt, Matcher m) {
        long a = number(prompt, m.group(1));
        long b = number(prompt, m.group(2));
        long n = number(prompt, m.group(3));
        if (n < 1) {
            throw new IllegalArgumentException("'" + prompt + "' counts modulo 0; expected at least 1.");
        }
        long product = a * b;
        String thought = a + "*" + b + "=" + product + "," + product + "-" + product / n + "*" + n + "=" + product % n;
        return problem(prompt, Math.max(m.group(1).length(), m.group(2).length()), thought, Long.toString(product % n));
    }

    private Problem chain(String prompt, String terms) {
        StringJoiner j = new StringJoiner(",");
        int value = 0;
        int operations = -1;
        Matcher m = Pattern.compile("([-+*]?)([0-9]+)").matcher(terms);
        while (m.find()) {
            int x = number(prompt, m.group(2)) % 100;
            value = switch (m.group(1)) {
                case "-" -> value - x;
                case "*" -> value * x;
                default -> value + x;
            };
            value = Math.floorMod(value, 100);
            if (++operations > 0) {
                j.add(Integer.toString(value));
            }
        }
        return problem(prompt, operations, j.toString(), Integer.toString(value));
    }

    private Problem recall(String prompt, String pairs, String key) {
        for (int i = 0; i < pairs.length(); i += 2) {
            if (pairs.charAt(i) == key.charAt(0)) {
                String value = pairs.substring(i + 1, i + 2);
                return problem(prompt, pairs.length() / 2, key + value, value);
            }
        }
        throw new IllegalArgumentException("'" + prompt + "' asks for '" + key + "', which it does not give.");
    }

    private Problem problem(String prompt, int level, String thought, String answer) {
        return new Problem(this, level, prompt, thought, answer);
    }

    private static int number(String prompt, String digits) {
        if (digits.length() > 9) {
            throw new IllegalArgumentException("'" + prompt + "' has a number of more than 9 digits: " + digits + ".");
        }
        return Integer.parseInt(digits);
    }

    private static String letters(int n, Rng rng) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) {
            s.append((char) ('a' + rng.below(26)));
        }
        return s.toString();
    }

    private static String digits(int n, int base, Rng rng) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) {
            s.append(rng.below(base));
        }
        return s.toString();
    }

    /** Without a leading zero, unless it has one digit. */
    private static String number(int digits, Rng rng) {
        return digits == 1 ? digits(1, 10, rng) : 1 + rng.below(9) + digits(digits - 1, 10, rng);
    }
}
