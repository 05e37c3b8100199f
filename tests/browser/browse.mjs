// Opens the page and does what a reader does; every view is looked at in light, in dark and on a narrow screen.
//
//   node browse.mjs CHROMIUM PACKAGES REPORT.html PORT PORT_WITH_TOKEN PORT_WITHOUT_MODEL
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [executablePath, packages, file, open, closed, alone] = process.argv.slice(2);
const require = createRequire(packages + "/");
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const report = `file://${file}`;
const live = port => `http://127.0.0.1:${port}/`;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: flags });
let passed = 0, failed = 0;

function check(condition, what) {
    if (!condition) throw new Error(what);
}

// A test with a page of its own, which may say nothing on its console but what `expected` matches.
async function test(name, url, act, { expected, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
    const page = await context.newPage();
    const said = [];
    page.setDefaultTimeout(10000);
    page.on("console", m => {
        if (["error", "warning"].includes(m.type()) && !expected?.test(m.text())) said.push(m.text());
    });
    page.on("pageerror", e => said.push(e.message));
    await page.addInitScript(() => addEventListener("securitypolicyviolation",
        e => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
    try {
        await page.goto(url);
        await act(page);
        check(!said.length, `the console says: ${said.join("; ")}`);
        console.log(`ok ${++passed + failed} - ${name}`);
    } catch (error) {
        console.log(`not ok ${passed + ++failed} - ${name}\n# ${error.message.replace(/\n/g, "\n# ")}`);
    }
    await context.close();
}

// Every chart comes into sight once.
async function scrollThrough(page) {
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    for (let y = 0; y < height; y += 600) {
        await page.evaluate(at => scrollTo(0, at), y);
        await page.waitForTimeout(30);
    }
}

async function accessible(page) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const grave = found.violations.filter(v => ["serious", "critical"].includes(v.impact));
    check(!grave.length, grave.map(v => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html).join(" ")}`).join("\n"));
}

async function narrow(page) {
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    check(wide <= seen, `${wide} pixels wide on a screen of ${seen}`);
}

// The same page in all its looks.
async function looks(name, url, ready) {
    await test(`${name}: no fault that axe-core finds, in light or dark; no wider than a screen of 360 pixels`, url, async page => {
        await page.waitForSelector(ready);
        await scrollThrough(page);
        await accessible(page);
        await page.emulateMedia({ colorScheme: "dark" });
        await accessible(page);
        await page.setViewportSize({ width: 360, height: 740 });
        await scrollThrough(page);
        await narrow(page);
    });
}

const heading = (page, text) => page.waitForFunction(wanted => document.querySelector("h2")?.textContent.includes(wanted), text);

await test("a report: its sections, its charts, both protocols, figures as tables", report, async page => {
    for (const id of ["results", "comparisons", "groups", "training", "codes", "stages"]) await page.waitForSelector(`#${id} h2`);
    await scrollThrough(page);
    for (const run of await page.locator("details.run:not([open]) > summary").all()) await run.click();
    await scrollThrough(page);
    const blank = await page.evaluate(() => [...document.querySelectorAll("canvas")]
        .filter(c => c.offsetParent && !Chart.getChart(c)).length);
    check(blank === 0, `${blank} charts are not drawn`);
    await page.getByRole("radio", { name: "items not met before" }).check();
    check(await page.locator("#results [data-protocol=metrics]").first().isHidden(), "the other protocol is still shown");
    await page.locator("#results figure:visible summary").first().click();
    await page.waitForSelector("#results figure details table");
    await page.locator("#stages .inputs a").first().click();
    check(await page.evaluate(() => document.activeElement.id.startsWith("stage-")), "a stage's input is not gone to");
    check(await page.evaluate(() => window.hacked === undefined && !document.querySelector("[onerror]")), "a text became markup");
});

await test("a report on paper: all is open, both protocols, every chart drawn", report, async page => {
    await page.waitForSelector("#results");
    await page.evaluate(() => addEventListener("beforeprint", () => {
        const charts = [...document.querySelectorAll("canvas")];
        window.printed = {
            charts: charts.length, drawn: charts.filter(c => Chart.getChart(c)?.width > 50).length,
            closed: document.querySelectorAll("details:not([open], .figures)").length,
            hidden: [...document.querySelectorAll("[data-protocol]")].filter(n => !n.offsetParent).length,
        };
    }));
    await page.pdf({ format: "A4" });
    const printed = await page.evaluate(() => window.printed);
    check(printed && printed.charts > 10 && printed.drawn === printed.charts && !printed.closed && !printed.hidden,
        `printed: ${JSON.stringify(printed)}`);
});

await test("a report's explorer: by keyboard and click to a code, an item and a user, and back", report, async page => {
    await page.getByRole("link", { name: "Explorer" }).click();
    await page.locator(".tree button").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".tree .tree .branch");
    await page.locator(".tree .tree a.code").first().click();
    await heading(page, "Codes ");
    await page.waitForSelector(".shared");
    await page.locator(".items a[href*='#/items/']").first().click();
    await page.waitForSelector(".facts");
    await page.waitForSelector(".cosine");
    const item = page.url();
    await page.getByRole("link", { name: "Users", exact: true }).click();
    await page.getByRole("link", { name: "u0", exact: true }).click();
    await page.waitForSelector(".beam svg path", { state: "attached" });
    await page.locator(".beam .level li a").first().hover();
    await page.waitForSelector(".beam li.lit");
    await page.waitForSelector(".list tr.held");
    check(/place 3 of the final list/.test(await page.locator(".standing").textContent()), "it is not said where the held-out item stands");
    await page.goBack();
    await page.goBack();
    await page.waitForSelector(".facts");
    check(page.url() === item, "Back goes elsewhere");
});

