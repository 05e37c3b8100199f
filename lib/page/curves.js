// What trainings log, as curves.
{
    const { el, section, lines, stageName } = sidmill;

    // A panel shows those of its lines that the log has: by paths of keys, with what they are (null: the protocol that the model is chosen
    // by), or by a key of a list or object whose members are lines.
    const losses = {
        loss_per_item: "per item of the training set", item_loss: "of whole items",
        loss: "what is minimised", supervised_loss: "of the targets",
    };
    const reconstruction = { reconstruction: "reconstruction", image: "of pictures", commitment: "commitment" };
    const panels = [
        { title: "Loss by level", key: "loss_per_level", member: i => `level ${Number(i) + 1}`, note: "nats" },
        { title: "Loss", keys: losses, note: "nats" },
        { title: "hr@10 on validation", keys: { "hr@10": null, "all.hr@10": "all items" }, protocol: true },
        { title: "ndcg@10 on validation", keys: { "ndcg@10": null, "all.ndcg@10": "all items" }, protocol: true },
        { title: "Reconstruction and commitment", keys: reconstruction },
        { title: "Codes in use by level", key: "utilisation", member: i => `level ${Number(i) + 1}`, note: "share" },
        { title: "Reward", keys: { reward: "all" }, key: "reward_terms", member: name => name },
        { title: "Groups", keys: { groups_equal_share: "of equal rewards", groups_with_hit: "with a hit" }, note: "share" },
        { title: "Divergence from the reference", keys: { kl: "KL" }, note: "nats a token" },
        { title: "Entropy", keys: { entropy: "entropy" }, note: "nats a token" },
        { title: "Learning rate", keys: { lr: "learning rate" } },
    ];

    const at = (line, path) => path.split(".").reduce((o, key) => (o === null || o === undefined ? undefined : o[key]), line);
    const along = lines => (lines.some(l => l.epoch !== undefined) ? "epoch" : "step");

    function points(lines, x, get) {
        const found = lines.map(l => ({ x: l[x], y: get(l) })).filter(p => typeof p.x === "number" && typeof p.y === "number");
        return found.length > 1 ? found : null;
    }

    function seriesOf(panel, log, x) {
        const series = [];
        const add = (label, get) => {
            const found = points(log, x, get);
            if (found) series.push({ label, points: found });
        };
        for (const [path, label] of Object.entries(panel.keys || {})) add(label || protocolOf(log), l => at(l, path));
        if (panel.key) {
            const members = new Set(log.flatMap(l => Object.keys(l[panel.key] || {})));
            for (const m of members) add(panel.member(m), l => l[panel.key]?.[m]);
        }
        if (panel.protocol && protocolOf(log) === "all items") return series.slice(0, 1); /* both are the same */
        return series.filter(s => !panel.key || s.points.some(p => p.y !== 0));
    }

    const protocolOf = log => (log.some(l => l.protocol === "unseen") ? "items not met before" : "all items");

    function charts(curve) {
        const x = along(curve.lines);
        return panels.map(p => ({ p, series: seriesOf(p, curve.lines, x) })).filter(({ series }) => series.length)
            .map(({ p, series }) => lines({ title: p.title, note: p.note ? `(${p.note})` : null, series, x }));
    }

    // What tells runs of a stage apart: their seeds.
    function label(curve, report) {
        const command = report.stages?.find(s => s.name === curve.name)?.command || "";
        const seed = /--seed[ =](\d+)/.exec(command);
        return stageName(curve.name) + (seed ? `, seed ${seed[1]}` : "");
    }

    function together(runs, report) {
        const x = along(runs[0].lines);
        const series = runs.slice(0, 7).map(r => ({ label: label(r, report), points: points(r.lines, x, l => l["ndcg@10"]) }))
            .filter(s => s.points);
        return series.length > 1 && lines({ title: "ndcg@10 on validation, all runs", series, x });
    }

    function run(curve, report) {
        const shown = charts(curve);
        return shown.length > 0 && el("details", { class: "run" }, el("summary", {}, label(curve, report)),
            el("div", { class: "grid" }, shown));
    }

    function curves(report) {
        const stages = [...new Set((report.curves || []).map(c => c.stage))];
        const parts = stages.map(stage => {
            const runs = report.curves.filter(c => c.stage === stage);
            const details = runs.map(r => run(r, report)).filter(Boolean);
            if (details.length) details[0].open = true;
            return details.length > 0 && section(3, stage, together(runs, report), details);
        }).filter(Boolean);
        return parts.length ? section(2, "Training", parts) : null;
    }

    Object.assign(sidmill, { curves });
}
