#!/usr/bin/env bats
# tensor: listing, slicing, making, joining and checking tensor files; and the format itself, against an independent reader and
# writer in Python.

bats_require_minimum_version 1.5.0

load suite.bash
setup() {
    suite_setup
    PATH=$BIN:$PATH
}

py() { python_with tensors <<<"$1"; }

refuse() { # exit code, pattern, command ...
    local code=$1 pattern=$2
    shift 2
    run --separate-stderr "$@"
    assert_equal "$status" "$code"
    assert_equal "${#stderr_lines[@]}" 1
    assert_regex "$stderr" "^tensor.*: .*$pattern"
}

embeddings() { # file, first item, rows
    py "rng = np.random.default_rng($2); n = $3
save('$1', {'text': rng.standard_normal((n, 4)).astype('f4'), 'item_ids': ids(f'i{$2 + j}' for j in range(n))}, {'schema': 'embeddings/1', 'config': '{}'})"
}

@test "help and usage" {
    run --separate-stderr tensor --help
    assert_success
    assert_output --partial "verify [FILE ...]"
    for c in ls get put join verify; do
        run tensor $c --help
        assert_success
        assert_output --partial "usage: tensor $c"
    done
    refuse 64 "expected a command" tensor
    refuse 64 "unknown command 'cat'" tensor cat
    refuse 64 "expected FILE and NAME" tensor get x
    refuse 64 "unknown option" tensor ls --no
    refuse 64 "expected NAME=FILE" tensor put
    refuse 66 "absent.st: No such file" tensor ls absent.st
}

@test "files written by Python open here: every NumPy type, scalars, empty and unaligned tensors" {
    py "
t = {n: np.array([0, 1, 1, 3 if n != 'BOOL' else 1]).astype(d).reshape(2, 2) for n, d in TYPES.items()}
t['scalar'] = np.array(2.5); t['empty'] = np.zeros((0, 3), 'f4')
save('a.st', t, {'note': 'with \"quotes\" and ümlauts'}, pad=5, skew=3)"
    run --separate-stderr tensor ls a.st
    assert_success
    assert_line --regexp '^F16 +F16 +\[2,2\] +min 0  max 3  mean 1.25  zeros 25.0%$'
    assert_line --regexp '^scalar +F64 +\[\] +min 2.5'
    assert_line --regexp '^empty +F32 +\[0,3\] +empty$'
    assert_line '# note: with "quotes" and ümlauts'
    for type in U8 I8 I16 U16 F16 I32 U32 F32 F64 I64 U64; do
        run --separate-stderr tensor get a.st $type
        assert_success
        assert_output $'0\t1\n1\t3'
    done
    assert_equal "$(tensor get a.st BOOL)" $'0\t1\n1\t1'
    assert_equal "$(tensor get a.st scalar)" 2.5
    assert_equal "$(tensor get a.st empty)" ""
    assert_equal "$(tensor ls < a.st)" "$(tensor ls a.st)"
    assert_equal "$(tensor ls - < <(cat a.st))" "$(tensor ls a.st)"
}

@test "standard input is a file, what is left of one, or a pipe" {
    embeddings e.st 0 5
    tensor get e.st text > expected
    tensor get - text < e.st | cmp - expected
    cat e.st | tensor get - text | cmp - expected
    cat <(printf 'before it\n') e.st > behind
    { read -r _; tensor get - text; } < behind | cmp - expected
    { tensor get - text; cat; } < e.st | cmp - expected
}

@test "16-bit and 8-bit floats read as the values they stand for" {
    py "
h = np.arange(65536).astype('<u2')
raw('h.st', '{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]},\"b\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[131072,262144]}}', h.tobytes() * 2)"
    tensor get --npy h.st h > h.npy
    tensor get --npy h.st b > b.npy
    tensor get h.st h > h.tsv
    py "
h = np.arange(65536).astype('<u2')
assert np.load('h.npy').tobytes() == h.tobytes()
assert np.array_equal(np.loadtxt('h.tsv', dtype='f4'), h.view('<f2').astype('f4'), equal_nan=True)
b = np.load('b.npy'); assert b.dtype == np.float32
assert np.array_equal(b, (h.astype('<u4') << 16).view('<f4'), equal_nan=True)"
}

