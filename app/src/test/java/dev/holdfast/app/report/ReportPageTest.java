package dev.holdfast.app.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import dev.holdfast.app.TinyData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Looks at a report of a real comparison in a real browser, without a network. */
class ReportPageTest {
    private static final Path SHOTS = Path.of("target", "screenshots");

    @TempDir
    static Path folder;

    private static Playwright playwright;
    private static Browser browser;

    @BeforeAll
    static void open() throws Exception {
        Path chromium = Stream.of(System.getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser")
                .filter(p -> p != null && Files.isExecutable(Path.of(p)))
                .map(Path::of)
                .findFirst()
                .orElse(null);
        assumeTrue(
                chromium != null,
                "no Chromium here: looked at the environment variable CHROMIUM, /usr/bin/chromium and"
                        + " /usr/bin/chromium-browser");
        Path csv = TinyData.csv(folder.resolve("<script> & \"clouds\".csv"), 240, 6, 1);
        Files.writeString(csv, Files.readString(csv).replace(",k0", ",</script>"));
        assertThat(TinyData.run(
                                "compare",
                                csv,
                                "--label",
                                "kind",
                                "--learners",
                                "er,ncm,gacil",
                                "--set",
                                "gacil.buffer=50",
                                "--set",
                                "scenario.increment=2",
                                "--seeds",
                                "2",
                                "--budget",
                                "smoke",
                                "--out",
                                folder.resolve("out"))
                        .code())
                .isZero();
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(chromium)
                        .setHeadless(true)
                        .setArgs(List.of(
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-background-networking",
                                "--disable-sync",
                                "--disable-component-update")));
        Files.createDirectories(SHOTS);
    }

    @AfterAll
    static void close() {
        if (playwright != null) {
            playwright.close();
        }
    }

    @Test
    void showsEverythingInLightAndDark() {
        for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
            List<String> problems = new ArrayList<>();
            try (BrowserContext context = browser.newContext(new Browser.NewContextOptions()
                    .setColorScheme(scheme)
                    .setOffline(true)
                    .setViewportSize(1280, 900))) {
                Page page = context.newPage();
                page.onConsoleMessage(m -> {
                    if (List.of("error", "warning").contains(m.type())) {
                        problems.add(m.text());
                    }
                });
                page.onPageError(problems::add);
                page.navigate(folder.resolve("out/report.html").toUri().toString());

                assertThat(page.locator("#summary tbody tr").count())
                        .as("contenders, baselines and bounds")
                        .isEqualTo(8);
                assertThat(page.locator("#summary thead").innerText()).contains("min-ACC", "WC-ACC", "WF10");
                assertThat(page.locator("#summary tbody tr").allInnerTexts())
                        .allSatisfy(t -> assertThat(t).contains("±"));
                assertThat(page.locator("#title").innerText()).contains("<script> & \"clouds\"");
                assertThat(page.locator("table caption").count()).isGreaterThanOrEqualTo(5);
                for (String chart : List.of("time", "gap", "square", "forget", "cost")) {
                    Locator box = page.locator("#" + chart);
                    assertThat(box.locator("svg path").count())
                            .as("shapes drawn in " + chart)
                            .isGreaterThan(8);
                    assertThat(box.getAttribute("aria-label")).as(chart).hasSizeGreaterThan(40);
                }
                assertThat(page.locator("#ranks").innerText()).contains("Friedman");
                // nothing on the page is wider than the page
                assertThat(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
                        .isEqualTo(true);
                page.screenshot(new Page.ScreenshotOptions()
                        .setFullPage(true)
                        .setPath(SHOTS.resolve("report-" + scheme.name().toLowerCase(java.util.Locale.ROOT) + ".png")));
                assertThat(problems).isEmpty();
            }
        }
    }

