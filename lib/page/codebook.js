// How evenly the codes are used, and how many items share one.
{
    const { el, table, section, lines, fixed, count, percent } = sidmill;

    const measures = ["codes", "in use", "share in use", "perplexity", "Gini", "items of the commonest"];

    // The share of items that the most used codes hold, as a curve of at most 200 points.
    function cumulative(use) {
        const sorted = [...use].sort((a, b) => b - a);
        const all = sorted.reduce((a, b) => a + b, 0);
        const step = Math.ceil(sorted.length / 200);
        const points = [{ x: 0, y: 0 }];
        let sum = 0;
        sorted.forEach((n, i) => {
            sum += n;
            if ((i + 1) % step === 0 || i === sorted.length - 1) points.push({ x: (i + 1) / sorted.length, y: all ? sum / all : 0 });
        });
        return points;
    }

    function byLevel(c) {
        return table({
            caption: "Codes by level. Perplexity is how many codes, used alike, would be as uncertain; Gini is 0 where all are used alike.",
            columns: [{ name: "Level", rowhead: true }, ...measures.map(name => ({ name, number: true }))],
            rows: c.sizes.map((size, l) => [String(l + 1), count(size), count(c.use[l].filter(n => n > 0).length),
                percent(c.utilisation[l]), fixed(c.perplexity[l], 1), fixed(c.gini[l], 3), count(Math.max(0, ...c.use[l]))]),
        });
    }

    function buckets(c) {
        const most = Math.max(...c.buckets.map(([, n]) => n));
        return table({
            caption: `How many items share all codes${c.suffixes ? "; a suffix tells them apart" : ""}.`,
            columns: [{ name: "Items", rowhead: true, number: true }, { name: "such groups of codes", number: true },
                { name: "items in them", number: true }, { name: "" }],
            rows: c.buckets.map(([size, n]) => [count(size), count(n), count(size * n),
                { class: "wide", content: el("span", { class: "bar", "--part": n / most }) }]),
        });
    }

    function codebook(report) {
        const c = report.codebook;
        if (!c || !c.sizes?.length) return null;
        const series = [
            ...c.use.map((use, l) => ({ label: `level ${l + 1}`, points: cumulative(use) })),
            { label: "all alike", points: [{ x: 0, y: 0 }, { x: 1, y: 1 }], plain: true },
        ];
        const told = `${count(c.items)} items in ${sidmill.plural(c.sizes.length, "level")} of codes.`;
        return section(2, "Codes", el("p", { class: "note" }, told), byLevel(c),
            el("div", { class: "pair" },
                lines({
                    title: "Items held by the most used codes", note: "share of items by share of codes.", series, x: "share of codes",
                    height: 280, scales: { x: { min: 0, max: 1 }, y: { min: 0, max: 1 } },
                }),
                buckets(c)));
    }

    Object.assign(sidmill, { codebook });
}
