// Where the explorer's facts come from: the catalogue in the page, or the server that gave the page. Both give the same shapes.
{
    const { token } = sidmill;
    const element = document.getElementById("report");
    const report = element ? JSON.parse(element.textContent) : null;
    const live = !report && !document.getElementById("catalogue");

    async function ask(path, order) {
        for (;;) {
            const sent = token.header().Authorization;
            const reply = await fetch(path, order
                ? { method: "POST", body: JSON.stringify(order), headers: { "Content-Type": "application/json", ...token.header() } }
                : { headers: token.header() }).catch(() => { throw new Error("The server does not answer."); });
            const answer = await reply.json().catch(() => ({}));
            if (reply.status === 401) {
                if (sent === token.header().Authorization) await token.renew();
            } else if (reply.status === 404) {
                return null;
            } else if (!reply.ok) {
                throw new Error(`The server answers ${reply.status}: ${answer.error || "nothing more"}`);
            } else {
                return answer;
            }
        }
    }

    // Whatever a record has under a key, as a list of texts.
    const texts = value => (Array.isArray(value) ? value : value ? [value] : []).map(v => typeof v === "object" && v ? v.text : String(v))
        .filter(Boolean);

    const server = {
        async start() { this.health = await ask("health") || {}; },
        async item(id) {
            const answer = await ask(`items/${encodeURIComponent(id)}`);
            if (!answer) return null;
            const r = answer.record || {};
            return {
                id: answer.id, codes: answer.codes, suffix: answer.suffix ?? -1, title: r.title, brand: r.brand, caption: r.caption,
                categories: texts(r.categories || r.category), intents: texts(r.intents), record: answer.record, same: answer.same,
            };
        },
        async prefix(codes) {
            const answer = await ask(`codes/${codes.join(",")}`);
            if (!answer) return null;
            const next = answer.next.map(({ code, items: count, topic }) => ({ codes: [...codes, code], count,
                topic: () => (count === 1 ? titleBelow(answer.items, codes.length, code) : sidmill.topic(sidmill.sharedOf(topic, count))) }));
            return { codes, count: answer.count, items: answer.items, next, shared: sidmill.sharedOf(answer.topic, answer.count) };
        },
        async search(query, limit) {
            const answer = await ask(`search?q=${encodeURIComponent(query)}&limit=${limit}`);
            return { count: answer.count, items: answer.items };
        },
        briefs: ids => Promise.all(ids.map(async id => await server.item(id) || { id, unknown: true })),
        recommend: order => ask("recommend", { ...order, unfold: true }),
        near: async () => [],
        users: async () => [],
    };

    const codeAt = (item, l) => [...item.codes, item.suffix ?? -1][l];
    const titleBelow = (items, l, code) => items.find(item => codeAt(item, l) === code)?.title || "";

    // What a group of items is about: of one its title.
    const told = (c, members) => (members.length === 1 ? c.data.titles[members[0]] || "" : sidmill.topic(sidmill.shared(c, members)));

    // Members of a list of indices as they are wanted.
    const lazily = (c, indices) => ({ length: indices.length, at: i => c.brief(indices[i]) });

    const embedded = {
        async start() { },
        async item(id) {
            const c = await sidmill.catalogue();
            const i = c.index.get(id);
            if (i === undefined) return null;
            const d = c.data;
            return {
                ...c.brief(i), brand: d.brands[i], caption: d.captions[i], categories: d.categories[i] || [], intents: d.intents[i] || [],
                popularity: d.popularity[i],
            };
        },
        async prefix(codes) {
            const c = await sidmill.catalogue();
            const members = c.members(codes);
            if (!members.length) return null;
            const next = c.next(codes).map(n => ({ codes: n.codes, count: n.members.length, topic: () => told(c, n.members) }));
            return { codes, count: members.length, items: lazily(c, members), next,
                shared: codes.length ? sidmill.shared(c, members) : [] };
        },
        async search(query, limit) {
            const c = await sidmill.catalogue();
            const found = c.search(query);
            return { count: found.length, items: found.slice(0, limit).map(i => c.brief(i)) };
        },
        async briefs(ids) {
            const c = await sidmill.catalogue();
            return ids.map(id => c.index.has(id) ? c.brief(c.index.get(id)) : { id, unknown: true });
        },
        async near(id) {
            const { data, index } = await sidmill.catalogue();
            const i = index.get(id);
            if (!data.neighbours || i === undefined) return [];
            const items = await embedded.briefs(data.neighbours[i].map(j => data.ids[j]));
            return items.map((item, k) => ({ item, cosine: data.cosines ? data.cosines[i][k] : null }));
        },
        users: async () => (await sidmill.catalogue())?.data.users || [],
    };

    const source = live ? server : embedded;
    Object.assign(source, { live, report, explorable: live || Boolean(document.getElementById("catalogue")) });
    Object.assign(sidmill, { source });
}
