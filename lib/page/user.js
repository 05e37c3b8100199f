// A user's page: where the held-out item stands, the history, and how the list came about.
{
    const { el, section, source, count, plural, itemLink, codeLinks, fullPath } = sidmill;
    const recent = 30; // of a long history

    // Where the held-out item stands, in a sentence or two.
    function standing(user, held) {
        const own = user.model ? user.model.findIndex(m => m.id === user.target) + 1 : 0;
        const final = user.rank ? `stands at place ${user.rank} of the final list`
            : `is not among the ${plural(user.items.length, "item")} of the final list`;
        const before = !user.model ? "" : own ? `; in the model's own it was at place ${own}` : "; it is not in the model's own";
        return el("p", { class: "standing" }, "The held-out item, ", itemLink(held), `, ${final}${before}. `,
            sidmill.beamFate(user.levels, fullPath(held)));
    }

    function historyList(ids, briefs) {
        const row = (id, i) => el("li", { value: i + 1 }, itemLink(briefs.get(id)), " ", el("small", {}, codeLinks(briefs.get(id))));
        const rows = ids.map(row), older = rows.splice(0, Math.max(0, ids.length - recent));
        const list = of => el("ol", { class: "plain" }, of);
        return [older.length > 0 && el("details", {}, el("summary", {}, `${count(older.length)} before these`), list(older)), list(rows)];
    }

    async function userPage(name) {
        const user = (await source.users()).find(u => u.user === name);
        if (!user) return { title: name, content: el("p", {}, "This user is not among those shown here.") };
        const briefs = await sidmill.namedItems(user, [...user.history, user.target]);
        return {
            title: `User ${user.user}`,
            content: [
                standing(user, briefs.get(user.target)),
                section(3, `History, ${plural(user.history.length, "item")}, the oldest first`, historyList(user.history, briefs)),
                sidmill.unfolded(user, user.target, briefs),
            ],
        };
    }

    Object.assign(sidmill, { userPage });
}
