"""The generator once more, in PyTorch and plain Python, from its documentation alone: what our C is compared with.

A safetensors reader, both bodies' forward over one history at a time, the SIDs' vocabulary and trie, the losses, the optimiser, and
ranking by the log-probability of every item's SID. Written for clarity, in float64; nothing here is shared with the C code.
"""
import json
import math
import struct

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

POSITIONS = "model.positions.weight"
LEVEL_VECTORS = "model.think.level_vectors.weight"
ITEMS, NODES = TABLES = "model.item_vectors.weight", "model.node_vectors.weight"


def read_safetensors(path):
    """Tensors by name (as numpy arrays) and the metadata."""
    raw = open(path, "rb").read()
    size, = struct.unpack("<Q", raw[:8])
    head = json.loads(raw[8:8 + size])
    kinds = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1"}
    meta, tensors = head.pop("__metadata__", {}), {}
    for name, t in head.items():
        begin, end = (8 + size + x for x in t["data_offsets"])
        tensors[name] = np.frombuffer(raw[begin:end], kinds[t["dtype"]]).reshape(t["shape"])
    return tensors, meta


def load(path):
    """A model file: the generator, and the metadata."""
    tensors, meta = read_safetensors(path)
    config, nodes = json.loads(meta["config"]), {}
    tensors = {name: t for name, t in tensors.items() if not name.startswith("think.") and name != "tokenizer"}
    if NODES in tensors:
        parents, tokens, prefixes = tensors.pop("node_parent").tolist(), tensors.pop("node_token").tolist(), []
        for parent, token in zip(parents, tokens):
            prefixes.append(prefixes[parent] + (token,) if parent >= 0 else ())
        nodes = {prefix: row for row, prefix in enumerate(prefixes)}
    return (Timeline if config.get("depth_levels") else Thinker if config.get("think_levels") else Llama)(config, tensors, nodes), meta