@test "put takes the arrays of .npz files" {
    py "
np.savez('a.npz', x=np.arange(6, dtype='f4').reshape(2, 3), y=np.array([1, 2, 3]))
np.savez_compressed('b.npz', emb=np.ones((4, 2), 'f2'))
np.savez('none.npz')
np.savez('o.npz', o=np.array([{}], dtype=object))"
    tensor put a.npz z=b.npz -o all.st
    tensor put y=a.npz -o one.st
    py "
t, _ = load('all.st'); u, _ = load('one.st'); a = np.load('a.npz')
assert sorted(t) == ['x', 'y', 'z'] and sorted(u) == ['y']
assert np.array_equal(t['x'], a['x']) and t['x'].dtype == a['x'].dtype and np.array_equal(t['y'], a['y']) and t['z'].shape == (4, 2)
assert np.array_equal(u['y'], a['y'])"
    tensor put --onto all.st x=b.npz -o all.st
    py "assert load('all.st')[0]['x'].shape == (4, 2)"
    refuse 65 "a.npz: no array 'q' among x.npy, y.npy; FILE alone takes all of them" tensor put q=a.npz -o o.st
    refuse 65 "none.npz: no array 'q' among none" tensor put q=none.npz -o o.st
    refuse 64 "'x' is given twice" tensor put a.npz x=b.npz -o o.st
    refuse 64 "'nothere': expected NAME=FILE, or a .npz file" tensor put nothere -o o.st
    refuse 66 "nosuch.npz: No such file" tensor put nosuch.npz -o o.st
    refuse 65 "none.npz: holds no arrays" tensor put none.npz -o o.st
    refuse 65 "none.npz: holds no arrays" tensor put x=b.npz none.npz -o o.st
    refuse 65 'npy: holds Python objects' tensor put o.npz -o o.st
    head -c 200 a.npz >cut.npz
    refuse 65 'cut.npz: the packed data is damaged or cut off' tensor put cut.npz -o o.st
    /usr/bin/python3 -c "import zipfile; open('cut.npz', 'wb').write(open('a.npz', 'rb').read()[:zipfile.ZipFile('a.npz').infolist()[1].header_offset])"
    refuse 65 'cut.npz: the packed data is damaged or cut off: there should be more of it' tensor put cut.npz -o o.st
    refuse 65 'is a package that is read from a pipe' tensor put x=- -o o.st <a.npz
    refuse 65 'is a package that is read from a pipe' tensor put x=<(cat a.npz) -o o.st
    assert_not_exists o.st
    tensor put x=<(cat <(printf '1\t2\n')) -o pipe.st # a pipe is read once
    py "assert load('pipe.st')[0]['x'].tolist() == [[1, 2]]"
}

@test "types that are not known are listed, and refused where they count" {
    py "
raw('new.st', json.dumps({'w': {'dtype': 'F4', 'shape': [4, 4], 'data_offsets': [0, 8]},
    's': {'dtype': 'F8_E8M0', 'shape': [4], 'data_offsets': [8, 12]}, 'k': {'dtype': 'F8_E4M3', 'shape': [2], 'data_offsets': [12, 14]},
    'e': {'dtype': 'NEW\\u001b[31m', 'shape': [0], 'data_offsets': [8, 8]}}), bytes(range(14)))
raw('hole.st', json.dumps({'w': {'dtype': 'F4', 'shape': [4], 'data_offsets': [2, 4]}}), bytes(4))"
    run tensor ls new.st
    assert_success
    assert_line --regexp '^w +F4 +\[4,4\] +8 bytes of a type that is not known here$'
    assert_line --regexp '^s +F8_E8M0 +\[4\] +4 bytes of a type'
    assert_line --regexp '^k +F8_E4M3 +\[2\] +min '
    assert_line --regexp '^e +NEW\\x1b\[31m +\[0\]'
    run tensor ls --json new.st
    assert_output --partial '{"name":"w","dtype":"F4","shape":[4,4],"bytes":8}'
    refuse 65 "'w': dtype F4 is not known" tensor get new.st w
    refuse 65 "'w': dtype F4 is not known" tensor verify new.st
    refuse 65 'hole of 2 bytes before' tensor ls hole.st
}

