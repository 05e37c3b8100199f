// Starts: the report's sections or the explorer, as the address says.
{
    const { el, source, count } = sidmill;
    const main = document.getElementById("main");
    const title = document.title;
    const parts = [
        ["results", sidmill.results], ["comparisons", sidmill.tables], ["groups", sidmill.groups], ["training", sidmill.curves],
        ["codes", sidmill.codebook], ["stages", sidmill.stages],
    ];
    let report = null, turn = 0;

    // The report, drawn once.
    function reportPage() {
        if (report) return report;
        report = el("div", { class: "report" });
        for (const [id, make] of parts) {
            const node = make(source.report);
            if (!node) continue;
            node.id = id;
            report.append(node);
        }
        return report;
    }

    function contents() {
        const links = source.report ? [...reportPage().children].map(s => [`#${s.id}`, s.querySelector("h2").textContent]) : [];
        if (source.explorable && !source.live) links.push(["#/codes/", "Explorer"]);
        document.getElementById("sections").replaceChildren(...links.map(([href, text]) => el("a", { href }, text)));
        document.getElementById("sections").hidden = links.length < 2;
    }

    function about() {
        const r = source.report;
        const first = r?.results?.systems?.[0];
        const items = r ? r.catalogue?.of : source.health?.items;
        const facts = [
            first && `${first.split} split`, first && `${count(first.users)} users`, items !== undefined && `${count(items)} items`,
            r?.catalogue?.items < items && `${count(r.catalogue.items)} of them in the explorer`,
        ];
        document.getElementById("about").textContent = facts.filter(Boolean).join(" · ");
        if (r?.version) document.getElementById("made").textContent = `sidmill ${r.version}`;
    }

    async function showExplorer(address) {
        const mine = ++turn;
        main.setAttribute("aria-busy", "true");
        const wrong = error => ({ title: "Explorer", node: el("p", { class: "wrong", role: "alert" }, error.message) });
        const page = await sidmill.explorerPage(address).catch(wrong);
        if (mine !== turn) return;
        main.replaceChildren(page.node);
        main.removeAttribute("aria-busy");
        document.title = `${page.title} – ${title}`;
        if (page.focus) page.focus.focus({ preventScroll: true });
        scrollTo(0, 0);
    }

    function showReport(id) {
        turn++;
        if (!report?.isConnected) main.replaceChildren(reportPage());
        document.title = title;
        const at = id ? document.getElementById(id) : null;
        if (at) at.scrollIntoView();
        if (at?.matches("tr")) at.focus();
    }

    function route() {
        const hash = location.hash.slice(1);
        if (hash.startsWith("/") || !source.report) return showExplorer(hash.slice(1));
        return showReport(sidmill.decoded(hash));
    }

    // A printer gets everything: both protocols, all sections open, charts in its own resolution and on its own width.
    let opened = [];
    addEventListener("beforeprint", () => {
        document.documentElement.classList.add("printing");
        opened = [...main.querySelectorAll("details:not([open], .figures)")];
        opened.forEach(d => { d.open = true; });
        sidmill.printCharts(true);
    });
    addEventListener("afterprint", () => {
        document.documentElement.classList.remove("printing");
        opened.forEach(d => { d.open = false; });
        sidmill.printCharts(false);
    });

    async function start() {
        await source.start();
        about();
        contents();
        addEventListener("hashchange", route);
        await route();
    }

    Object.assign(sidmill, { route });
    start().catch(error => main.replaceChildren(el("p", { class: "wrong", role: "alert" }, error.message)));
}
