// The beam as it unfolds: a column of prefixes for every level, the best first, and lines from each to what it went on to.
{
    const { el, svg, percent, spoken } = sidmill;
    const key = codes => codes.join(",");

    // For every prefix its place among those of the level before (it stands there itself where it was whole), and whether it goes on.
    function lineage(levels) {
        const columns = levels.map(entries => entries.map(e => ({ ...e, parent: -1, lives: false })));
        columns.forEach((column, l) => {
            if (!l) return;
            const places = new Map(columns[l - 1].map((e, i) => [key(e.codes), i]));
            for (const e of column) {
                e.parent = places.get(key(e.codes)) ?? places.get(key(e.codes.slice(0, -1))) ?? -1;
                if (e.parent >= 0) columns[l - 1][e.parent].lives = true;
            }
        });
        for (const e of columns.at(-1)) e.lives = true;
        return columns;
    }

    const leadsTo = (codes, target) => Boolean(target) && codes.every((c, l) => c === target[l]);

    // The level after which no prefix leads to the target, counted from 1; 0 if one does to the end.
    function lostAt(levels, target) {
        const l = levels.findIndex(entries => !entries.some(e => leadsTo(e.codes, target)));
        return l + 1;
    }

    // How the beam's last prefix towards the target fared, as a sentence.
    function fate(levels, target) {
        if (!target || !levels?.length) return null;
        const lost = lostAt(levels, target);
        if (!lost) return "The model's beam holds it to the end.";
        return lost === 1 ? "Its first code is not in the model's beam."
            : `The model's beam holds its first ${lost === 2 ? "code" : `${lost - 1} codes`} and loses it at level ${lost}.`;
    }

    function entry(e, l, best, target, titles) {
        const held = leadsTo(e.codes, target);
        const p = Math.exp(e.logp);
        return el("li", { class: [e.lives ? null : "dead", held ? "held" : null].filter(Boolean).join(" ") || null },
            el("a", { class: "code", href: `#/codes/${key(e.codes)}` }, l < e.codes.length ? e.codes[l] : e.codes.at(-1),
                spoken(`, after ${key(e.codes.slice(0, -1)) || "nothing"}`)),
            el("span", { class: "bar", "--part": best ? p / best : 0 }), el("span", { class: "p" }, percent(p)),
            held && el("span", { class: "mark", title: "leads to the held-out item" }, "◆", spoken("leads to the held-out item")),
            !e.lives && spoken("goes no further"),
            e.item !== undefined && el("a", { class: "whole", href: `#/items/${encodeURIComponent(e.item)}`, title: titles.get(e.item) },
                titles.get(e.item) || e.item));
    }

    // Lines between two columns, in units of rows.
    function gutter(columns, l, target) {
        const rows = Math.max(columns[l - 1].length, columns[l].length);
        const line = (e, i) => e.parent >= 0 && svg("path", {
            d: `M0 ${e.parent + 0.5} C0.5 ${e.parent + 0.5} 0.5 ${i + 0.5} 1 ${i + 0.5}`, "data-from": e.parent, "data-to": i,
            class: [e.lives ? null : "dead", leadsTo(e.codes, target) ? "held" : null].filter(Boolean).join(" ") || null,
        });
        return svg("svg", { viewBox: `0 0 1 ${rows}`, preserveAspectRatio: "none", "aria-hidden": "true", "--rows": rows },
            columns[l].map(line));
    }

    // Shows one prefix's ancestors and what came of it.
    function lightUp(picture, columns, l, i) {
        const lit = columns.map(() => new Set());
        lit[l].add(i);
        for (let m = l, j = i; m > 0 && columns[m][j].parent >= 0; m--) lit[m - 1].add(j = columns[m][j].parent);
        for (let m = l + 1; m < columns.length; m++) columns[m].forEach((e, j) => { if (lit[m - 1].has(e.parent)) lit[m].add(j); });
        picture.querySelectorAll("ol").forEach((list, m) =>
            [...list.children].forEach((row, j) => row.classList.toggle("lit", lit[m].has(j))));
        picture.querySelectorAll("svg").forEach((gap, m) => [...gap.children].forEach(path =>
            path.classList.toggle("lit", lit[m].has(Number(path.dataset.from)) && lit[m + 1].has(Number(path.dataset.to)))));
    }

    // levels: the answer's; target: the held-out item's codes with its suffix, or null; titles: Map of id to title.
    function beam(levels, target, titles) {
        const columns = lineage(levels);
        const picture = el("div", { class: "beam" });
        columns.forEach((column, l) => {
            if (l) picture.append(gutter(columns, l, target));
            const best = Math.max(...column.map(e => Math.exp(e.logp)));
            const rows = column.map((e, i) => {
                const row = entry(e, l, best, target, titles);
                for (const event of ["mouseenter", "focusin"]) row.addEventListener(event, () => lightUp(picture, columns, l, i));
                return row;
            });
            const digits = Math.max(...column.map(e => String(e.codes.at(-1)).length));
            picture.append(el("div", { class: column.some(e => e.item !== undefined) ? "level ends" : "level", "--digits": digits },
                el("h4", {}, `Level ${l + 1}`), el("ol", {}, rows)));
        });
        picture.addEventListener("mouseleave", () => picture.querySelectorAll(".lit").forEach(n => n.classList.remove("lit")));
        return sidmill.scroller("The beam level by level", picture);
    }

    Object.assign(sidmill, { beam, beamFate: fate });
}