@test "what we write is the published format, aligned, wide types first" {
    py "
rng = np.random.default_rng(1)
np.save('m.npy', rng.standard_normal((5, 3)).astype('f4')); np.save('c.npy', np.arange(24, dtype='i8').reshape(2, 3, 4))
np.save('u.npy', np.arange(7, dtype='u1')); np.save('s.npy', np.array(1.5, 'f2')); np.save('b.npy', np.array([True, False]))"
    printf 'a\nü b\nc\n' > ids.txt
    tensor put z=m.npy c=c.npy u=u.npy s=s.npy b=b.npy item_ids=ids.txt names=ids.txt --strings names \
        --meta schema=x/1 --meta 'note=a=b' -o out.st
    py "
t, meta = load('out.st', aligned=True)
assert list(t) == ['c', 'z', 's', 'b', 'item_ids', 'names', 'u'], list(t)
assert t['z'].tobytes() == np.load('m.npy').tobytes() and np.array_equal(t['c'], np.load('c.npy'))
assert t['u'].tolist() == list(range(7)) and t['s'].shape == () and t['s'] == 1.5 and t['b'].tolist() == [True, False]
assert t['item_ids'].tobytes() == t['names'].tobytes() == 'a\nü b\nc\n'.encode()
assert meta == {'tool': 'tensor', 'version': meta['version'], 'schema': 'x/1', 'note': 'a=b'}, meta
b = open('out.st', 'rb').read(); n, = struct.unpack('<Q', b[:8])
assert n % 8 == 0 and b[8 + n:] == b''.join(t[k].tobytes() for k in t)"
    tensor put z=m.npy c=c.npy u=u.npy s=s.npy b=b.npy item_ids=ids.txt names=ids.txt --strings names \
        --meta schema=x/1 --meta 'note=a=b' > again.st
    cmp out.st again.st
    run tensor ls out.st
    assert_line --regexp '^item_ids +U8 +\[9\] +3 strings: a, ü b, c$'
    assert_equal "$(tensor get out.st item_ids)" "$(cat ids.txt)"
    assert_equal "$(tensor get out.st names --strings)" "$(cat ids.txt)"
    assert_equal "$(tensor get out.st item_ids --rows 1:)" $'ü b\nc'
}

@test "text and .npy come back exactly" {
    py "
rng = np.random.default_rng(2)
a = (rng.standard_normal((200, 3)) * 10.0 ** rng.integers(-40, 38, (200, 3))).astype('f4'); a[0] = [np.nan, np.inf, -np.inf]
np.save('a.npy', a); np.save('d.npy', rng.standard_normal(50) * 1e-310)
np.save('i.npy', np.array([-2**63, 2**63 - 1, 2**53 + 1])); np.save('u.npy', np.array([2**64 - 1, 0], 'u8'))"
    tensor put a=a.npy d=d.npy i=i.npy u=u.npy -o t.st
    tensor get t.st a | tensor put a=- -o a.st
    tensor get t.st d | tensor put d=- --dtype F64 -o d.st
    tensor get t.st i | tensor put i=- --dtype I64 -o i.st
    tensor get t.st u | tensor put u=- --dtype U64 -o u.st
    for n in a d i u; do
        tensor get $n.st $n --npy -o $n.back.npy
        tensor get t.st $n --npy > $n.direct.npy
        cmp $n.direct.npy $n.npy
        cmp $n.back.npy $n.npy
    done
    py "
x = np.load('a.npy')[5:9]
open('want', 'w').write(''.join('\t'.join(repr(float(str(v))) for v in r) + '\n' for r in x))"
    tensor get t.st a --rows 5:9 > got
    py "assert np.array_equal(np.loadtxt('got', dtype='f4'), np.loadtxt('want', dtype='f4'))"
    tensor get t.st a --rows 5:9 --npy | /usr/bin/python3 -c "
import numpy as np, io, sys
assert np.array_equal(np.load(io.BytesIO(sys.stdin.buffer.read())), np.load('a.npy')[5:9])"
    assert_equal "$(tensor get t.st i --rows 1)" 9223372036854775807
    assert_equal "$(tensor get t.st i --rows :1)" -9223372036854775808
    assert_equal "$(tensor get t.st i --rows 3:)" ""
    refuse 65 "outside the tensor, which has 3 rows" tensor get t.st i --rows 2:4
    refuse 65 "outside" tensor get t.st i --rows 99999999999999999999
    refuse 64 "expected FIRST:END" tensor get t.st i --rows 1-2
    refuse 65 "no tensor 'no'" tensor get t.st no
}

