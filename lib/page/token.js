// The token that a server wants: asked for when it says so, kept for this tab alone.
{
    const { el } = sidmill;
    const name = "sidmill-token";
    let asking = null;

    function ask(wrong) {
        const input = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
        return new Promise(resolve => {
            const given = event => {
                event.preventDefault();
                sessionStorage.setItem(name, input.value.trim());
                form.remove();
                asking = null;
                resolve();
            };
            const form = el("form", { class: "token", submit: given },
                el("label", { for: "token" }, wrong ? "The server does not know this token. Its token:" : "This server wants a token:"),
                    input,
                el("button", {}, "Go on"));
            document.getElementById("main").before(form);
            input.focus();
        });
    }

    const token = {
        header: () => sessionStorage.getItem(name) ? { Authorization: `Bearer ${sessionStorage.getItem(name)}` } : {},
        // Resolves when the reader has given another one.
        async renew() {
            if (!asking) asking = ask(sessionStorage.getItem(name) !== null);
            await asking;
        },
    };

    Object.assign(sidmill, { token });
}
