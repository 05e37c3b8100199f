// Asks the server for recommendations: a history by clicking or pasting, filters, and how the answer came about.
{
    const { el, section, fill, source, itemLink } = sidmill;
    const name = "sidmill-history";

    const chosen = () => JSON.parse(sessionStorage.getItem(name) || "[]");
    const choose = ids => sessionStorage.setItem(name, JSON.stringify(ids));
    const said = el("span", { role: "status" });

    // A button that adds an item to the history, where there is a server to ask.
    const pick = item => el("button", { type: "button", class: "pick", click: () => {
        choose([...chosen(), item.id]);
        said.textContent = `${sidmill.plural(chosen().length, "item")} in the history`;
    } }, "Add to history", sidmill.spoken(` ${item.title || item.id}`));

    // key=value a line, as conditions: values of one key are one or the other.
    function conditions(text) {
        const filter = {};
        for (const line of text.split("\n").map(l => l.trim()).filter(Boolean)) {
            const at = line.indexOf("=");
            if (at < 1) throw new Error(`"${line}": expected key=value`);
            (filter[line.slice(0, at)] ||= []).push(line.slice(at + 1));
        }
        return Object.keys(filter).length ? filter : null;
    }

    // The address of an order, and the order of an address.
    function address(order) {
        const p = new URLSearchParams(order.history.map(id => ["item", id]));
        p.set("k", order.k);
        if (!order.seen) p.set("new", "1");
        if (order.filter) p.set("filter", order.filter);
        return `#/recommend/${p}`;
    }
    function orderOf(text) {
        const p = new URLSearchParams(text);
        return { history: p.getAll("item"), k: Number(p.get("k")) || 10, seen: !p.has("new"), filter: p.get("filter") || "" };
    }

    async function answered(order) {
        const filter = conditions(order.filter);
        const answer = await source.recommend({ history: order.history, k: order.k, exclude_seen: !order.seen,
            ...(filter ? { filter } : {}) });
        if (!answer) throw new Error("This server does not recommend.");
        const notes = [];
        if (answer.unknown) notes.push(`${sidmill.plural(answer.unknown, "id")} of the history not known to the catalogue.`);
        if (answer.allowed !== undefined) notes.push(`${sidmill.plural(answer.allowed, "item")} could have been in the list.`);
        if (!answer.items.length) return el("p", {}, "No item. ", notes.join(" "));
        const briefs = await sidmill.namedItems(answer, []);
        return [notes.length > 0 && el("p", { class: "note" }, notes.join(" ")), sidmill.unfolded(answer, null, briefs)];
    }

    async function historyEditor(ids) {
        const briefs = await source.briefs(ids);
        const list = el("ol", { class: "plain" });
        const remove = i => {
            ids.splice(i, 1);
            choose(ids);
            show();
        };
        const row = (id, i) => el("li", {}, itemLink(briefs.find(b => b.id === id)), " ",
            el("button", { type: "button", class: "pick", click: () => remove(i) }, "Remove", sidmill.spoken(` ${id}`)));
        const show = () => list.replaceChildren(...ids.map(row));
        show();
        return list;
    }

    const nothingYet = () => el("p", { class: "note" }, "None yet: add items where you meet them, by ",
        el("a", { href: "#/search/" }, "search"), " or by ", el("a", { href: "#/codes/" }, "code"), ", or paste ids.");

    const labelled = (id, text, field) => el("p", {}, el("label", { for: id }, text), field);

    async function recommendPage(text) {
        const order = orderOf(text);
        if (text) choose(order.history);
        else order.history = chosen();
        const ids = order.history;
        const paste = el("textarea", { id: "paste", rows: "2", spellcheck: "false" });
        const k = el("input", { id: "k", type: "number", min: "1", max: "100", value: order.k });
        const seen = el("input", { id: "seen", type: "checkbox", checked: !order.seen });
        const filter = el("textarea", { id: "filter", rows: "2", spellcheck: "false" }, order.filter);
        const send = event => {
            event.preventDefault();
            const history = [...ids, ...paste.value.split(/\s+/).filter(Boolean)];
            const asked = address({ history, k: Number(k.value), seen: !seen.checked, filter: filter.value.trim() });
            if (location.hash === asked) sidmill.route();
            else location.hash = asked;
        };
        const answer = el("div", { class: "answer", "aria-live": "polite" });
        if (text) fill(answer, answered(order));
        return {
            title: "Recommend",
            content: [
                el("form", { class: "order", submit: send },
                    section(3, "History, the oldest first", ids.length ? await historyEditor(ids) : nothingYet()),
                    labelled("paste", "More ids, with blanks between", paste), labelled("k", "Items wanted", k),
                    el("p", {}, seen, el("label", { for: "seen" }, " leave out the history's own items")),
                    labelled("filter", "Only items with key=value, one a line", filter), el("button", {}, "Recommend")),
                answer,
            ],
        };
    }

    Object.assign(sidmill, { recommendPage, pick: source.live ? pick : null, picked: source.live ? said : null });
}