@test "ls --json is JSON, with strings, statistics and metadata" {
    embeddings e.st 0 5
    py "save('n.st', {'x': np.array([0, np.nan, np.inf, 4], 'f4')}, {'k': 'v\n\x01'})"
    tensor ls --json e.st n.st > out.jsonl
    py "
e, n = map(json.loads, open('out.jsonl'))
assert e['file'] == 'e.st' and e['metadata']['schema'] == 'embeddings/1'
t = {x['name']: x for x in e['tensors']}
assert t['item_ids']['strings'] == 5 and t['item_ids']['first'] == ['i0', 'i1', 'i2']
a = load('e.st')[0]['text'].astype('f8')
assert t['text']['shape'] == [5, 4] and t['text']['min'] == a.min() and abs(t['text']['mean'] - a.mean()) < 1e-12
assert n['tensors'][0] == {'name': 'x', 'dtype': 'F32', 'shape': [4], 'min': 0, 'max': 4, 'mean': 2, 'zeros': 1, 'nan': 1, 'inf': 1}
assert n['metadata'] == {'k': 'v\n\x01'}"
    run tensor ls n.st
    assert_line --partial 'NaN 1  inf 1'
    assert_line '# k: v\x0a\x01'
    run tensor ls --brief n.st
    assert_line --regexp '^x +F32 +\[4\]$'
}

@test "malformed files are refused with one line and exit code 65" {
    embeddings e.st 0 5
    head -c 300 e.st > cut.st
    : > empty.st
    printf 'abc' > short.st
    py "
def one(name, dtype, shape, offsets, n):
    raw(name, '{\"x\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}' % (dtype, shape, offsets), bytes(n))
def two(name, second, offsets, n):
    u8 = '{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":%s}'
    raw(name, '{\"x\":' + u8 % '[0,2]' + ',\"' + second + '\":' + u8 % offsets + '}', bytes(n))
raw('beyond', '{}', length=3); raw('huge', '{}', length=2**63); raw('text', 'hello'); raw('json', '{\"x\":}'); raw('utf8', b'{\"\xff\":{}}')
raw('meta', '{\"__metadata__\":{\"a\":1}}')
one('dtype', 'F31', '[1]', '[0,4]', 4); one('negative', 'F32', '[1]', '[-4,0]', 4); one('backwards', 'F32', '[1]', '[4,0]', 4)
one('past', 'F32', '[2]', '[0,8]', 4); one('small', 'F32', '[2]', '[0,4]', 4); one('after', 'F32', '[1]', '[0,4]', 5)
one('before', 'F32', '[1]', '[1,5]', 5); one('overflow', 'F32', [2**40, 2**40], '[0,4]', 4); one('half', 'F32', '[1.5]', '[0,4]', 4)
two('overlap', 'y', '[1,3]', 3); two('hole', 'y', '[3,5]', 5); two('twice', 'x', '[2,4]', 4)"
    refuse 65 "cut.st: .*past the end" tensor verify cut.st
    refuse 65 "empty.st: is empty" tensor verify empty.st
    refuse 65 "ends after 3 bytes" tensor verify short.st
    refuse 65 "header length 3 runs past the end, 2 bytes on" tensor verify beyond
    refuse 65 "header length 9223372036854775808, expected at most 100000000" tensor verify huge
    refuse 65 "does not begin with" tensor verify text
    refuse 65 "not JSON at byte 5" tensor verify json
    refuse 65 "UTF-8" tensor verify utf8
    refuse 65 "__metadata__ 'a' is a number, expected a string" tensor verify meta
    refuse 65 "'x': dtype F31 is not known" tensor verify dtype
    refuse 65 "data_offsets: expected two whole numbers" tensor verify negative
    refuse 65 "run backwards" tensor verify backwards
    refuse 65 "run past the end" tensor verify past
    refuse 65 "hold 4 bytes, expected 8" tensor verify small
    refuse 65 "1 bytes after the last tensor" tensor verify after
    refuse 65 "hole of 1 bytes" tensor verify before
    refuse 65 "shape overflows" tensor verify overflow
    refuse 65 "whole numbers" tensor verify half
    refuse 65 "'x' and 'y' overlap" tensor verify overlap
    refuse 65 "hole of 1 bytes before tensor 'y'" tensor verify hole
    refuse 65 "'x' is there twice" tensor verify twice
}

