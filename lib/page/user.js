// A user's page: the history, the beam as it unfolds, what the blend added, the list and where the held-out item stands.
{
    const { el, table, section, growing, source, count, fixed, plural, itemLink, codeLinks, partNames, partTotal, partLegend, partStack, partColumns } = sidmill;
    const recent = 30; // of a long history

    // How an item moved from the model's own list to the final one.
    function move(place, before) {
        if (before === undefined) return el("span", { class: "new" }, "new");
        const by = before - place;
        return by === 0 ? "same" : el("span", {}, by > 0 ? `▲ ${by}` : `▼ ${-by}`, sidmill.spoken(by > 0 ? " places up" : " places down"));
    }

    function listTable(answer, target, briefs) {
        const names = partNames(answer.items);
        const most = Math.max(...answer.items.map(partTotal), 0);
        const before = answer.model && new Map(answer.model.map((m, i) => [m.id, i + 1]));
        const votes = answer.items.some(item => item.votes);
        const columns = [{ name: "Place", rowhead: true, number: true }, { name: "Item" }, before && { name: "In the model's own list" }, before && { name: "moved" },
            names.length > 0 && { name: "what each part gave" }, votes && { name: "votes", number: true, title: "what the mixture's second sum adds to the score" }, { name: "score", number: true }];
        const row = (item, i) => ({
            class: item.id === target ? "held" : null,
            cells: [String(i + 1), [item.id === target && el("span", { class: "mark", title: "the held-out item" }, "◆ "), itemLink(briefs.get(item.id) || item)],
                before && (before.has(item.id) ? String(before.get(item.id)) : "–"), before && move(i + 1, before.get(item.id)),
                names.length > 0 && { class: "wide", content: partStack(item, names, most) }, votes && sidmill.signed(item.votes), fixed(item.score)].filter(c => c !== false && c !== undefined),
        });
        const figures = names.length > 0 && el("details", { class: "figures" }, el("summary", {}, "Figures"), (({ columns: more, cells }) => table({
            caption: "What each part of the mixture gave to each item", hidden: true, columns: [{ name: "Item", rowhead: true }, ...more],
            rows: answer.items.map(item => [briefs.get(item.id)?.title || item.id, ...cells(item)]),
        }))(partColumns(names)));
        return [
            names.length > 0 && partLegend(names),
            table({ class: "list", caption: target ? "The final list; ◆ is the held-out item" : "The final list", columns: columns.filter(Boolean), rows: answer.items.map(row) }), figures,
        ];
    }

    function dropped(answer, briefs) {
        const final = new Set(answer.items.map(i => i.id));
        const gone = (answer.model || []).map((m, i) => ({ ...m, place: i + 1 })).filter(m => !final.has(m.id));
        if (!gone.length) return null;
        return section(4, "In the model's own list, no longer in the final one", el("ol", { class: "plain" }, gone.map(m => el("li", { value: m.place }, itemLink(briefs.get(m.id) || m)))));
    }

    // An item's codes with its suffix, null where they are not known.
    const fullPath = item => (!item.codes ? null : item.suffix >= 0 ? [...item.codes, item.suffix] : item.codes);

    // Where the held-out item stands, in a sentence or two.
    function standing(user, held) {
        const own = user.model ? user.model.findIndex(m => m.id === user.target) + 1 : 0;
        const final = user.rank ? `stands at place ${user.rank} of the final list` : `is not among the ${plural(user.items.length, "item")} of the final list`;
        const before = !user.model ? "" : own ? `; in the model's own it was at place ${own}` : "; it is not in the model's own";
        return el("p", { class: "standing" }, "The held-out item, ", itemLink(held), `, ${final}${before}. `, sidmill.beamFate(user.levels, fullPath(held)));
    }

    // The items that an answer names, as a Map of id to brief.
    async function named(answer, more) {
        const own = new Map(answer.items.filter(i => i.title).map(i => [i.id, i]));
        const ids = [...new Set([...more, ...answer.items.map(i => i.id), ...(answer.model || []).map(m => m.id), ...(answer.levels || []).flat().map(e => e.item).filter(id => id !== undefined)])];
        const wanted = source.live ? ids.filter(id => !own.has(id)) : ids;
        const briefs = await source.briefs(wanted);
        return new Map([...own, ...briefs.map(b => [b.id, b])]);
    }

    // How an answer came about: the beam, then the list. target: an id or null.
    function unfolded(answer, target, briefs) {
        const path = target ? fullPath(briefs.get(target)) : null;
        const titles = new Map([...briefs].map(([id, b]) => [id, b.title]));
        return [
            answer.levels?.length > 0 && section(3, "The beam, level by level",
                el("p", { class: "note" }, "After each level the prefixes of codes that the model holds, the likeliest first, with their probability; lines lead to what each went on to, pale ones end here.", path && " ◆ leads to the held-out item."),
                sidmill.beam(answer.levels, path, titles)),
            section(3, "The final list", listTable(answer, target, briefs), dropped(answer, briefs)),
        ];
    }

    function historyList(ids, briefs) {
        const hidden = Math.max(0, ids.length - recent);
        const row = (id, i) => el("li", { value: i + 1 }, itemLink(briefs.get(id) || { id }), " ", el("small", {}, codeLinks(briefs.get(id) || {})));
        const list = from => el("ol", { class: "plain", start: from + 1 }, ids.slice(from).map((id, i) => row(id, from + i)));
        if (!hidden) return list(0);
        return [el("details", {}, el("summary", {}, `${count(hidden)} before these`), el("ol", { class: "plain" }, ids.slice(0, hidden).map(row))), list(hidden)];
    }

    async function userPage(name) {
        const users = await source.users();
        const user = users.find(u => u.user === name);
        if (!user) return { title: name, content: el("p", {}, "This user is not among those shown here.") };
        const briefs = await named(user, [...user.history, user.target]);
        return {
            title: `User ${user.user}`,
            content: [standing(user, briefs.get(user.target)), section(3, `History, ${plural(user.history.length, "item")}, the oldest first`, historyList(user.history, briefs)), unfolded(user, user.target, briefs)],
        };
    }

    // All users, with what became of each; the chosen ones alone.
    async function usersPage() {
        const users = await source.users();
        const box = el("div", {});
        const choices = [["all", () => true], ["whose held-out item is found", u => u.rank], ["whose is not", u => !u.rank]];
        const briefs = new Map((await source.briefs([...new Set(users.map(u => u.target))])).map(b => [b.id, b]));
        const row = u => el("tr", {}, el("th", { scope: "row" }, el("a", { href: `#/users/${encodeURIComponent(u.user)}` }, u.user)), el("td", { class: "number" }, count(u.history.length)),
            el("td", {}, itemLink(briefs.get(u.target) || { id: u.target })), el("td", { class: "number" }, u.rank ? String(u.rank) : "–"));
        const show = keep => {
            const body = el("tbody");
            const [, more] = growing(body, users.filter(keep), 100, row);
            box.replaceChildren(sidmill.scroller("Users", el("table", {}, el("caption", { class: "spoken" }, "Users"), el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "User"),
                el("th", { scope: "col", class: "number" }, "history"), el("th", { scope: "col" }, "held-out item"), el("th", { scope: "col", class: "number" }, "its place"))), body)), more);
        };
        show(choices[0][1]);
        return {
            title: "Users",
            content: [el("fieldset", { class: "switch" }, el("legend", {}, "Users"), choices.map(([text, keep], i) => el("label", {}, el("input", { type: "radio", name: "users", checked: i === 0, change: () => show(keep) }), ` ${text}`))), box],
        };
    }

    Object.assign(sidmill, { userPage, usersPage, unfolded, namedItems: named });
}
