// All users that a report shows, with what became of each.
{
    const { el, growing, scroller, source, count, itemLink } = sidmill;
    const step = 100;
    const choices = [["all", () => true], ["whose held-out item is found", u => u.rank], ["whose is not", u => !u.rank]];

    const heads = [["User"], ["history", "number"], ["held-out item"], ["its place", "number"]];
    const head = () => el("thead", {}, el("tr", {}, heads.map(([text, name]) => el("th", { scope: "col", class: name }, text))));

    const row = (u, target) => el("tr", {},
        el("th", { scope: "row" }, el("a", { href: `#/users/${encodeURIComponent(u.user)}` }, u.user)),
        el("td", { class: "number" }, count(u.history.length)), el("td", {}, itemLink(target)),
        el("td", { class: "number" }, u.rank ? String(u.rank) : "–"));

    function userTable(users, briefs) {
        const [body, more] = growing(el("tbody"), users, step, u => row(u, briefs.get(u.target)));
        return [scroller("Users", el("table", {}, el("caption", { class: "spoken" }, "Users"), head(), body)), more];
    }

    async function usersPage() {
        const users = await source.users();
        const briefs = new Map((await source.briefs([...new Set(users.map(u => u.target))])).map(b => [b.id, b]));
        const box = el("div", {});
        const show = keep => box.replaceChildren(...userTable(users.filter(keep), briefs));
        const choice = ([text, keep], i) =>
            el("label", {}, el("input", { type: "radio", name: "users", checked: i === 0, change: () => show(keep) }), ` ${text}`);
        show(choices[0][1]);
        return { title: "Users", content: [el("fieldset", { class: "switch" }, el("legend", {}, "Users"), choices.map(choice)), box] };
    }

    Object.assign(sidmill, { usersPage });
}
