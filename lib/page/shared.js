// What the items of a group share: terms that are commoner in it than in the catalogue, by p log(p / q), their parts in the divergence
// of the group from the catalogue.
{
    const kinds = ["category", "brand", "title", "caption", "intent"];
    const most = 4; // terms of a kind

    const distinct = list => [...new Set(list)];
    const words = text => distinct(sidmill.wordsOf(text || "").filter(w => w.length > 1 && !/^\p{N}+$/u.test(w)));

    function termsOf(d, i) {
        return [d.categories[i] || [], d.brands[i] ? [d.brands[i]] : [], words(d.titles[i]), words(d.captions[i]),
            distinct(d.intents[i] || [])];
    }

    // Numbers for the catalogue's terms, and each item's.
    function numberTerms(c) {
        const number = new Map();
        const terms = [];
        const items = c.data.ids.map((_, i) => {
            const own = [];
            termsOf(c.data, i).forEach((list, kind) => {
                for (const text of distinct(list)) {
                    const key = kind + text;
                    let t = number.get(key);
                    if (t === undefined) {
                        number.set(key, t = terms.length);
                        terms.push({ kind, text, overall: 0 });
                    }
                    terms[t].overall++;
                    own.push(t);
                }
            });
            return own;
        });
        return { terms, items };
    }

    // The terms of a group by kind, best first: [{kind, terms: [{text, share, overall}]}]; shares of the group's items and of all.
    function shared(c, members) {
        if (members.length < 2) return [];
        if (!c.terms) c.terms = numberTerms(c);
        const tally = new Map();
        for (const i of members) for (const t of c.terms.items[i]) tally.set(t, (tally.get(t) || 0) + 1);
        const found = kinds.map(kind => ({ kind, terms: [] }));
        for (const [t, n] of tally) {
            const { kind, text, overall } = c.terms.terms[t];
            const p = n / members.length, q = overall / c.n;
            if (n > 1 && p > q) found[kind].terms.push({ text, share: p, overall: q, gain: p * Math.log(p / q) });
        }
        return best(found);
    }

    // The best terms of each kind, without the words of titles that name a category or brand shown.
    function best(found) {
        const named = new Set();
        for (const f of found) {
            f.terms = f.terms.filter(t => f.kind !== "title" || !named.has(t.text)).sort((a, b) => b.gain - a.gain).slice(0, most);
            if (f.kind === "category" || f.kind === "brand") for (const t of f.terms) sidmill.wordsOf(t.text).forEach(w => named.add(w));
        }
        return found.filter(f => f.terms.length);
    }

    // The same of what a server says of `count` items.
    function sharedOf(topic, count) {
        const keys = { category: "categories", brand: "brand", title: "title", caption: "caption", intent: "intents" };
        return best(kinds.map(kind => ({ kind, terms: (topic?.[keys[kind]] || []).map(({ text, items, overall }) => {
            const share = items / count;
            return { text, share, overall, gain: share * Math.log(share / overall) };
        }) })));
    }

    // The best few of all kinds, as a line.
    function topic(found) {
        const texts = found.flatMap(f => f.terms).sort((a, b) => b.gain - a.gain).map(t => t.text);
        const apart = [];
        for (const text of texts) if (!apart.some(a => sidmill.wordsOf(a).join() === sidmill.wordsOf(text).join())) apart.push(text);
        return apart.slice(0, 3).join(", ");
    }

    Object.assign(sidmill, { shared, sharedOf, topic });
}