@test "verify knows the schemas" {
    embeddings e.st 0 5
    py "
n = ids(['a', 'b', 'c'])
save('x.st', {'user_offsets': np.array([0, 3, 4]), 'item_index': np.array([0, 1, 2, 1], 'i4'), 'timestamp': np.arange(4), 'user_ids': ids(['u', 'v']), 'item_ids': n}, {'schema': 'interactions/1'})
save('s.st', {'codes': np.array([[0, 1], [0, 1], [2, 0]], 'i4'), 'suffix': np.array([0, 1, -1], 'i4'), 'item_ids': n}, {'schema': 'sids/1'})
save('q.st', {'quality': np.array([0, .5, 1], 'f4'), 'quality_mask': np.array([0, 1, 1], 'u1'), 'item_ids': n}, {'schema': 'quality/1'})
save('r.st', {'items': np.array([[0, 1], [2, -1]], 'i4'), 'scores': np.zeros((2, 2), 'f4'), 'user_ids': ids(['u', 'v']), 'item_ids': n}, {'schema': 'recs/1'})
save('p.st', {'x': np.zeros(1)}); save('o.st', {'x': np.zeros(1)}, {'schema': 'other/3'})"
    run --separate-stderr tensor verify e.st x.st s.st q.st r.st p.st o.st
    assert_success
    assert_output "e.st: ok (embeddings/1)
x.st: ok (interactions/1)
s.st: ok (sids/1)
q.st: ok (quality/1)
r.st: ok (recs/1)
p.st: ok (no schema)
o.st: ok (unknown schema other/3)"
}

