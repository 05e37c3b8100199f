// The stages in the order in which they run: what each took, and from which it takes.
{
    const { el, table, section, duration, memory, stageName } = sidmill;

    function inputs(stage, known) {
        const links = stage.inputs.map(name => known.has(name) ? el("a", { href: `#stage-${name}` }, stageName(name)) : stageName(name));
        return links.flatMap((l, i) => (i ? [", ", l] : [l]));
    }

    // The program that makes it, which may be somebody's own, and then has no page in the manual.
    const title = (stage, manual) => {
        const tool = /^[a-z-]+(?= |$)/.exec(stage.command || "")?.[0];
        const page = { href: `${manual}/${tool}.1.html`, title: `The manual's page of ${tool}` };
        return [manual && tool ? el("a", page, stage.stage) : stage.stage,
            el("span", { class: "digest" }, stageName(stage.name).slice(stage.stage.length))];
    };

    const row = (stage, known, most, manual) => ({
        id: `stage-${stage.name}`, class: stage.state === "made" ? null : "unmade",
        cells: [
            title(stage, manual), stage.state, duration(stage.seconds),
            { class: "wide", content: el("span", { class: "bar", "--part": (stage.seconds || 0) / most }) },
            memory(stage.memory_kib), { class: "inputs", content: stage.inputs.length ? inputs(stage, known) : null },
        ],
    });

    // The command, in a row of its own for its length.
    const commandRow = stage => ({
        class: "command",
        cells: [{
            head: false, attributes: { colspan: 6 },
            content: el("details", {}, el("summary", {}, "command", sidmill.spoken(` of ${stageName(stage.name)}`)),
                el("code", {}, stage.command)),
        }],
    });

    function stages(report) {
        const list = report.stages || [];
        if (!list.length) return null;
        const known = new Set(list.map(s => s.name));
        const most = Math.max(1, ...list.map(s => s.seconds || 0));
        const all = list.reduce((sum, s) => sum + (s.seconds || 0), 0);
        const made = list.filter(s => s.state === "made").length;
        const told = `${sidmill.plural(list.length, "stage")}, ${made} made, ${duration(all)} in all if one runs after the other.`;
        return section(2, "Stages", el("p", { class: "note" }, told),
            table({
                class: "stages", caption: "Stages in the order in which they run",
                columns: [{ name: "Stage", rowhead: true }, { name: "state" }, { name: "time", number: true }, { name: "" },
                    { name: "memory", number: true }, { name: "takes from" }],
                rows: list.flatMap(s => [row(s, known, most, report.manual), commandRow(s)]),
            }));
    }

    Object.assign(sidmill, { stages });
}
