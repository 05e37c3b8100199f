// The explorer's pages by their addresses: #/codes/1,2  #/items/ID  #/search/words  #/users/NAME  #/recommend/order
{
    const { el, source } = sidmill;

    const views = {
        codes: rest => sidmill.codesPage(rest),
        items: rest => sidmill.itemPage(rest),
        search: rest => sidmill.searchPage(rest),
        users: rest => (rest ? sidmill.userPage(rest) : sidmill.usersPage()),
        recommend: (rest, raw) => sidmill.recommendPage(raw),
    };

    const links = () => [["codes/", "Codes"], ["search/", "Search"], source.live ? ["recommend/", "Recommend"] : ["users/", "Users"]];

    // A part of an address; what is wrongly encoded is taken as it stands.
    function decoded(text) {
        try {
            return decodeURIComponent(text);
        } catch {
            return text;
        }
    }

    function frame(view) {
        return el("nav", { class: "views", "aria-label": "Explorer" },
            links().map(([at, text]) => el("a", { href: `#/${at}`, "aria-current": at.startsWith(view) ? "page" : null }, text)),
            sidmill.picked);
    }

    // The page of an address, after "#/": {title, node, focus}.
    async function explorerPage(address) {
        const [, view, raw] = /^([^/]*)\/?(.*)$/.exec(address || "codes/");
        const nothing = () => ({ title: "Nothing here", content: el("p", {}, "There is no such page.") });
        const page = await (views[view] || nothing)(decoded(raw), raw);
        const heading = el("h2", { tabindex: "-1" }, page.title);
        const node = el("article", { class: "explorer" }, frame(view), heading, page.content);
        return { title: page.title, focus: page.focus || heading, node };
    }

    Object.assign(sidmill, { explorerPage, decoded });
}
