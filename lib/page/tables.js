// Comparisons and ablations: differences with their intervals.
{
    const { el, table, section, intervals, fixed, signed, span } = sidmill;
    const leading = ["hr@10", "ndcg@10"];

    const p = v => v === null || v === undefined ? "–" : v < 0.0001 ? "< 0.0001" : v.toFixed(4);
    function protocolText(t) {
        const items = t.protocol === "unseen" ? "items met before left out" : "all items";
        return `${items}, ${sidmill.count(t.users)} users, ${t.split} split`;
    }

    function comparison(t) {
        const metrics = Object.entries(t.metrics).filter(([m]) => !m.startsWith("mrr@"));
        return [
            el("p", { class: "note" }, `What the second gains over the first: ${protocolText(t)}.`),
            intervals({
                title: "Differences", note: "with 95% intervals over users.", name: "difference", zero: true,
                rows: metrics.map(([m, v]) => ({ label: m, value: v.difference, interval: v.interval })),
            }),
            table({
                caption: `${t.name}: values and differences`,
                columns: [{ name: "Metric", rowhead: true },
                    ...["first", "second", "difference", "95% interval", "p"].map(name => ({ name, number: true }))],
                rows: metrics.map(([m, v]) => [m, fixed(v.a), fixed(v.b), signed(v.difference), span(v.interval, signed), p(v.p)]),
            }),
        ];
    }

    function ablation(t) {
        const metrics = leading.filter(m => t.rows[0].metrics[m]);
        const [first, ...others] = t.rows;
        const chart = m => intervals({
            title: m, note: `gained over ${first.label}, with 95% intervals.`, name: `difference of ${m}`, zero: true,
            rows: others.map(r => ({ label: r.label, value: r.metrics[m].difference, interval: r.metrics[m].interval })),
        });
        const cells = r => metrics.flatMap(m => {
            const v = r.metrics[m];
            return r === first ? [fixed(v.mean), null, null, null]
                : [fixed(v.mean), signed(v.difference), span(v.interval, signed), p(v.p_holm)];
        });
        return [
            el("p", { class: "note" }, `Each row against ${first.label}: ${protocolText(t)}; p after Holm's correction.`),
            el("div", { class: "pair" }, others.length > 0 && metrics.map(chart)),
            table({
                caption: `${t.name}: values and differences`,
                groups: el("tr", {}, el("td", { colspan: 2 }), metrics.map(m => el("th", { scope: "colgroup", colspan: 4 }, m))),
                columns: [{ name: "Row", rowhead: true }, { name: "seeds", number: true },
                    ...metrics.flatMap(() => ["mean", "difference", "95% interval", "p"].map(name => ({ name, number: true })))],
                rows: t.rows.map(r => [r.label, String(r.seeds), ...cells(r)]),
            }),
        ];
    }

    function tables(report) {
        const list = report.results?.tables || [];
        if (!list.length) return null;
        return section(2, "Comparisons", list.map(t => section(3, t.name, t.schema === "ablation/1" ? ablation(t) : comparison(t))));
    }

    Object.assign(sidmill, { tables });
}
