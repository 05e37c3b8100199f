// Search by words of titles, or by ids, as they are typed.
{
    const { el, fill, source, itemList } = sidmill;
    const most = 100, pause = 150; // items shown; milliseconds without a key before it looks

    async function found(query, said) {
        const answer = await source.search(query, most);
        const some = answer.count > most ? `, the first ${most} shown` : "";
        said.textContent = answer.count ? sidmill.plural(answer.count, "item") + some : "Nothing has all these words.";
        return answer.items.length ? itemList(answer.items, sidmill.pick) : [];
    }

    // The page of a query: a field that looks while one types; the address follows.
    function searchPage(query) {
        const said = el("p", { class: "note", role: "status", "aria-live": "polite" });
        const list = el("div", { class: "found" });
        let timer = 0;
        const look = () => {
            const text = field.value.trim();
            history.replaceState(null, "", `#/search/${encodeURIComponent(text)}`);
            if (text) return fill(list, found(text, said));
            said.textContent = "";
            return list.replaceChildren();
        };
        const later = () => {
            clearTimeout(timer);
            timer = setTimeout(look, pause);
        };
        const field = el("input", { type: "search", id: "query", value: query, autocomplete: "off", spellcheck: "false", input: later });
        const form = el("form", { role: "search", submit: event => { event.preventDefault(); clearTimeout(timer); look(); } },
            el("label", { for: "query" }, "Words of a title, or an id"), field, el("button", {}, "Search"));
        if (query) fill(list, found(query, said));
        return { title: "Search", content: [form, said, list], focus: field };
    }

    Object.assign(sidmill, { searchPage });
}