@test "verify names what disagrees with a schema" {
    py "n = ids(['a', 'b', 'c'])
uv = ids(['u'])
save('1.st', {'text': np.array([[0, 1], [2, np.nan], [0, 0]], 'f4'), 'item_ids': n}, {'schema': 'embeddings/1'})
save('2.st', {'text': np.zeros((2, 4), 'f4'), 'item_ids': n}, {'schema': 'embeddings/1'})
save('3.st', {'text': np.zeros((3, 4), 'i4'), 'item_ids': n}, {'schema': 'embeddings/1'})
save('4.st', {'item_ids': n}, {'schema': 'embeddings/1'})
save('5.st', {'text': np.zeros((3, 4), 'f4'), 'item_ids': ids(['a', 'b', 'a'])}, {'schema': 'embeddings/1'})
save('6.st', {'quality': np.zeros(3, 'f4'), 'quality_mask': np.array([0, 2, 1], 'u1'), 'item_ids': n}, {'schema': 'quality/1'})
save('7.st', {'quality': np.zeros(3, 'f4'), 'item_ids': n}, {'schema': 'quality/1'})
save('8.st', {'codes': np.zeros((3, 2), 'i4'), 'suffix': np.array([0, 1, -1], 'i4'), 'item_ids': n}, {'schema': 'sids/1'})
save('9.st', {'user_offsets': np.array([0, 5]), 'item_index': np.array([0, 1, 2, 1], 'i4'), 'user_ids': uv, 'item_ids': n}, {'schema': 'interactions/1'})
save('10.st', {'user_offsets': np.array([0, 4]), 'item_index': np.array([0, 1, 3, 1], 'i4'), 'user_ids': uv, 'item_ids': n}, {'schema': 'interactions/1'})
save('11.st', {'items': np.array([[0, 3]], 'i4'), 'user_ids': uv, 'item_ids': n}, {'schema': 'recs/1'})
save('12.st', {'model.embed_tokens.weight': np.zeros((8, 4), 'f4'), 'model.norm.weight': np.zeros(5, 'f4')}, {'schema': 'model/1'})
save('13.st', {'model.embed_tokens.weight': np.zeros((8, 4), 'f4'), 'model.norm.weight': np.zeros(4, 'f4')}, {'schema': 'model/1'})"
    refuse 65 "1.st: tensor 'text': row 1 holds NaN, expected finite" tensor verify 1.st
    refuse 65 "'item_ids': found 3 strings, expected 2" tensor verify 2.st
    refuse 65 "'text': found I32 \[3,4\], expected a float type \[\*,\*\]" tensor verify 3.st
    refuse 65 "no embeddings" tensor verify 4.st
    refuse 65 "row 2: id \"a\" was there before" tensor verify 5.st
    refuse 65 "row 1 holds 2, expected 0 or 1" tensor verify 6.st
    refuse 65 "no tensor 'quality_mask'" tensor verify 7.st
    refuse 65 "SID" tensor verify 8.st
    refuse 65 "ends with 5, expected 4" tensor verify 9.st
    refuse 65 "row 2: 3, expected 0 to 2" tensor verify 10.st
    refuse 65 "item 3" tensor verify 11.st
    refuse 65 "'model.norm.weight': found F32 \[5\], expected a float type \[4\]" tensor verify 12.st
    refuse 65 "config" tensor verify 13.st
    embeddings good.st 0 3
    run --separate-stderr tensor verify good.st 1.st
    assert_equal "$status" 65
    assert_output "good.st: ok (embeddings/1)"
}

@test "put refuses what it cannot hold" {
    py "
np.save('f.npy', np.asfortranarray(np.zeros((2, 3)))); np.save('o.npy', np.array([{}], object), allow_pickle=True)
np.save('c.npy', np.zeros(2, 'c8')); np.save('big.npy', np.zeros(2, '>f4')); np.save('u.npy', np.array(['a']))
np.save('r.npy', np.zeros(2, [('a', 'f4')])); np.save('good.npy', np.zeros((4, 4), 'f4'))"
    refuse 65 "f.npy: npy: array in Fortran order" tensor put x=f.npy -o x.st
    refuse 65 "Python objects" tensor put x=o.npy -o x.st
    refuse 65 "type '<c8'" tensor put x=c.npy -o x.st
    refuse 65 "big-endian" tensor put x=big.npy -o x.st
    refuse 65 "type '<U1'" tensor put x=u.npy -o x.st
    refuse 65 "records" tensor put x=r.npy -o x.st
    for n in 7 9 11 50 130; do
        head -c $n good.npy > cut.npy
        run --separate-stderr tensor put x=cut.npy -o x.st
        assert_equal "$status" 65
    done
    printf '1\t2\n3\n' > ragged.tsv
    refuse 65 "ragged.tsv:2: 1 columns, expected 2" tensor put x=ragged.tsv -o x.st
    printf '1\nx\n' > word.tsv
    refuse 65 "word.tsv:2: 'x', expected a number of type F32" tensor put x=word.tsv -o x.st
    printf '1\n\n' > blank.tsv
    refuse 65 "blank.tsv:2: '', expected a number" tensor put x=blank.tsv -o x.st
    printf '1\n300\n' > large.tsv
    refuse 65 "large.tsv:2: '300', expected a number of type U8" tensor put x=large.tsv --dtype U8 -o x.st
    refuse 65 "'1.5', expected a number of type I32" tensor put x=<(echo 1.5) --dtype I32 -o x.st
    refuse 65 "'-1', expected a number of type U64" tensor put x=<(echo -1) --dtype U64 -o x.st
    printf 'a\n\n' > ids.txt
    refuse 65 "ids.txt:2: empty line" tensor put item_ids=ids.txt -o x.st
    printf '\xff\n' > ids.txt
    refuse 65 "ids.txt:1: not valid UTF-8" tensor put item_ids=ids.txt -o x.st
    refuse 64 "'x': expected NAME=FILE" tensor put x -o x.st
    refuse 64 "'x' is given twice" tensor put x=good.npy x=good.npy -o x.st
    refuse 64 "standard input is given twice" tensor put x=- y=- -o x.st
    refuse 64 "KEY=VALUE" tensor put x=good.npy --meta a -o x.st
    refuse 64 "one of F32" tensor put x=good.npy --dtype F16 -o x.st
    refuse 66 "absent.npy" tensor put x=absent.npy -o x.st
    assert_file_not_exist x.st
    run compgen -G 'x.st*'
    assert_output ""
}

