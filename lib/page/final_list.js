// The final list of an answer: each item's way there from the model's own list, and what each part of a mixture gave it.
{
    const { el, table, section, fixed, signed, spoken, itemLink, partNames, partTotal, partLegend, partStack, partColumns } = sidmill;

    // How an item moved from the model's own list to the final one.
    function move(place, before) {
        if (before === undefined) return el("span", { class: "new" }, "new");
        const by = before - place;
        if (by === 0) return "same";
        return el("span", {}, by > 0 ? `▲ ${by}` : `▼ ${-by}`, spoken(by > 0 ? " places up" : " places down"));
    }

    const mark = () => el("span", { class: "mark", title: "the held-out item" }, "◆ ");

    // The columns that an answer has something for: {name, number, cell(item, i)}.
    function columnsOf(answer, target, briefs, names) {
        const most = Math.max(...answer.items.map(partTotal), 0);
        const before = answer.model && new Map(answer.model.map((m, i) => [m.id, i + 1]));
        const columns = [
            { name: "Place", rowhead: true, number: true, cell: (item, i) => String(i + 1) },
            { name: "Item", cell: item => [item.id === target && mark(), itemLink(briefs.get(item.id) || item)] },
        ];
        if (before) {
            columns.push({ name: "in the model's own list", cell: item => (before.has(item.id) ? String(before.get(item.id)) : "–") });
            columns.push({ name: "moved", cell: (item, i) => move(i + 1, before.get(item.id)) });
        }
        if (names.length) {
            columns.push({ name: "what each part gave", cell: item => ({ class: "wide", content: partStack(item, names, most) }) });
        }
        if (answer.items.some(item => item.votes)) columns.push({ name: "votes", number: true, cell: item => signed(item.votes || 0) });
        columns.push({ name: "score", number: true, cell: item => fixed(item.score) });
        return columns;
    }

    function figures(answer, briefs, names) {
        const { columns, cells } = partColumns(names);
        return el("details", { class: "figures" }, el("summary", {}, "Figures"), table({
            caption: "What each part of the mixture gave to each item", hidden: true,
            columns: [{ name: "Item", rowhead: true }, ...columns],
            rows: answer.items.map(item => [briefs.get(item.id)?.title || item.id, ...cells(item)]),
        }));
    }

    // target: the held-out item's id, or null; briefs: Map of id to item.
    function finalList(answer, target, briefs) {
        const names = partNames(answer.items);
        const columns = columnsOf(answer, target, briefs, names);
        const caption = ["The final list", target && "; ◆ is the held-out item",
            names.length > 0 && "; bars are on one scale, votes what else the mixture adds to a score"].filter(Boolean).join("");
        const row = (item, i) => ({ class: item.id === target ? "held" : null, cells: columns.map(c => c.cell(item, i)) });
        return [
            names.length > 0 && partLegend(names),
            table({ class: "list", caption, columns, rows: answer.items.map(row) }),
            names.length > 0 && figures(answer, briefs, names),
        ];
    }

    // What the model would have listed, and the mixture has not.
    function dropped(answer, briefs) {
        const final = new Set(answer.items.map(i => i.id));
        const gone = (answer.model || []).map((m, i) => ({ ...m, place: i + 1 })).filter(m => !final.has(m.id));
        if (!gone.length) return null;
        return section(4, "In the model's own list, no longer in the final one",
            el("ol", { class: "plain" }, gone.map(m => el("li", { value: m.place }, itemLink(briefs.get(m.id) || m)))));
    }

    Object.assign(sidmill, { finalList, droppedItems: dropped });
}
