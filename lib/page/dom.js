// Elements: by name, with attributes and children. Strings become text, never markup.
{
    const pending = new WeakMap();

    function put(node, child) {
        if (Array.isArray(child)) child.forEach(c => put(node, c));
        else if (child !== null && child !== undefined && child !== false) node.append(child);
    }

    function set(node, name, value) {
        if (typeof value === "function") node.addEventListener(name, value);
        else if (name.startsWith("--")) node.style.setProperty(name, value);
        else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }

    function build(node, attributes, children) {
        for (const [name, value] of Object.entries(attributes || {})) set(node, name, value);
        put(node, children);
        return node;
    }

    // An element; functions among the attributes listen to the event of that name, names that begin with "--" are set as its style's.
    const el = (name, attributes, ...children) => build(document.createElement(name), attributes, children);
    const svg = (name, attributes, ...children) => build(document.createElementNS("http://www.w3.org/2000/svg", name), attributes,
        children);

    // Text for those who do not see what others see.
    const spoken = text => el("span", { class: "spoken" }, text);

    // Makes what scrolls within itself reachable by keyboard, while it does.
    const overflow = new ResizeObserver(entries => {
        for (const { target } of entries) {
            const wide = target.scrollWidth > target.clientWidth + 1;
            if (wide) target.setAttribute("tabindex", "0");
            else target.removeAttribute("tabindex");
        }
    });
    function scroller(label, ...children) {
        const box = el("div", { class: "scroll", role: "region", "aria-label": label }, children);
        overflow.observe(box);
        return box;
    }

    function cell(c, column) {
        const given = c !== null && typeof c === "object" && !(c instanceof Node) && !Array.isArray(c) ? c : { content: c };
        const head = column.rowhead && given.head !== false;
        const classes = [given.class, column.number ? "number" : null].filter(Boolean).join(" ");
        return el(head ? "th" : "td", { class: classes || null, scope: head ? "row" : null, title: given.title, ...given.attributes },
            given.content === null || given.content === undefined ? "–" : given.content);
    }

    // A table that scrolls within itself. columns: {name, number, rowhead}; rows: lists of cells (text, element, or {content, class}), or
    // {cells, class, id}, or {group}: a heading for the rows below.
    function table({ caption, columns, rows, hidden, groups, class: name }) {
        const head = el("tr", {}, columns.map(c => el("th", { scope: "col", class: c.number ? "number" : null, title: c.title }, c.name)));
        const row = r => {
            const { cells, class: rowClass, id, group } = Array.isArray(r) ? { cells: r } : r;
            if (group) return el("tr", { class: "group" }, el("th", { scope: "rowgroup", colspan: columns.length }, group));
            return el("tr", { class: rowClass, id, tabindex: id ? "-1" : null }, cells.map((c, i) => cell(c, columns[i])));
        };
        return scroller(caption, el("table", { class: name },
            el("caption", hidden ? { class: "spoken" } : {}, caption), el("thead", {}, groups, head), el("tbody", {}, rows.map(row))));
    }

    // Puts `step` of a list's members into a node at a time: the first at once, more as they are asked for. members: {length, at(i)}.
    function growing(node, members, step, render) {
        let shown = 0;
        const more = el("button", { type: "button", class: "more", click: () => grow(true) });
        const grow = asked => {
            const from = shown;
            const added = [];
            for (; shown < members.length && shown < from + step; shown++) added.push(render(members.at(shown), shown));
            put(node, added);
            more.hidden = shown >= members.length;
            more.textContent = `Show ${sidmill.count(Math.min(step,
                members.length - shown))} more of ${sidmill.count(members.length - shown)}`;
            const first = asked && added[0] && (added[0].matches("a, button") ? added[0] : added[0].querySelector("a, button"));
            if (first) first.focus();
        };
        grow(false);
        return [node, more];
    }

    // Shows that something is on its way, then what has come, or why it has not. The latest call for a node wins.
    async function fill(node, promise) {
        pending.set(node, promise);
        node.replaceChildren(el("p", { class: "wait" }, "…"));
        let content;
        try {
            content = await promise;
        } catch (error) {
            content = el("p", { class: "wrong", role: "alert" }, error.message);
        }
        if (pending.get(node) === promise) node.replaceChildren(...[content].flat(9).filter(Boolean));
    }

    // A part of a page under a heading.
    const section = (level, title, ...children) => el("section", {}, el(`h${level}`, {}, title), children);

    Object.assign(sidmill, { el, svg, spoken, scroller, table, growing, fill, section });
}