@test "put takes .npy version 2, and --onto keeps the rest" {
    py "
a = np.arange(6, dtype='f4').reshape(2, 3)
np.lib.format.write_array(open('v2.npy', 'wb'), a, version=(2, 0))
save('old.st', {'x': np.zeros(2), 'y': np.arange(3)}, {'schema': 'mine/1', 'tool': 'other', 'k': 'old'})"
    tensor put --onto old.st x=v2.npy z=v2.npy --meta k=new -o new.st
    py "
t, meta = load('new.st', aligned=True)
assert np.array_equal(t['x'], np.arange(6).reshape(2, 3)) and t['y'].tolist() == [0, 1, 2] and set(t) == {'x', 'y', 'z'}
assert meta['schema'] == 'mine/1' and meta['tool'] == 'tensor' and meta['k'] == 'new' and len(meta['input.onto']) == 32"
    cp old.st same.st
    tensor put --onto same.st x=v2.npy -o same.st
    py "t, _ = load('same.st'); assert t['x'].shape == (2, 3) and t['y'].tolist() == [0, 1, 2]"
}

@test "join puts shards row after row" {
    embeddings a.st 0 3
    embeddings b.st 3 2
    embeddings c.st 5 4
    tensor join a.st b.st c.st -o all.st
    py "
f = [load(p)[0] for p in ('a.st', 'b.st', 'c.st')]; t, meta = load('all.st', aligned=True)
assert np.array_equal(t['text'], np.concatenate([x['text'] for x in f]))
assert t['item_ids'].tobytes() == ids(f'i{j}' for j in range(9)).tobytes()
assert meta['schema'] == 'embeddings/1' and meta['config'] == '{}' and 'input.2' in meta"
    run tensor verify all.st
    assert_success
    refuse 65 "id \"i0\" was there before" tensor join a.st a.st -o x.st
    py "t, m = load('b.st'); save('w.st', {'text': t['text'][:, :3], 'item_ids': t['item_ids']}, m); save('m.st', {**t, 'joint': t['text']}, m); save('o.st', t)"
    refuse 65 "row shape differs from that of a.st" tensor join a.st w.st -o x.st
    refuse 65 "tensor 'joint', which a.st has not" tensor join a.st m.st -o x.st
    refuse 65 "no tensor 'joint', which m.st has" tensor join m.st a.st -o x.st
    refuse 65 "schema missing, expected embeddings/1" tensor join a.st o.st -o x.st
    assert_file_not_exist x.st
}

