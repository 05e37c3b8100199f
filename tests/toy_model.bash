# Models of the toy catalogue (helpers/toy.py), small and soon trained; SIDs that grow; models that are tampered with. For suites whose
# setup_file() has made sids.st, interactions.st and model.st.
# shellcheck disable=SC2034 # whoever loads this uses TIMELINE

SMALL=(-s sids.st -i interactions.st --dim 32 --layers 2 --heads 2 --kv-heads 1 --ffn 64 --dropout 0.05 --max-items 8 --epochs 8
    --batch-tokens 128 --shards 4 --lr 0.01 --warmup 10 --patience 0)
TIMELINE=(--body timeline --item-vectors --node-vectors --depth-ffn 32)

train() { "$BIN/sidgen-train" -q "${SMALL[@]}" "$@"; }
at_least() { [ "$(/usr/bin/python3 -c 'import sys; print(float(sys.argv[1]) >= float(sys.argv[2]))' "$1" "$2")" = True ] || fail "$1, expected at least $2"; }

# Appends an item with a free SID to sids.st, as rqvae --assign does: in grown.st.
grow() {
    /usr/bin/python3 - "$(meta model.st input.sids)" <<'PY'
import json, sys
import numpy as np
from tensors import load, save
t, meta = load("sids.st")
codes = t["codes"]
taken = set(map(tuple, codes.tolist()))
free = next((a, b) for a in range(8) for b in range(8) if (a, b) not in taken)
t["codes"] = np.vstack([codes, [free]]).astype("<i4")
t["suffix"] = np.append(t["suffix"], -1).astype("<i4")
t["item_ids"] = np.append(t["item_ids"], np.frombuffer(b"new\n", "u1"))
config = {"codes": 8, "max-suffix": int(t["suffix"].max()) + 1}
save("grown.st", t, {"schema": "sids/1", "config": json.dumps(config), "input.sids": sys.argv[1]})
PY
}

# changed EXPRESSION: the model with tensors t and metadata meta changed, in broken.st.
changed() {
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
import numpy as np
from tensors import load, save
t, meta = load("model.st")
t = {k: v.copy() for k, v in t.items()}
def set_json(key, **new): meta[key] = json.dumps(json.loads(meta[key]) | new)
exec(sys.argv[1])
save("broken.st", t, meta)
PY
}