    @Test
    void changesTheSquareWithTheLearner() {
        try (Page page = browser.newPage()) {
            page.navigate(folder.resolve("out/report.html").toUri().toString());
            for (String learner : List.of("er", "finetune", "joint")) {
                page.selectOption("#learner", learner);
                assertThat(page.locator("#square").getAttribute("aria-label")).contains("square of " + learner);
                assertThat(page.locator("#square-table caption").textContent()).contains(learner);
            }
            // joint training is measured at its end only: one row of cells, two rows of gaps
            assertThat(page.locator("#square-table tbody tr").nth(0).textContent())
                    .contains("–");
            assertThat(page.locator("#square-table tbody tr").nth(2).textContent())
                    .doesNotContain("–");
        }
    }

    @Test
    void drawsTheGapOfALearnerAroundASwitch() {
        try (Page page = browser.newPage()) {
            List<String> problems = new ArrayList<>();
            page.onPageError(problems::add);
            page.navigate(folder.resolve("out/report.html").toUri().toString());
            // joint and cumulative training have no course to show
            assertThat(page.locator("#gap-learner option").allInnerTexts())
                    .contains("er", "finetune", "ncm")
                    .doesNotContain("joint", "cumulative");
            assertThat(page.locator("#gap-switch option").allInnerTexts())
                    .containsExactly("the whole stream", "the switch to task 2", "the switch to task 3");
            page.selectOption("#gap-learner", "finetune");
            Locator chart = page.locator("#gap");
            assertThat(chart.getAttribute("aria-label")).contains("finetune", "Worst moments since learnt: task 1");
            assertThat(chart.innerText()).contains("switch to task 2", "switch to task 3", "min-ACC");
            assertThat(page.locator("#gap-note").innerText()).contains("seed 1", "one by one", "95 % interval");
            Locator rows = page.locator("#gap-table tbody tr");
            assertThat(rows.count()).isEqualTo(3);
            assertThat(rows.nth(0).textContent()).contains("±");
            // the newest task has no time since it was learnt
            assertThat(rows.nth(2).textContent()).contains("–");
            page.selectOption("#gap-switch", "1");
            assertThat(chart.innerText()).contains("switch to task 2").doesNotContain("switch to task 3");
            page.locator("#gap-section").screenshot(new Locator.ScreenshotOptions().setPath(SHOTS.resolve("gap.png")));
            assertThat(problems).isEmpty();
        }
    }