@test "join keeps one codebook, and counts offsets on" {
    py "
book = np.random.default_rng(0).standard_normal((2, 4, 3)).astype('f4')
for p, i, b in (('a', 0, book), ('b', 1, book), ('c', 2, book + 1)):
    save(p + '.st', {'codes': np.array([[i, 0], [i, 1]], 'i4'), 'suffix': np.full(2, -1, 'i4'), 'item_ids': ids([f'{p}0', f'{p}1']),
                     'codebook': b}, {'schema': 'sids/1'})
n = ids(['x', 'y', 'z'])
save('d.st', {'user_offsets': np.array([0, 3, 4]), 'item_index': np.array([0, 1, 2, 1], 'i4'), 'user_ids': ids(['u', 'v']), 'item_ids': n}, {'schema': 'interactions/1'})
save('e.st', {'user_offsets': np.array([0, 2]), 'item_index': np.array([2, 2], 'i4'), 'user_ids': ids(['w']), 'item_ids': n}, {'schema': 'interactions/1'})
save('m.st', {'model.embed_tokens.weight': np.zeros((8, 4), 'f4'), 'model.norm.weight': np.zeros(4, 'f4')}, {'schema': 'model/1'})"
    run --separate-stderr tensor join a.st b.st -o ab.st
    assert_success
    py "t, _ = load('ab.st', aligned=True); assert t['codes'].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and t['codebook'].shape == (2, 4, 3)"
    refuse 65 "'codebook': differs from that of a.st" tensor join a.st c.st -o x.st
    tensor join d.st e.st -o de.st
    py "t, _ = load('de.st', aligned=True); assert t['user_offsets'].tolist() == [0, 3, 4, 6] and t['item_index'].tolist() == [0, 1, 2, 1, 2, 2] and t['item_ids'].size == 6"
    run tensor verify de.st
    assert_output "de.st: ok (interactions/1)"
    refuse 65 "cannot be joined" tensor join m.st m.st -o x.st
}

@test "join --merge puts tensors of the same items side by side" {
    embeddings a.st 0 3
    py "t, m = load('a.st')
save('b.st', {'image': np.ones((3, 2), 'f4'), 'item_ids': t['item_ids']}, m)
save('c.st', {'image': np.ones((3, 2), 'f4'), 'item_ids': ids(['i0', 'i2', 'i1'])}, m)
save('d.st', {'text': np.ones((3, 4), 'f4'), 'item_ids': t['item_ids']}, m); save('e.st', {'image': np.ones((3, 2), 'f4')})"
    tensor join --merge a.st b.st -o ab.st
    py "t, m = load('ab.st', aligned=True); assert set(t) == {'text', 'image', 'item_ids'} and m['schema'] == 'embeddings/1'"
    refuse 65 "item_ids differ from those of a.st" tensor join --merge a.st c.st -o x.st
    refuse 65 "'text': a.st has another of that name" tensor join --merge a.st d.st -o x.st
    refuse 65 "no tensor 'item_ids'" tensor join --merge a.st e.st -o x.st
}

@test "full disk, closed pipe, unwritable folder, terminal" {
    py "np.save('m.npy', np.zeros((2000, 300), 'f4'))"
    refuse 74 "write failed" tensor put x=m.npy -o /dev/full
    refuse 74 "write failed" bash -c 'tensor put x=m.npy > /dev/full'
    refuse 73 "missing/x.st" tensor put x=m.npy -o missing/x.st
    refuse 73 "m.npy/x.st" tensor put x=m.npy -o m.npy/x.st
    tensor put x=m.npy -o x.st
    refuse 74 "Broken pipe" bash -c 'set -o pipefail; tensor get x.st x | head -n 1 > /dev/null'
    refuse 74 "write failed" bash -c 'tensor ls x.st > /dev/full'
    command -v script > /dev/null || skip "script(1) is missing: the terminal is not tested"
    run script -qec "tensor put x=m.npy" /dev/null
    assert_equal "$status" 64
    assert_output --partial "will not write binary data to a terminal"
}

@test "the manuals' examples work as written" {
    command -v mandoc > /dev/null || skip "mandoc is missing: the manuals' examples are not run"
    local man=$BATS_TEST_DIRNAME/../man
    mandoc -Tmarkdown "$man/tensor.1" | awk '/^# EXAMPLES/ { on = 1 } on && /^\t/ { print substr($0, 2) }' > tensor.sh
    mandoc -Tmarkdown "$man/sidmill-tensors.5" | awk '/^# EXAMPLES/ { on = 1 } on && /^(\t|$)/ { print substr($0, 2) }' > writer.py
    run --separate-stderr bash -e tensor.sh
    assert_success
    assert_line "standard input: ok (embeddings/1)"
    run tensor verify both.st
    assert_output "both.st: ok (embeddings/1)"
    rm e.st
    /usr/bin/python3 writer.py
    assert_equal "$(tensor verify e.st)" "e.st: ok (embeddings/1)"
}
