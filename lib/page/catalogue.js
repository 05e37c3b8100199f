// The catalogue that a report carries: unpacked when it is first asked for; items by id, by their codes' prefixes, by words of titles.
{
    const fold = text => text.normalize("NFKC").toLowerCase();
    const wordsOf = text => fold(text).match(/[\p{L}\p{N}\p{M}]+/gu) || [];

    async function unpack(packed) {
        if (typeof DecompressionStream === "undefined") {
            throw new Error("This browser cannot unpack the catalogue: it lacks DecompressionStream. Browsers since 2023 have it.");
        }
        const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
        return JSON.parse(await new Response(stream).text());
    }

    class Catalogue {
        constructor(data) {
            this.data = data;
            this.n = data.ids.length;
            this.levels = data.levels;
            this.index = new Map(data.ids.map((id, i) => [id, i]));
            this.order = Array.from({ length: this.n }, (_, i) => i).sort((a, b) => this.compare(a, b));
        }

        // An item's codes, with the suffix as one more.
        path(i) {
            const codes = this.codes(i);
            if (this.data.suffixes[i] >= 0) codes.push(this.data.suffixes[i]);
            return codes;
        }
        codes(i) { return this.data.codes.slice(i * this.levels, (i + 1) * this.levels); }
        token(i, l) { return l < this.levels ? this.data.codes[i * this.levels + l] : this.data.suffixes[i]; }
        compare(a, b) {
            for (let l = 0; l <= this.levels; l++) {
                const d = this.token(a, l) - this.token(b, l);
                if (d) return d;
            }
            return a - b;
        }

        // The places in `order` of the items whose codes begin so: [from, to).
        range(prefix) {
            const before = (i, above) => {
                for (let l = 0; l < prefix.length; l++) {
                    const d = this.token(i, l) - prefix[l];
                    if (d) return d < 0;
                }
                return above;
            };
            const search = above => {
                let lo = 0, hi = this.n;
                while (lo < hi) {
                    const middle = (lo + hi) >> 1;
                    if (before(this.order[middle], above)) lo = middle + 1;
                    else hi = middle;
                }
                return lo;
            };
            return [search(false), search(true)];
        }
        members(prefix) {
            const [from, to] = this.range(prefix);
            return this.order.slice(from, to);
        }

        // What codes follow a prefix, commonest first: [{codes, members}].
        next(prefix) {
            const groups = new Map();
            for (const i of this.members(prefix)) {
                const code = this.token(i, prefix.length);
                if (prefix.length > this.levels || code < 0) continue;
                if (!groups.has(code)) groups.set(code, []);
                groups.get(code).push(i);
            }
            return [...groups].map(([code, members]) => ({ codes: [...prefix, code], members }))
                .sort((a, b) => b.members.length - a.members.length || a.codes.at(-1) - b.codes.at(-1));
        }

        brief(i) {
            const d = this.data;
            return { id: d.ids[i], title: d.titles[i], codes: this.codes(i), suffix: d.suffixes[i],
                picture: d.pictures ? d.pictures[i] : null };
        }

        // Items whose title, or id, holds all words, each as the beginning of one; the most popular first.
        search(query) {
            const wanted = wordsOf(query);
            if (!wanted.length) return [];
            if (!this.texts) this.texts = this.data.titles.map((title, i) => " " + wordsOf(`${this.data.ids[i]} ${title || ""}`).join(" "));
            const found = [];
            for (let i = 0; i < this.n; i++) if (wanted.every(w => this.texts[i].includes(" " + w))) found.push(i);
            return found.sort((a, b) => this.data.popularity[b] - this.data.popularity[a] || a - b);
        }
    }

    let loaded = null;
    const element = document.getElementById("catalogue");

    // The catalogue, read once; null where the page has none.
    function catalogue() {
        if (!element) return Promise.resolve(null);
        if (!loaded) loaded = unpack(element.textContent).then(data => { element.remove(); return new Catalogue(data); });
        return loaded;
    }

    Object.assign(sidmill, { catalogue, wordsOf });
}
