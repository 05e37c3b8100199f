// Figures as text.
{
    const whole = new Intl.NumberFormat("en-GB");
    const none = v => v === null || v === undefined || Number.isNaN(v);

    const count = v => none(v) ? "–" : whole.format(v);
    const fixed = (v, digits = 4) => none(v) ? "–" : v.toFixed(digits).replace("-", "−");
    const signed = v => none(v) ? "–" : (v > 0 ? "+" : "") + fixed(v);
    const short = v => none(v) ? "–" : String(Number(v.toPrecision(4))).replace("-", "−");
    const span = ([lo, hi], show = fixed) => (show === fixed ? `${fixed(lo)}–${fixed(hi)}` : `${show(lo)} to ${show(hi)}`);

    function percent(p) {
        if (none(p)) return "–";
        const digits = p >= 0.1 || p === 0 ? 1 : p >= 0.001 ? 2 : 3;
        return p > 0 && p < 0.00001 ? "< 0.001%" : `${(100 * p).toFixed(digits)}%`;
    }

    function duration(seconds) {
        if (none(seconds)) return "–";
        const s = Math.round(seconds);
        if (s < 1) return "< 1 s";
        if (s < 60) return `${s} s`;
        if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
        return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
    }

    function memory(kib) {
        if (none(kib)) return "–";
        return kib < 1024 * 1024 ? `${Math.max(1, Math.round(kib / 1024))} MiB` : `${(kib / 1024 / 1024).toFixed(1)} GiB`;
    }

    const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

    // A stage's folder without most of its digest: sidgen-train 220a51.
    const stageName = name => name.replace(/-([0-9a-f]{6})[0-9a-f]{6}$/, " $1");

    Object.assign(sidmill, { count, fixed, signed, short, span, percent, duration, memory, plural, stageName });
}
