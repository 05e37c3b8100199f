// The table of results, under both protocols, beside baselines and published figures.
{
    const { el, table, section, intervals, fixed, span, spoken } = sidmill;
    const protocols = {
        metrics: "Items met before are ranked like all others",
        metrics_unseen: "Items met before are left out of the lists",
    };
    const wanted = ["hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr"];
    const groupNames = ["Systems", "Baselines and parts of a mixture", "Published elsewhere"];
    const shows = [["coverage@10", "coverage"], ["gini@10", "gini"], ["novelty@10", "novelty, bits"], ["diversity@10", "diversity"]];

    // Means over seeds, each before its seeds; then the others; then baselines: [{name, note, kind, of, system}].
    function ranked(results) {
        const rows = [];
        const seeds = new Set();
        for (const m of results.means || []) {
            rows.push({ name: m.name, note: `mean of ${sidmill.plural(m.of.length, "seed")}`, kind: 0, system: m });
            for (const name of m.of) {
                seeds.add(name);
                const s = results.systems.find(x => x.name === name);
                if (s) rows.push({ name, kind: 0, seed: true, system: s });
            }
        }
        const rest = results.systems.filter(s => !seeds.has(s.name));
        for (const s of rest.filter(x => !x.baseline)) rows.push({ name: s.name, kind: 0, system: s });
        for (const s of rest.filter(x => x.baseline)) rows.push({ name: s.name, kind: 1, system: s });
        return rows;
    }

    // Published figures as rows, of a protocol and of those that do not tell theirs.
    function published(results, protocol) {
        const rows = new Map();
        for (const p of results.published || []) {
            if (p.protocol !== protocol && p.protocol !== "?") continue;
            const key = `${p.system}\n${p.protocol}`;
            const note = p.protocol === "?" ? `${p.source}; protocol not told` : p.source;
            if (!rows.has(key)) rows.set(key, { name: p.system, note, kind: 2, system: { [protocol]: {} } });
            rows.get(key).system[protocol][p.metric] = p.value;
        }
        return [...rows.values()];
    }

    const value = (row, protocol, metric) => row.system[protocol]?.[metric] ?? null;
    const interval = (row, protocol, metric) => row.system.intervals?.[protocol]?.[metric] || null;

    function resultTable(rows, protocol) {
        const metrics = wanted.filter(m => rows.some(r => r.kind < 2 && value(r, protocol, m) !== null));
        const best = metrics.map(m => Math.max(...rows.filter(r => !r.seed).map(r => value(r, protocol, m) ?? -1)));
        const cells = row => metrics.map((m, i) => {
            const v = value(row, protocol, m), within = interval(row, protocol, m);
            const isBest = v !== null && v === best[i] && !row.seed;
            return [isBest ? el("b", {}, fixed(v), spoken(", the best")) : fixed(v), within && el("small", {}, span(within))];
        });
        return table({
            class: "results", caption: `${protocols[protocol]}. The best of a column in bold; below a value its 95% interval over users.`,
            columns: [{ name: "System", rowhead: true }, ...metrics.map(name => ({ name, number: true }))],
            rows: rows.flatMap((r, i) => [
                r.kind !== (i ? rows[i - 1].kind : 0) && { group: groupNames[r.kind] },
                { class: r.seed ? "seed" : null, cells: [[r.name, r.note && el("small", {}, r.note)], ...cells(r)] },
            ].filter(Boolean)),
        });
    }

    function chart(rows, protocol, metric) {
        const shown = rows.filter(r => value(r, protocol, metric) !== null && !r.seed)
            .sort((a, b) => value(b, protocol, metric) - value(a, protocol, metric));
        return shown.length > 1 && intervals({
            title: metric, name: metric, note: "with 95% intervals over users; squares are baselines, triangles published figures.",
            rows: shown.map(r => (
                { label: r.name, value: value(r, protocol, metric), interval: interval(r, protocol, metric), kind: r.kind })),
        });
    }

    function variety(rows) {
        const columns = shows.filter(([key]) => rows.some(r => typeof r.system[key] === "number"));
        const having = rows.filter(r => columns.some(([key]) => typeof r.system[key] === "number"));
        return columns.length > 0 && table({
            caption: "What the first ten places of all lists show of the catalogue: how much of it; how unevenly, 0 where all items are " +
                "shown alike; and how unexpected it is.",
            columns: [{ name: "System", rowhead: true }, ...columns.map(([, name]) => ({ name, number: true }))],
            rows: having.map(r => ({ class: r.seed ? "seed" : null, cells: [r.name, ...columns.map(([key]) => fixed(r.system[key]))] })),
        });
    }

    // A part of the page for each protocol, of which the switch shows one, and a printer both.
    const underBoth = make => Object.keys(protocols).map(p => el("div", { "data-protocol": p }, make(p)));

    function protocolSwitch() {
        const choose = p => document.getElementById("main").setAttribute("data-shown", p);
        choose("metrics");
        const choice = (p, text) => el("label", {},
            el("input", { type: "radio", name: "protocol", value: p, checked: p === "metrics", change: () => choose(p) }), ` ${text}`);
        return el("fieldset", { class: "switch" }, el("legend", {}, "Ranked are"), choice("metrics", "all items"),
            choice("metrics_unseen", "items not met before"));
    }

    function results(report) {
        const r = report.results;
        if (!r || !r.systems?.length) return null;
        const rows = ranked(r);
        const part = p => {
            const all = [...rows, ...published(r, p)];
            return [resultTable(all, p), el("div", { class: "pair" }, chart(all, p, "hr@10"), chart(all, p, "ndcg@10"))];
        };
        return section(2, "Results", protocolSwitch(), underBoth(part), variety(rows));
    }

    Object.assign(sidmill, { results, underBoth, ranked, metricOf: value });
}