    @Test
    void fitsOnAPhone() {
        try (BrowserContext context = browser.newContext(new Browser.NewContextOptions().setViewportSize(390, 800))) {
            Page page = context.newPage();
            page.navigate(folder.resolve("out/report.html").toUri().toString());
            assertThat(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
                    .isEqualTo(true);
            page.screenshot(new Page.ScreenshotOptions().setPath(SHOTS.resolve("report-phone.png")));
        }
    }

    @Test
    void showsOneOfSeveralDataSetsAtATime() throws Exception {
        Path one = TinyData.csv(folder.resolve("one.csv"), 80, 4, 1);
        Path two = TinyData.csv(folder.resolve("two.csv"), 80, 6, 2);
        assertThat(TinyData.run(
                                "compare",
                                one,
                                "--also",
                                two,
                                "--label",
                                "kind",
                                "--learners",
                                "ncm,slda",
                                "--budget",
                                "smoke",
                                "--out",
                                folder.resolve("both"))
                        .code())
                .isZero();
        try (Page page = browser.newPage()) {
            List<String> problems = new ArrayList<>();
            page.onPageError(problems::add);
            page.navigate(folder.resolve("both/report.html").toUri().toString());
            assertThat(page.locator("#title").innerText()).contains("on one?");
            int cells = page.locator("#square-table tbody tr").count();
            page.selectOption("#bed", "1");
            assertThat(page.locator("#title").innerText()).contains("on two?");
            assertThat(cells).isEqualTo(4);
            assertThat(page.locator("#square-table tbody tr").count()).isEqualTo(3);
            assertThat(page.locator("#ranks").innerText()).contains("one, two");
            assertThat(problems).isEmpty();
        }
    }

    @Test
    void showsAStreamWithItsDriftsAndNoChangeBeside() throws Exception {
        StringBuilder rows = new StringBuilder("u,v,kind\n");
        for (int i = 0; i < 800; i++) {
            double place = i < 400 ? i % 2 : 1 - i % 2;
            rows.append(place + 0.1 * Math.sin(i))
                    .append(',')
                    .append(-place)
                    .append(",k")
                    .append(i / 3 % 2 == 0 ? i % 2 : 0)
                    .append('\n');
        }
        Path csv = Files.writeString(folder.resolve("stream.csv"), rows);
        assertThat(TinyData.run(
                                "compare",
                                csv,
                                "--label",
                                "kind",
                                "--scenario",
                                "stream",
                                "--learners",
                                "ncm,slda,er",
                                "--set",
                                "scenario.batchSize=4",
                                "--out",
                                folder.resolve("stream"))
                        .code())
                .isZero();
        try (Page page = browser.newPage()) {
            List<String> problems = new ArrayList<>();
            page.onPageError(problems::add);
            page.navigate(folder.resolve("stream/report.html").toUri().toString());
            assertThat(page.locator("#headline").innerText()).contains("accuracy on rows that it had not yet learnt");
            assertThat(page.locator("#summary thead").innerText())
                    .contains("temporal kappa", "Drifts", "Rows/s")
                    .doesNotContain("BWT");
            assertThat(page.locator("#time").getAttribute("aria-label")).contains("ncm", "drifts");
            assertThat(page.locator("#time").innerText()).contains("no-change");
            assertThat(page.locator("#time-table").textContent()).contains("drift");
            for (String tasksOnly : List.of("#gap-section", "#task-section")) {
                assertThat(page.locator(tasksOnly).isVisible()).as(tasksOnly).isFalse();
            }
            page.screenshot(new Page.ScreenshotOptions().setFullPage(true).setPath(SHOTS.resolve("stream.png")));
            assertThat(problems).isEmpty();
        }
    }

    /** The pages that are not about comparisons draw themselves too, each with as many charts as it has something to show. */
    @Test
    void theOtherPagesDrawThemselves() throws Exception {
        Path rate = folder.resolve("rate.html");
        assertThat(TinyData.run("schedule", "wsd", "--ends", "40,80", "--html", rate)
                        .code())
                .isZero();
        shows(rate, "#chart", 1, "#phases", "branch 2");
        Path log = Files.writeString(
                folder.resolve("log.csv"),
                "step,loss,gradient_norm,sharpness,edge\n0,2.3,1,5,20\n10,1.5,2,21,20\n20,1,1,22,20\n");
        Path diagnosis = folder.resolve("diagnosis");
        assertThat(TinyData.run("diagnose", "--log", log, "--out", diagnosis).code())
                .isZero();
        shows(diagnosis.resolve("report.html"), "figure .chart", 3, "#symptoms", "edge");
        Path text = Files.writeString(folder.resolve("text.txt"), "the cat sat on the mat; ".repeat(60));
        Path scaling = folder.resolve("scaling");
        assertThat(TinyData.run(
                                "diagnose",
                                "scaling",
                                "--text",
                                text,
                                "--out",
                                scaling,
                                "--layers",
                                1,
                                "--head-size",
                                8,
                                "--length",
                                16,
                                "--batch-size",
                                4,
                                "--steps",
                                8,
                                "--widths",
                                "8,16",
                                "--rates",
                                "0.01,1",
                                "--predict",
                                "1M")
                        .code())
                .isZero();
        shows(scaling.resolve("report.html"), "figure .chart", 6, "#shapes", "16x1");
    }

    private static void shows(Path file, String charts, int count, String table, String word) {
        try (Page page = browser.newPage()) {
            List<String> problems = new ArrayList<>();
            page.onPageError(problems::add);
            page.navigate(file.toUri().toString());
            Locator drawn = page.locator(charts);
            assertThat(drawn.count()).as(charts + " of " + file).isEqualTo(count);
            for (Locator chart : drawn.all()) {
                assertThat(chart.locator("canvas").count()).isPositive();
            }
            assertThat(page.locator(table).innerText()).contains(word);
            assertThat(problems).isEmpty();
        }
    }
}
