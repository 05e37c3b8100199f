// How an answer came about: the beam level by level, then the final list.
{
    const { el, section, source } = sidmill;

    const told = "After each level the prefixes of codes that the model holds, the likeliest first, with their probability; " +
        "lines lead to what each went on to, pale ones end here.";

    // An item's codes with its suffix, null where they are not known.
    const fullPath = item => (!item?.codes ? null : item.suffix >= 0 ? [...item.codes, item.suffix] : item.codes);

    // The items that an answer names, and more by their ids, as a Map of id to item.
    async function namedItems(answer, more) {
        const titled = source.live ? new Map(answer.items.filter(i => i.title).map(i => [i.id, i])) : new Map();
        const ends = (answer.levels || []).flat().map(e => e.item).filter(id => id !== undefined);
        const ids = new Set([...more, ...[...answer.items, ...(answer.model || [])].map(i => i.id), ...ends]);
        const briefs = await source.briefs([...ids].filter(id => !titled.has(id)));
        return new Map([...titled, ...briefs.map(b => [b.id, b])]);
    }

    // target: the held-out item's id, or null.
    function unfolded(answer, target, briefs) {
        const path = target ? fullPath(briefs.get(target)) : null;
        const titles = new Map([...briefs].map(([id, b]) => [id, b.title]));
        return [
            answer.levels?.length > 0 && section(3, "The beam, level by level",
                el("p", { class: "note" }, told, path && " ◆ leads to the held-out item."), sidmill.beam(answer.levels, path, titles)),
            section(3, "The final list", sidmill.finalList(answer, target, briefs), sidmill.droppedItems(answer, briefs)),
        ];
    }

    Object.assign(sidmill, { unfolded, namedItems, fullPath });
}
