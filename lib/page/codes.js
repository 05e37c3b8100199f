// The tree of codes, and the page of a group of items whose codes begin alike.
{
    const { el, table, section, growing, fill, source, count, percent, plural, spoken } = sidmill;
    const step = 60;

    const path = codes => `#/codes/${codes.join(",")}`;

    // A branch: a button that opens what follows, and a link to its page.
    function branch(n, most) {
        const below = el("div", { hidden: true });
        const open = () => {
            const now = button.getAttribute("aria-expanded") !== "true";
            button.setAttribute("aria-expanded", String(now));
            below.hidden = !now;
            if (now && !below.children.length) fill(below, grown(n.codes));
        };
        const button = el("button", { type: "button", class: "twist", "aria-expanded": "false", click: open },
            spoken(`What follows ${n.codes.join(", ")}`));
        const above = n.codes.slice(0, -1).join(", ") || "nothing";
        const row = [
            button, el("a", { class: "code", href: path(n.codes) }, n.codes.at(-1), spoken(` after ${above}`)),
            el("span", { class: "bar", "--part": n.count / most }), el("span", { class: "n" }, count(n.count), spoken(" items")),
            el("span", { class: "topic" }, n.topic()),
        ];
        return el("li", {}, el("div", { class: "branch" }, row), below);
    }

    async function grown(codes) {
        const found = await source.prefix(codes);
        if (!found) return el("p", {}, "Nothing is known of codes here.");
        if (!found.next.length || found.count <= 12) return itemList(found.items);
        return el("div", {}, growing(el("ul", { class: "tree" }), found.next, step, n => branch(n, found.next[0].count)));
    }

    const tree = () => {
        const node = el("div", {});
        fill(node, grown([]));
        return node;
    };

    // The codes of an item, each a link to the group that it stands for.
    function codeLinks(item) {
        if (!item.codes) return null;
        const codes = item.suffix >= 0 ? [...item.codes, item.suffix] : item.codes;
        const before = l => (l === 0 ? null : l < item.codes.length ? "·" : "+");
        return el("span", { class: "codes" }, codes.map((c, l) => [before(l), el("a", { href: path(codes.slice(0, l + 1)) }, c)]));
    }

    const itemLink = item => item.unknown ? el("span", { class: "id" }, item.id)
        : el("a", { class: item.title ? null : "id", href: `#/items/${encodeURIComponent(item.id)}` }, item.title || item.id);

    const thumbnail = item => item.picture && el("img", { src: item.picture, alt: "", loading: "lazy", width: "40", height: "40" });

    // Items with what tells them apart, some at a time.
    function itemList(items, extra) {
        const row = item => el("li", {}, thumbnail(item), el("div", {}, itemLink(item), el("small", {}, codeLinks(item))),
            extra && extra(item));
        return growing(el("ul", { class: "items" }), items, step, row);
    }

    const kindNames = {
        category: "Categories", brand: "Brands", title: "Words of titles", caption: "Words of captions", intent: "Intents",
    };

    function sharedTable(shared) {
        if (!shared.length) return null;
        return section(3, "What they share", table({
            caption: "Terms commoner here than in the whole catalogue, by how much they tell", class: "shared",
            columns: [{ name: "" }, { name: "term", rowhead: true }, { name: "of these items", number: true },
                { name: "of all", number: true }, { name: "" }],
            rows: shared.flatMap(({ kind, terms }) => terms.map((t, i) => ({
                class: i ? "same" : null,
                cells: [i ? "" : kindNames[kind], t.text, percent(t.share), percent(t.overall),
                    { class: "wide", content: el("span", { class: "bar against", "--part": t.share, "--other": t.overall }) }],
            }))),
        }));
    }

    const crumbs = codes => el("nav", { class: "crumbs", "aria-label": "Codes above" }, el("a", { href: "#/codes/" }, "All codes"),
        codes.slice(0, -1).map((_, l) => [" › ", el("a", { href: path(codes.slice(0, l + 1)) }, codes[l])]));

    // codes: the text behind #/codes/.
    async function codesPage(text) {
        const codes = text ? text.split(/[,+]/).map(Number) : [];
        if (codes.some(c => !Number.isInteger(c))) return { title: "Codes", content: el("p", {}, "These are no codes.") };
        const first = "The first level's codes, the commonest first, and what their items share.";
        if (!codes.length) return { title: "All codes", content: [el("p", { class: "note" }, first), tree()] };
        const found = await source.prefix(codes);
        const title = `${codes.length === 1 ? "Code" : "Codes"} ${codes.join(" · ")}`;
        if (!found) return { title, content: [crumbs(codes), el("p", {}, "No item has these codes.")] };
        const next = found.next.length > 1 && section(3, "Codes that follow",
            growing(el("ul", { class: "tree" }), found.next, step, n => branch(n, found.next[0].count)));
        const shown = found.items.length < found.count ? ` (the first ${count(found.items.length)})` : "";
        return {
            title,
            content: [crumbs(codes), el("p", { class: "note" }, `${plural(found.count, "item")} with codes that begin so.`),
                sharedTable(found.shared), next,
                section(3, `Items${shown}`, itemList(found.items, sidmill.pick))],
        };
    }

    Object.assign(sidmill, { tree, codesPage, codeLinks, itemLink, itemList });
}
