// Values as points with their intervals as whiskers, one below the other; a line at zero where they are differences.
{
    const { figure, axis, fixed, signed, span } = sidmill;

    const whiskers = rows => ({
        id: "whiskers",
        beforeDatasetsDraw(chart) {
            const { ctx, scales: { x, y } } = chart;
            ctx.save();
            ctx.lineWidth = 2;
            rows.forEach((r, i) => {
                if (!r.interval) return;
                const at = y.getPixelForValue(i), [from, to] = r.interval.map(v => x.getPixelForValue(v));
                ctx.strokeStyle = chart.data.datasets[0].pointBorderColor[i];
                ctx.beginPath();
                ctx.moveTo(from, at);
                ctx.lineTo(to, at);
                for (const end of [from, to]) {
                    ctx.moveTo(end, at - 4);
                    ctx.lineTo(end, at + 4);
                }
                ctx.stroke();
            });
            ctx.restore();
        },
    });

    // rows: [{label, value, interval: [lo, hi] | none, kind: 0 ours, 1 a baseline, 2 published}].
    function intervals({ title, note, rows, zero, name }) {
        const show = zero ? signed : fixed;
        const ends = rows.flatMap(r => [r.value, ...(r.interval || [])]);
        const config = colours => {
            const colour = rows.map(r => [colours.series[0], colours.muted, colours.series[1]][r.kind || 0]);
            return {
                type: "scatter",
                data: {
                    datasets: [{
                        data: rows.map((r, i) => ({ x: r.value, y: i })), pointRadius: 5, pointHitRadius: 10,
                        pointStyle: rows.map(r => ["circle", "rect", "triangle"][r.kind || 0]),
                        pointBackgroundColor: colour, pointBorderColor: colour,
                    }],
                },
                plugins: [whiskers(rows)],
                options: {
                    layout: { padding: { right: 12 } },
                    plugins: {
                        legend: { display: false },
                        tooltip: { callbacks: { label: at => `${rows[at.dataIndex].label}: ${text(rows[at.dataIndex], show)}` } },
                    },
                    scales: {
                        x: axis(colours, name, {
                            scale: {
                                suggestedMin: zero ? Math.min(0, ...ends) : Math.min(...ends) * 0.9,
                                suggestedMax: zero ? Math.max(0, ...ends) : Math.max(...ends) * 1.02,
                                grid: {
                                    drawBorder: false, tickLength: 4,
                                    color: at => (zero && at.tick.value === 0 ? colours.ink : colours.rule),
                                },
                            },
                        }),
                        y: {
                            type: "linear", min: -0.6, max: rows.length - 0.4, reverse: true, grid: { display: false, drawBorder: false },
                            afterBuildTicks: scale => { scale.ticks = rows.map((_, i) => ({ value: i })); },
                            ticks: {
                                autoSkip: false, color: colours.ink,
                                callback(v) { return shorten(rows[v].label, this.chart.width < 420 ? 16 : 26); },
                            },
                        },
                    },
                },
            };
        };
        return figure({
            title, note, config, height: 46 + 24 * rows.length, label: rows.map(r => `${r.label}: ${text(r, show)}`).join("; "),
            figures: () => ({
                columns: [{ name: "", rowhead: true }, { name, number: true }, { name: "95% interval", number: true }],
                rows: rows.map(r => [r.label, show(r.value), r.interval ? span(r.interval, show) : null]),
            }),
        });
    }

    const shorten = (label, most) => (label.length > most ? label.slice(0, most - 1) + "…" : label);
    const text = (r, show) => show(r.value) + (r.interval ? `, ${span(r.interval, show)}` : "");

    Object.assign(sidmill, { intervals });
}
