// An item's page: all that is known of it, and its neighbours by code and by vector.
{
    const { el, section, fill, source, fixed, codeLinks, itemList } = sidmill;
    const most = 20; // neighbours by code

    function facts(item) {
        const rows = [
            ["Id", el("span", { class: "id" }, item.id)], ["Codes", codeLinks(item)], ["Brand", item.brand],
            ["Categories", (item.categories || []).join(" › ")],
            ["Met in training", item.popularity === undefined ? null : sidmill.plural(item.popularity, "time")],
            ["Caption", item.caption], ["Intents", item.intents?.length ? el("ul", {}, item.intents.map(t => el("li", {}, t))) : null],
        ];
        return el("dl", { class: "facts" }, rows.filter(([, value]) => value)
            .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
    }

    // Items that share all codes, then all but the last, and so on, as far as `most` go; each with how many codes it shares.
    async function sharing(item) {
        const full = item.suffix >= 0 ? [...item.codes, item.suffix] : item.codes;
        const met = new Set([item.id]);
        const found = [];
        for (let l = full.length - 1; l > 0 && found.length < most; l--) {
            const group = await source.prefix(full.slice(0, l));
            for (let i = 0; group && i < Math.min(group.items.length, 100) && found.length < most; i++) {
                const other = group.items.at(i);
                if (!met.has(other.id)) found.push({ other, codes: l });
                met.add(other.id);
            }
        }
        return found;
    }

    async function byCode(item) {
        const found = await sharing(item);
        if (!found.length) return el("p", { class: "note" }, "No other item's codes begin like its own.");
        const lengths = [...new Set(found.map(f => f.codes))];
        return lengths.map(l => [el("p", { class: "note" }, `Share the first ${l === 1 ? "code" : `${l} codes`}:`),
            itemList(found.filter(f => f.codes === l).map(f => f.other))]);
    }

    async function byVector(item) {
        const near = await source.near(item.id);
        if (!near.length) return null;
        const cosines = new Map(near.map(n => [n.item.id, n.cosine]));
        const shown = cosine => el("span", { class: "cosine" },
            el("span", { class: "bar", "--part": Math.max(0, cosine) }), fixed(cosine, 3));
        return section(3, "Nearest by vector", el("p", { class: "note" }, "By the cosine of what is known of them, as vectors."),
            itemList(near.map(n => n.item), other => shown(cosines.get(other.id))));
    }

    async function itemPage(id) {
        const item = await source.item(id);
        if (!item) return { title: id, content: el("p", {}, "This item is not in the catalogue shown here.") };
        const codes = el("div", {});
        if (item.codes) fill(codes, byCode(item));
        return {
            title: item.title || item.id,
            content: [
                el("div", { class: "item" },
                    item.picture && el("img", { class: "picture", src: item.picture, alt: `Picture of ${item.title || item.id}` }),
                    el("div", {}, facts(item), sidmill.pick && sidmill.pick(item))),
                el("div", { class: "pair" }, item.codes && section(3, "Nearest by code", codes), await byVector(item)),
                item.record && el("details", {}, el("summary", {}, "The whole record"),
                    el("pre", {}, JSON.stringify(item.record, null, 2))),
            ],
        };
    }

    Object.assign(sidmill, { itemPage });
}