await test("a report's search: all words, their beginnings, and what is hostile", report + "#/search/", async page => {
    const found = () => page.locator("[role=status]").filter({ hasText: /item|Nothing/ }).textContent();
    await page.getByLabel("Words of a title").fill("LAM gre");
    await page.waitForSelector(".found li");
    check((await page.locator(".found a[href*='#/items/']").allTextContents()).every(t => /^Green lamp/.test(t)),
        "something else was found");
    await page.getByLabel("Words of a title").fill("nosuchword");
    await page.waitForFunction(() => document.querySelector("main [role=status]").textContent.startsWith("Nothing"));
    check(/Nothing/.test(await found()), "it is not said that nothing is found");
    await page.getByLabel("Words of a title").fill("onerror");
    await page.locator(".found a[href*='#/items/']").first().click();
    await heading(page, "</script>");
    check(await page.evaluate(() => window.hacked === undefined), "a title became markup");
});

for (const [address, ready] of [["u1", ".beam"], ["u2", ".list"]]) {
    await test(`a user without all there is: ${address}`, `${report}#/users/${address}`, async page => {
        await page.waitForSelector(ready);
        check(await page.locator(".wrong").count() === 0, "something is wrong");
    });
}

await looks("a report", report, "#stages");
await looks("a report's codes", report + "#/codes/", ".branch");
await looks("a report's code", report + "#/codes/0", ".items");
await looks("a report's item", report + "#/items/item3", ".cosine");
await looks("a report's user", report + "#/users/u0", ".beam");
await looks("a report's users", report + "#/users/", "table");
await looks("a report's search", report + "#/search/lamp", ".found li");

await test("live: an item, put into a history, and what is recommended after it", live(open), async page => {
    await page.waitForSelector(".branch");
    await page.locator(".branch a.code").first().click();
    await page.waitForSelector(".items");
    await page.locator(".items a[href*='#/items/']").first().click();
    await page.waitForSelector(".facts");
    await page.getByRole("button", { name: /Add to history/ }).first().click();
    await page.getByRole("link", { name: "Recommend" }).click();
    await page.waitForSelector("form ol li");
    await page.getByLabel("More ids").fill("i3 nobody");
    await page.getByLabel("Only items with").fill("brand=B1\nbrand=B2");
    await page.getByRole("button", { name: "Recommend", exact: true }).click();
    await page.waitForSelector(".answer .list tbody tr");
    check(await page.locator(".answer .list tbody tr").count() === 10, "not ten items");
    check(/1 id of the history not known/.test(await page.locator(".answer").textContent()), "unknown ids are not told");
    await page.reload();
    await page.waitForSelector(".answer tbody tr");
}, { expected: /404/ });

await test("live: search, and how a list came about", live(open) + "#/search/", async page => {
    await page.getByLabel("Words of a title").fill("pot 7");
    await page.locator(".found").getByRole("button", { name: /Add to history Tea pot <b>7/ }).click();
    await page.getByRole("link", { name: "Recommend" }).click();
    await page.getByRole("button", { name: "Recommend", exact: true }).click();
    await page.waitForSelector(".answer .beam .level li");
    await page.waitForSelector(".answer .stack");
});

await test("live: what the server refuses is said", live(open) + "#/recommend/item=i1&k=9999", async page => {
    await page.waitForSelector(".answer .wrong");
    check(/400/.test(await page.locator(".answer .wrong").textContent()), "it is not said what is wrong");
}, { expected: /400/ });

await test("live: the token is asked for until it is right, and kept", live(closed), async page => {
    for (const word of ["sesam", "sesame"]) {
        await page.getByLabel(/token/).fill(word);
        await page.getByRole("button", { name: "Go on" }).click();
        if (word === "sesam") await page.getByText("does not know this token").waitFor();
    }
    await page.waitForSelector(".branch");
    await page.reload();
    await page.waitForSelector(".branch");
}, { expected: /401/ });

await test("live: a mixture without a model has no codes, and recommends", live(alone) + "#/recommend/item=i1&item=i2&k=5", async page => {
    await page.waitForSelector(".answer tbody tr");
    await page.getByRole("link", { name: "Codes" }).click();
    await heading(page, "All codes");
    check(await page.locator(".wrong").count() === 0, "something is wrong");
}, { expected: /404/ });

await looks("live: codes", live(open), ".branch");
await looks("live: an item", live(open) + "#/items/i7", ".facts");
await looks("live: recommend", live(open) + "#/recommend/item=i1&item=i2&k=5", ".answer tbody tr");

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
