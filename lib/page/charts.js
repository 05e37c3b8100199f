// Charts: Chart.js on a canvas, with a caption, words for those who do not see it, and its figures as a table. Drawn when they come into
// sight, and anew when the colours change or the page is printed.
{
    const { el, table } = sidmill;
    const figures = new Map(); // by their element
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let printing = false;

    const dashes = [[], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3]];
    const shapes = ["circle", "rect", "triangle", "rectRot", "cross", "star", "crossRot"];

    // The style's own colours, those for paper while it prints.
    function palette() {
        const style = getComputedStyle(document.documentElement);
        const mode = dark.matches && !printing ? "dark" : "light";
        const get = name => style.getPropertyValue(`--${name}-${mode}`).trim();
        return { ink: get("ink"), muted: get("muted"), rule: get("rule"), series: [1, 2, 3, 4, 5, 6, 7].map(i => get(`s${i}`)) };
    }

    const font = () => ({ family: getComputedStyle(document.documentElement).getPropertyValue("--plain").trim(), size: 12 });

    function draw(figure) {
        if (figure.chart) figure.chart.destroy();
        const colours = palette();
        const config = figure.config(colours);
        Chart.defaults.font = { ...Chart.defaults.font, ...font() };
        Chart.defaults.color = colours.muted;
        Chart.defaults.borderColor = colours.rule;
        config.options = {
            responsive: true, maintainAspectRatio: false, animation: false, devicePixelRatio: printing ? 3 : undefined, ...config.options,
        };
        figure.chart = new Chart(figure.canvas, config);
    }

    const seen = new IntersectionObserver(entries => {
        for (const { target, isIntersecting } of entries) {
            const figure = figures.get(target);
            if (isIntersecting && figure && !figure.chart) draw(figure);
        }
    }, { rootMargin: "300px" });

    // Forgets figures that a page had which is gone.
    function forget() {
        for (const [node, figure] of figures) {
            if (node.isConnected) continue;
            if (figure.chart) figure.chart.destroy();
            figures.delete(node);
        }
    }

    function redraw(all) {
        forget();
        for (const figure of figures.values()) if (all || figure.chart) draw(figure);
    }
    dark.addEventListener("change", () => redraw(false));
    sidmill.printCharts = on => { printing = on; redraw(on); };

    // title: what the chart shows; label: what it says, in words; config: Chart.js's, of a palette; figures: () => the table's arguments.
    function figure({ title, note, label, height = 220, config, figures: data }) {
        const canvas = el("canvas", { role: "img", "aria-label": `${title}. ${label}` });
        const details = el("details", { class: "figures", toggle: () => {
            if (details.children.length === 1) details.append(table({ caption: title, hidden: true, ...data() }));
        } }, el("summary", {}, "Figures"));
        const node = el("figure", {}, el("figcaption", {}, el("b", {}, title), note ? ` ${note}` : null),
            el("div", { class: "chart", "--height": `${height}px` }, canvas), details);
        figures.set(node, { canvas, config });
        seen.observe(node);
        return node;
    }

    // Shapes on some ten of a line's points, on other ones of each line.
    function sparsely(i, points) {
        const step = Math.ceil(points / 10), first = Math.floor(step * ((i * 0.382) % 1));
        return Array.from({ length: points }, (_, k) => (k % step === first ? 3.5 : 0));
    }

    // How a series looks: told apart by dashes and shapes as well as by colour.
    function style(colours, i, points) {
        return {
            borderColor: colours.series[i % 7], backgroundColor: colours.series[i % 7], borderDash: dashes[i % 7], borderWidth: 2,
            pointStyle: shapes[i % 7], pointRadius: sparsely(i, points), pointBorderWidth: 1.5, pointHitRadius: 8,
        };
    }

    const ends = s => {
        const values = s.points.filter(p => p.y !== null && p.y !== undefined);
        const told = values.length ? `from ${sidmill.short(values[0].y)} to ${sidmill.short(values.at(-1).y)}` : "nothing";
        return `${s.label}: ${told}`;
    };

    const axis = (colours, title, more = {}) => ({
        title: { display: Boolean(title), text: title, color: colours.muted },
        grid: { color: colours.rule, drawBorder: false, tickLength: 4 },
        ticks: { color: colours.muted, maxTicksLimit: 7, ...more.ticks }, ...more.scale,
    });

    // Lines over numbers, or over names where `names` are given. series: [{label, points: [{x, y}]}].
    function lines({ title, note, series, x, y, names, height, scales = {} }) {
        const config = colours => ({
            type: "line",
            data: {
                labels: names,
                datasets: series.map((s, i) => (
                    { label: s.label, data: s.points, ...style(colours, i, s.points.length), ...(s.plain ? plain(colours) : {}) })),
            },
            options: {
                interaction: { mode: "nearest", axis: "x", intersect: false },
                plugins: {
                    legend: {
                        display: series.length > 1, position: "bottom", align: "start",
                        labels: { usePointStyle: true, boxWidth: 8, boxHeight: 8, color: colours.ink, padding: 12 },
                    },
                },
                scales: {
                    x: axis(colours, x, { scale: { type: names ? "category" : "linear", offset: Boolean(names), ...scales.x } }),
                    y: axis(colours, y, { scale: scales.y }),
                },
            },
        });
        const data = () => ({
            columns: [{ name: x || "", rowhead: true }, ...series.map(s => ({ name: s.label, number: true }))],
            rows: places(series).map(at => [names ? at : sidmill.short(at),
                ...series.map(s => sidmill.short(s.points.find(p => p.x === at)?.y))]),
        });
        return figure({ title, note, height, config, figures: data, label: series.map(ends).join("; ") });
    }

    const plain = colours => ({ borderColor: colours.muted, borderDash: [2, 4], borderWidth: 1, pointRadius: 0, pointStyle: "line" });

    // At most 200 places of all series' points.
    function places(series) {
        const all = [...new Set(series.flatMap(s => s.points.map(p => p.x)))];
        if (typeof all[0] === "number") all.sort((a, b) => a - b);
        const step = Math.ceil(all.length / 200);
        return all.filter((_, i) => i % step === 0 || i === all.length - 1);
    }

    Object.assign(sidmill, { figure, lines, axis, shapes });
}
