// Metrics by popularity of the held-out item and by length of the history.
{
    const { el, table, section, lines, fixed, count, underBoth } = sidmill;
    const metrics = ["hr@10", "ndcg@10"];
    const most = 7; // lines of a chart

    const byPopularity = {
        title: "by popularity of the held-out item",
        names: s => Object.keys(s.strata || {}),
        value: (s, name, protocol, metric) => (protocol === "metrics" ? s.strata : s.strata_unseen)?.[name]?.[metric] ?? null,
        tell: (s, name) => {
            const g = s.strata[name];
            const [least, most] = g.popularity.map(count);
            return `${name}: ${count(g.items)} items met ${least} to ${most} times in training, ${count(g.users)} users`;
        },
    };
    const byHistory = {
        title: "by length of the history",
        names: s => Object.keys(s.strata_history || {}),
        value: (s, name, protocol, metric) => s.strata_history?.[name]?.[protocol]?.[metric] ?? null,
        tell: (s, name) => `${name}: ${count(s.strata_history[name].users)} users`,
    };

    // Systems, those of several seeds as one: [{name, of: [system]}].
    function merged(results) {
        const seeds = new Set((results.means || []).flatMap(m => m.of));
        const means = (results.means || []).map(m => ({ name: m.name, of: results.systems.filter(s => m.of.includes(s.name)) }));
        const others = results.systems.filter(s => !seeds.has(s.name)).map(s => ({ name: s.name, of: [s] }));
        return [...means.filter(s => s.of.length), ...others];
    }

    function mean(system, by, name, protocol, metric) {
        const values = system.of.map(s => by.value(s, name, protocol, metric)).filter(v => v !== null);
        return values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
    }

    function chart(systems, by, names, protocol, metric) {
        const points = s => names.map(name => ({ x: name, y: mean(s, by, name, protocol, metric) }));
        const series = systems.slice(0, most).map(s => ({ label: s.name, points: points(s) }));
        const note = systems.length > most ? `of the first ${most} systems.` : null;
        return lines({ title: `${metric} ${by.title}`, note, series, names, scales: { y: { beginAtZero: true } } });
    }

    function part(systems, by) {
        const first = systems[0].of[0];
        const names = by.names(first);
        if (!names.length) return null;
        const having = systems.filter(s => by.names(s.of[0]).length);
        const under = protocol => [
            table({
                caption: `hr@10 and ndcg@10 ${by.title}`,
                groups: el("tr", {}, el("td"), metrics.map(m => el("th", { scope: "colgroup", colspan: names.length }, m))),
                columns: [{ name: "System", rowhead: true }, ...metrics.flatMap(() => names.map(name => ({ name, number: true })))],
                rows: having.map(s => [s.name, ...metrics.flatMap(m => names.map(name => fixed(mean(s, by, name, protocol, m))))]),
            }),
            el("div", { class: "pair" }, metrics.map(m => chart(having, by, names, protocol, m))),
        ];
        return section(3, by.title[0].toUpperCase() + by.title.slice(1),
            el("p", { class: "note" }, names.map(name => by.tell(first, name)).join("; ") + "."), underBoth(under));
    }

    function groups(report) {
        const systems = report.results?.systems?.length ? merged(report.results) : [];
        const parts = systems.length ? [byPopularity, byHistory].map(by => part(systems, by)).filter(Boolean) : [];
        if (!parts.length) return null;
        return section(2, "Who is served", el("p", { class: "note" }, "Systems of several seeds are shown as their mean."), parts);
    }

    Object.assign(sidmill, { groups });
}