class Llama:
    """Weights under Hugging Face names, config with Hugging Face keys; tied output. The flat body: a row a token. `nodes` gives the
    row that a prefix of a SID has among the node vectors."""

    def __init__(self, config, weights, nodes=None):
        self.config, self.nodes = config, nodes or {}
        self.w = {k: torch.tensor(np.array(v, np.float64), requires_grad=True) for k, v in weights.items()}

    def with_weights(self, weights):
        return type(self)(self.config, weights, self.nodes)

    @property
    def embedding(self):
        return self.w["model.embed_tokens.weight"]

    def norm(self, x, name):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.config["rms_norm_eps"]) * self.w[name + ".weight"]

    def rope(self, x):
        """x [heads, rows, head_dim]; the two halves of a head are the pairs' members."""
        dim = x.shape[-1]
        angle = torch.arange(x.shape[1]).double()[:, None] * self.config["rope_theta"] ** (-torch.arange(0, dim, 2).double() / dim)
        cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
        return x * cos + torch.cat([-x[..., dim // 2:], x[..., :dim // 2]], -1) * sin

    def attention(self, x, name):
        c, rows = self.config, x.shape[0]
        heads, groups, dim = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        q, k, v = ((x @ self.w[f"{name}.{p}_proj.weight"].T).view(rows, -1, dim).transpose(0, 1) for p in "qkv")
        if POSITIONS not in self.w:
            q, k = self.rope(q), self.rope(k)
        k, v = (t.repeat_interleave(heads // groups, 0) for t in (k, v))
        scores = q @ k.transpose(1, 2) / math.sqrt(dim)
        scores = scores.masked_fill(torch.ones(rows, rows, dtype=torch.bool).triu(1), -math.inf)
        return (scores.softmax(-1) @ v).transpose(0, 1).reshape(rows, heads * dim) @ self.w[f"{name}.o_proj.weight"].T

    def mlp(self, x, name):
        gate, up, down = (self.w[f"{name}.{p}_proj.weight"] for p in ("gate", "up", "down"))
        return (torch.nn.functional.silu(x @ gate.T) * (x @ up.T)) @ down.T

    def transform(self, x):
        """Normalised final states of one history's rows [rows, hidden_size]."""
        for i in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{i}"
            x = x + self.attention(self.norm(x, layer + ".input_layernorm"), layer + ".self_attn")
            x = x + self.mlp(self.norm(x, layer + ".post_attention_layernorm"), layer + ".mlp")
        return self.norm(x, "model.norm")

    def states(self, tokens):
        """Those of one history's tokens."""
        return self.transform(self.embedding[torch.tensor(tokens)])

    def window(self, catalogue, items):
        """For each of a window's items the states that predict its tokens, all from one pass; and the number of input rows."""
        states = self.states(catalogue.tokens(items)[:-1])
        return states.split([len(catalogue.sid[i]) for i in items]), len(states)

    def after(self, catalogue, history):
        """What gives the state that predicts the token after a prefix of a SID, behind a history."""
        tokens = catalogue.tokens(history)
        return lambda prefix: self.states(tokens + list(prefix))[-1]

    def logits(self, state, prefix, allowed):
        """Of the allowed tokens after a prefix: by their embeddings, and the vectors of the nodes that they lead to."""
        vectors = self.embedding[torch.tensor(allowed)]
        if NODES in self.w and prefix:
            vectors = vectors + self.w[NODES][torch.tensor([self.nodes[prefix + (token,)] for token in allowed])]
        return vectors @ state


class Thinker(Llama):
    """A flat body with a row for the thought before each code. A history is read as its codes alone; every state comes from a pass of
    its own over all that stands before it."""

    def last(self, rows):
        return self.transform(torch.stack(rows))[-1]

    def way(self, catalogue, history):
        """The state behind a history, and what gives the thought, or the state, after a prefix of a SID."""
        x = list(self.embedding[torch.tensor(catalogue.tokens(history))])
        h, memo = self.last(x), {}

        def after(prefix):
            """All rows up to the thought behind a prefix, and its state."""
            if prefix not in memo:
                rows, state = x, h
                if prefix:
                    rows = after(prefix[:-1])[0] + [self.embedding[prefix[-1]]]
                    state = self.last(rows)
                if len(prefix) < self.config["think_levels"]:
                    rows = rows + [state + self.w[LEVEL_VECTORS][len(prefix)]]
                    state = self.last(rows)
                memo[prefix] = rows, state
            return memo[prefix]

        return h, lambda prefix, thought: after(prefix)[0][-1] if thought else after(prefix)[1]

    def window(self, catalogue, items):
        ways = [self.way(catalogue, items[:n])[1] for n in range(len(items))]
        states = [[behind(catalogue.sid[i][:l], False) for l in range(len(catalogue.sid[i]))] for i, behind in zip(items, ways)]
        return states, len(catalogue.tokens(items)) - 1

    def after(self, catalogue, history):
        behind = self.way(catalogue, history)[1]
        return lambda prefix: behind(prefix, False)

    def thoughts(self, catalogue, items):
        for n in range(len(items)):
            h, behind = self.way(catalogue, items[:n])
            yield h, lambda prefix: behind(prefix, True)


class Timeline(Llama):
    """A row an item; of a SID's tokens each is predicted by the block of its level, from the state behind the last item and the
    tokens before it."""

    def rows(self, catalogue, items):
        x = [self.embedding[0]]
        for i in items:
            own = self.w[ITEMS][i] if ITEMS in self.w else 0
            x.append(self.embedding[list(catalogue.sid[i])].sum(0) + own)
        x = torch.stack(x)
        return x + self.w[POSITIONS][:len(x)] if POSITIONS in self.w else x

    def think(self, g, level):
        """What a model that thinks makes of a state before it chooses a level's code; before a suffix there is no thought."""
        if level >= self.config.get("think_levels", 0):
            return g
        name = f"model.think.{level}"
        return g + self.mlp(self.norm(g, name + ".norm"), name) + self.w[LEVEL_VECTORS][level]

    def thought(self, h, prefix):
        """The state that the block of a level reads: thoughts are fed back."""
        for level, token in enumerate(prefix):
            h = self.think(h, level) + self.embedding[token]
        return self.think(h, len(prefix))

    def block(self, h, prefix):
        g, name = self.thought(h, prefix), f"model.depth.{len(prefix)}"
        return g + self.mlp(self.norm(g, name + ".norm"), name)

    def window(self, catalogue, items):
        h = self.transform(self.rows(catalogue, items[:-1]))
        return [[self.block(h[n], catalogue.sid[i][:l]) for l in range(len(catalogue.sid[i]))] for n, i in enumerate(items)], len(h)

    def after(self, catalogue, history):
        h = self.transform(self.rows(catalogue, history))[-1]
        return lambda prefix: self.block(h, prefix)

    def thoughts(self, catalogue, items):
        """For each of a window's items the state before it, and what gives the thought after a prefix of its SID."""
        for h in self.transform(self.rows(catalogue, items[:-1])):
            yield h, lambda prefix: self.thought(h, prefix)


class Tutor(Llama):
    """What teaches thoughts: a light decoder, centroids [level][cluster] of length 1, the cluster `of` [level][code], and maps of
    thoughts to the centroids' space where that is another."""

    def __init__(self, config, weights, centroids, of):
        super().__init__(config, weights)
        self.centroids, self.of = torch.tensor(np.array(centroids, np.float64)), of

    def guess(self, h):
        return h + self.mlp(self.norm(h, "decoder.norm"), "decoder")

    def align(self, thought, level, code, temperature):
        project = self.w.get(f"project.{level}.weight")
        q = unit(thought if project is None else project @ thought)
        return -(self.centroids[level] @ q / temperature).log_softmax(0)[self.of[level][code]]


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def lesson_losses(model, tutor, catalogue, batch, softmax, temperature, among_items=False):
    """What thoughts are taught by in a batch of windows (items, context): [losses of each level's alignment], [of the guide], [of
    following it]. A target is thought about up to the last token that has a choice."""
    align, states, firsts, targets = [[] for _ in range(catalogue.levels)], [], [], []
    for items, context in batch:
        for n, (h, thought) in enumerate(model.thoughts(catalogue, items)):
            if n < context:
                continue
            i = items[n]
            sid = catalogue.sid[i]
            choices = [l for l in range(len(sid)) if len(catalogue.allowed(sid[:l], softmax)) > 1 or (among_items and l == 0)]
            for level in range(min(max(choices, default=-1) + 1, catalogue.levels)):
                code = sid[level] - 1 - level * catalogue.codes
                align[level].append(tutor.align(thought(sid[:level]), level, code, temperature))
            if choices:
                states.append(h)
                firsts.append(thought(()))
                targets.append(i)
    h = torch.stack(states)
    guess, first = tutor.guess(h), torch.stack(firsts)
    means = unit(torch.stack([model.embedding[list(catalogue.sid[i][:catalogue.levels])].mean(0) for i in targets])).detach()
    ids = torch.tensor(targets)
    twins = (ids[:, None] == ids[None, :]) & ~torch.eye(len(ids), dtype=torch.bool)
    logits = (unit(guess) @ means.T / temperature).masked_fill(twins, -math.inf)
    return align, -logits.log_softmax(1).diagonal(), 1 - (unit(first) * unit(guess.detach())).sum(1)


class Optimiser:
    """AdamW: matrices decay; gains, positions and tables do not. A table's row moves in the steps that give it a gradient only, by its
    own count of them."""

    def __init__(self, model, decay):
        dense = {k: w for k, w in model.w.items() if k not in TABLES}
        decayed = [w for k, w in dense.items() if w.dim() > 1 and k not in (POSITIONS, LEVEL_VECTORS)]
        others = [w for k, w in dense.items() if w.dim() == 1 or k in (POSITIONS, LEVEL_VECTORS)]
        self.weights = list(model.w.values())
        self.adamw = torch.optim.AdamW([{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0}], betas=(0.9, 0.98), eps=1e-8)
        self.tables = [(w, torch.zeros_like(w), torch.zeros_like(w), torch.zeros(len(w), 1)) for k, w in model.w.items() if k in TABLES]

    def step(self, loss, rate, clip, beside=None):
        """`beside`: another optimiser, that takes a step by the same loss, and by a norm of its own."""
        both = [self, beside] if beside else [self]
        for w in (w for o in both for w in o.weights):
            w.grad = torch.zeros_like(w)
        loss.backward()
        for o in both:
            o.move(rate, clip)

    def move(self, rate, clip):
        torch.nn.utils.clip_grad_norm_(self.weights, clip)
        for group in self.adamw.param_groups:
            group["lr"] = rate
        self.adamw.step()
        with torch.no_grad():
            for w, m, v, steps in self.tables:
                at = w.grad.any(1)
                g = w.grad[at]
                steps[at] += 1
                m[at] = 0.9 * m[at] + 0.1 * g
                v[at] = 0.98 * v[at] + 0.02 * g * g
                w[at] -= rate * m[at] / (1 - 0.9 ** steps[at]) / ((v[at] / (1 - 0.98 ** steps[at])).sqrt() + 1e-8)


class Catalogue:
    """SIDs as tokens: 0 begins a history, then the codes level by level, then the suffixes."""

    def __init__(self, codes, suffix, codes_per_level, max_suffix):
        self.levels, self.codes, self.max_suffix = codes.shape[1], codes_per_level, max_suffix
        self.first_suffix = 1 + self.levels * self.codes
        self.sid = []
        for row, s in zip(codes.tolist(), suffix.tolist()):
            self.sid.append(tuple(1 + l * self.codes + c for l, c in enumerate(row)) + ((self.first_suffix + s,) if s >= 0 else ()))
        self.children = {}
        for sid in self.sid:
            for l, token in enumerate(sid):
                self.children.setdefault(sid[:l], set()).add(token)
        self.item = {sid: i for i, sid in enumerate(self.sid)}

    def tokens(self, items):
        return [0] + [t for i in items for t in self.sid[i]]

    def nodes(self):
        """The trie's nodes by their prefixes, level by level and each level in the order of its prefixes."""
        return {p: n for n, p in enumerate(sorted({sid[:l] for sid in self.sid for l in range(len(sid) + 1)}, key=lambda p: (len(p), p)))}

    def allowed(self, prefix, softmax):
        """Tokens that a step's softmax is over, after `prefix` of a SID."""
        if softmax == "trie":
            return sorted(self.children[prefix])
        first = 1 + len(prefix) * self.codes
        return list(range(first, first + (self.codes if len(prefix) < self.levels else self.max_suffix)))


def log_probs(model, catalogue, state, prefix, softmax):
    """Allowed tokens and their log-probabilities at one state."""
    allowed = catalogue.allowed(prefix, softmax)
    return allowed, model.logits(state, prefix, allowed).log_softmax(-1)


def window_losses(model, catalogue, items, context, softmax, smoothing=0.0, among_items=0.0):
    """Of a window of items whose first `context` are only read: [(level, loss, smoothed loss)] of every scored token, and the
    number of input rows. With `among_items`, also of every item among all by their vectors, level "item", times that."""
    (states, rows), out = model.window(catalogue, items), []
    for item, of_item in list(zip(items, states))[context:]:
        sid = catalogue.sid[item]
        for level, token in enumerate(sid):
            allowed, lp = log_probs(model, catalogue, of_item[level], sid[:level], softmax)
            loss = -lp[allowed.index(token)]
            out.append((level, loss, (1 - smoothing) * loss - smoothing * lp.mean()))
        if among_items:
            lp = torch.log_softmax(of_item[0] @ model.w["model.item_vectors.weight"].T, 0)
            out.append(("item", -lp[item], among_items * (-(1 - smoothing) * lp[item] - smoothing * lp.mean())))
    return out, rows


def windows(model, history, max_items):
    """(items, context) windows over a training history: every item a target once. A timeline's last item takes no row, so that its
    windows hold one more."""
    longest = max_items + isinstance(model, Timeline)
    scored = 0
    while scored < len(history):
        context = max_items // 2 if scored else 0
        fresh = min(longest - context, len(history) - scored)
        yield history[scored - context:scored + fresh], context
        scored += fresh


def item_scores(model, catalogue, history, softmax):
    """The log-probability of every item's SID after a history: what a beam without limit finds."""
    after, memo = model.after(catalogue, history), {}

    def step(prefix):
        if prefix not in memo:
            allowed, lp = log_probs(model, catalogue, after(prefix), prefix, softmax)
            memo[prefix] = dict(zip(allowed, lp.tolist()))
        return memo[prefix]

    with torch.no_grad():
        return [sum(step(sid[:l])[token] for l, token in enumerate(sid)) for sid in catalogue.sid]


def beam_search(model, catalogue, history, softmax, beam):
    """[(score, item)] best first; a finished SID keeps its place in the beam."""
    live, done = [(0.0, ())], []
    with torch.no_grad():
        after = model.after(catalogue, history)
        while live:
            found = [(s, sid) for s, sid in done]
            for score, prefix in live:
                for token, lp in zip(*log_probs(model, catalogue, after(prefix), prefix, softmax)):
                    if token in catalogue.children[prefix]:
                        found.append((score + float(lp), prefix + (token,)))
            found = sorted(found, key=lambda f: -f[0])[:beam]
            done = [f for f in found if f[1] in catalogue.item]
            live = [f for f in found if f[1] not in catalogue.item]
    return sorted(((s, catalogue.item[sid]) for s, sid in done), key=lambda f: (-f[0], f[1]))


def policy_loss(model, reference, catalogue, groups, softmax, temperature, epsilon, beta):
    """The loss of GRPO over groups (history, candidates as token tuples, advantages, old): `old` [candidate][token] holds the
    log-probabilities under the policy that drew them, None for this policy. Returns the loss, every token's log-probability in the
    order of groups, candidates and tokens, and the sum of the KL divergences over tokens where there was a choice."""
    loss, found, divergence = 0, [], 0
    for history, draws, advantages, old in groups:
        after, before = model.after(catalogue, history), reference.after(catalogue, history)
        for draw, advantage, was in zip(draws, advantages, old or [None] * len(draws)):
            for level, token in enumerate(draw):
                prefix = draw[:level]
                allowed = catalogue.allowed(prefix, softmax)
                lp = (model.logits(after(prefix), prefix, allowed) / temperature).log_softmax(-1)
                with torch.no_grad():
                    ref = (reference.logits(before(prefix), prefix, allowed) / temperature).log_softmax(-1)
                p = lp[allowed.index(token)]
                ratio = (p - (p.detach() if was is None else was[level])).exp()
                kl = (lp.exp() * (lp - ref)).sum()
                gain = torch.minimum(ratio * advantage, ratio.clamp(1 - epsilon, 1 + epsilon) * advantage)
                loss = loss - (gain - beta * kl) / (len(draw) * len(draws) * len(groups))
                found.append(float(p))
                divergence += float(kl)
    return loss, found, divergence


def sid_log_prob(model, catalogue, history, sid, softmax, temperature):
    """log p of a whole SID after a history, the logits divided by the temperature."""
    after, total = model.after(catalogue, history), 0
    for level, token in enumerate(sid):
        allowed = catalogue.allowed(sid[:level], softmax)
        lp = (model.logits(after(sid[:level]), sid[:level], allowed) / temperature).log_softmax(-1)
        total = total + lp[allowed.index(token)]
    return total


def preference_loss(model, reference, catalogue, groups, softmax, temperature, beta, by_rank):
    """S-DPO's loss, the mean over groups (history, candidates best first, target), all as SIDs; the wrong ones may weigh by rank."""
    losses = []
    for history, draws, target in groups:
        def apart(sid):
            with torch.no_grad():
                before = sid_log_prob(reference, catalogue, history, sid, softmax, temperature)
            return sid_log_prob(model, catalogue, history, sid, softmax, temperature) - before

        wrong = [(apart(sid), 1 / math.log2(place + 2) if by_rank else 1) for place, sid in enumerate(draws) if sid != target]
        scale = sum(w for _, w in wrong) / len(wrong)
        wanted = apart(target)
        losses.append(torch.nn.functional.softplus(torch.logsumexp(torch.stack([beta * (d - wanted) + math.log(w / scale) for d, w in wrong]), 0)))
    return sum(losses) / len(losses)


def advantages(rewards, standardised=True):
    """Less the group's mean, divided by the population deviation or not."""
    r = np.array(rewards, np.float64)
    return (r - r.mean()) / (r.std() + 1e-6 if standardised else 1)
