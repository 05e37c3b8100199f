// What each part of a mixture gave to an item: stacked, told apart by hatching as well as by colour.
{
    const { el, percent, short } = sidmill;
    const looks = 7;

    const order = ["generator", "cooccur", "neighbours", "cooccur-neighbours", "neighbours-cooccur", "repeat", "popular"];

    // The names of the parts that gave something, those known in one order, so that each looks the same everywhere.
    function namesOf(items) {
        const names = new Set(items.flatMap(item => Object.keys(item.parts || {})));
        return [...order.filter(n => names.has(n)), ...[...names].filter(n => !order.includes(n))];
    }

    // The look of a part.
    const look = (name, i) => `part-${(order.includes(name) ? order.indexOf(name) : i) % looks}`;
    const total = item => Object.values(item.parts || {}).reduce((a, b) => a + b, 0);

    function legend(names) {
        return el("ul", { class: "legend", "aria-hidden": "true" },
            names.map((name, i) => el("li", {}, el("span", { class: `swatch ${look(name, i)}` }), name)));
    }

    function stack(item, names, most) {
        const sum = total(item);
        const told = names.filter(n => item.parts[n] > 0).sort((a, b) => item.parts[b] - item.parts[a])
            .map(n => `${n} ${percent(item.parts[n] / sum)}`);
        return el("span", { class: "stack", role: "img", "aria-label": told.join(", "), title: told.join("\n"),
            "--part": most ? sum / most : 0 },
            names.map((n, i) => item.parts[n] > 0 && el("span", { class: look(n, i), "--share": item.parts[n] / sum })));
    }

    // A column of figures for each part: {columns, cells(item)}.
    const partColumns = names => ({
        columns: names.map(name => ({ name, number: true })),
        cells: item => names.map(n => short(item.parts?.[n] ?? null)),
    });

    Object.assign(sidmill, { partNames: namesOf, partTotal: total, partLegend: legend, partStack: stack, partColumns });
}
