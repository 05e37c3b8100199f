#!/usr/bin/env bats
# ingest: packed input, tables and plain JSON; what comes back is what the neutral form gives.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

# ingest ITEMS INTERACTIONS [options]: into kept.jsonl and out.st, without a k-core.
ingest() {
    local items=$1 events=$2
    shift 2
    "$BIN/ingest" -q --kcore 0 --items "$items" --interactions "$events" --items-out kept.jsonl -o out.st "$@"
}

# Prints the histories: user, then item@time in order.
histories() { "$HELPERS/histories.py" out.st; }

# Nothing may be left after a failure: neither outputs nor temporary files.
assert_nothing_written() { assert_none_written kept.jsonl out.st report.json; }

refused() { # refused CODE MESSAGE ITEMS INTERACTIONS [options]
    fails_with "$1" "$2" ingest "${@:3}"
    assert_one_line
    assert_nothing_written
}

# Three items and a user's three events in the neutral form.
neutral() {
    printf '{"id":"%s"}\n' a b c >items.jsonl
    printf 'user\titem\ttimestamp\n' >events.tsv
    printf '%s\n' $'u\ta\t1' $'u\tb\t2' $'u\tc\t3' >>events.tsv
}

# The same as CSV.
table() {
    printf 'item_id,title\na,Trail shoe\nb,"Sock, wool"\nc,"A ""good"" hat"\n' >items.csv
    printf 'user_id,item_id,timestamp\nu,a,1\nu,b,2\nu,c,3\n' >events.csv
}

csv() { ingest "${1:-items.csv}" "${2:-events.csv}" --format csv "${@:3}"; }
bad_items() { refused "$1" "$2" items.csv events.csv --format csv "${@:3}"; }

# --- Packed input ---------------------------------------------------------------------------------------------------------

# pack KIND FILE: FILE.KIND, by Python's own modules.
pack() {
    /usr/bin/python3 - "$1" "$2" <<'PY'
import bz2, gzip, lzma, sys, tarfile, zipfile
kind, path = sys.argv[1:]
data = open(path, "rb").read()
out = f"{path}.{kind}"
if kind in ("gz", "bz2", "xz"):
    open(out, "wb").write({"gz": gzip, "bz2": bz2, "xz": lzma}[kind].compress(data))
elif kind == "members":
    half = len(data) // 2
    open(out, "wb").write(gzip.compress(data[:half]) + gzip.compress(b"") + gzip.compress(data[half:]))
elif kind == "zip":
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.write(path)
else:
    with tarfile.open(out, {"tar": "w", "tgz": "w:gz", "txz": "w:xz"}[kind]) as t:
        t.add(path)
PY
}

@test "every packing, from a file and from a pipe, gives the bytes of the plain files" {
    neutral
    ingest items.jsonl events.tsv
    mv out.st plain.st
    mv kept.jsonl plain.jsonl
    for kind in gz members bz2 xz zip tar tgz txz; do
        pack $kind items.jsonl
        pack $kind events.tsv
        ingest items.jsonl.$kind events.tsv.$kind
        cmp out.st plain.st
        cmp kept.jsonl plain.jsonl
        ingest items.jsonl.$kind - <events.tsv.$kind
        cmp out.st plain.st
        ingest <(cat items.jsonl.$kind) events.tsv.$kind
        cmp kept.jsonl plain.jsonl
    done
}

@test "a package of several files needs a name" {
    neutral
    /usr/bin/python3 -c '
import zipfile
with zipfile.ZipFile("all.zip", "w") as z:
    z.write("items.jsonl", "set/items.jsonl")
    z.write("events.tsv", "set/events.tsv")
    z.writestr("set/read\nme", "text")'
    ingest all.zip all.zip --items-member items.jsonl --interactions-member set/events.tsv
    run histories
    assert_output 'u a@1 b@2 c@3'
    # a whole name wins, wherever it stands
    /usr/bin/python3 -c '
import zipfile
with zipfile.ZipFile("all.zip", "a") as z:
    for name in "events.tsv", "a/x.jsonl", "b/x.jsonl":
        z.writestr(name, "user\titem\ttimestamp\nv\ta\t5\nv\tb\t6\nv\tc\t7\n")'
    ingest - all.zip --items-member items.jsonl --interactions-member events.tsv <all.zip
    run histories
    assert_output 'v a@5 b@6 c@7'
    rm -f kept.jsonl out.st
    refused 65 'all.zip:set/items.jsonl: 6 files inside, expected one, or one chosen by name, of: set/items.jsonl, set/events.tsv, set/read?me, events.tsv' \
        all.zip events.tsv
    refused 65 'all.zip: 2 files x.jsonl inside, expected the whole name of one: a/x.jsonl, b/x.jsonl' all.zip events.tsv --items-member x.jsonl
    refused 65 'all.zip: no file none inside, expected one of: set/items.jsonl' all.zip events.tsv --items-member none
    refused 65 'items.jsonl: is no zip or tar package, but a file inside is asked for' items.jsonl events.tsv --items-member items.jsonl
    refused 65 'all.zip:set/items.jsonl:1: no column "user"' items.jsonl all.zip --interactions-member items.jsonl
}

@test "damaged packed input is named, and nothing is written" {
    neutral
    pack gz events.tsv
    head -c 30 events.tsv.gz >cut.bin
    refused 65 'cut.bin: gzip: the packed data is cut off' items.jsonl cut.bin
    { head -c -8 events.tsv.gz && printf 'abcdefgh'; } >wrong
    refused 65 'wrong: gzip: the packed data is damaged: incorrect data check' items.jsonl wrong
    { cat events.tsv.gz && echo more; } >more.bin
    refused 65 'more.bin: gzip: bytes behind the packed data' items.jsonl more.bin
    pack xz items.jsonl
    head -c -20 items.jsonl.xz >cut.bin
    refused 65 'cut.bin: the packed data is damaged or cut off: ' cut.bin events.tsv
    : | gzip >empty.gz
    refused 65 'empty.gz: is empty, expected a header line' items.jsonl empty.gz
}

# within KIB COMMAND...: runs it with that much address space.
within() { (ulimit -v "$1" && shift && "$@"); }

@test "bombs and endless lines stay within memory" {
    [ -z "${SANITIZE:-}" ] || skip "the sanitizers need all of the address space"
    neutral
    table
    head -c 450000000 /dev/zero | gzip -1 >zeros.gz
    run within 450000 "$BIN/ingest" --items items.jsonl --interactions zeros.gz --items-out kept.jsonl -o out.st
    assert_failure 65
    assert_output 'ingest: zeros.gz:1: line longer than 67108864 bytes'
    { printf 'user_id,item_id\n"u'; yes 'a line within an open quote' | head -c 100000000; } >open.csv
    run within 450000 "$BIN/ingest" --format csv --items items.csv --interactions open.csv --items-out kept.jsonl -o out.st
    assert_failure 65
    assert_output 'ingest: open.csv:2: row longer than 64 MiB; is a quoted cell not closed?'
    assert_nothing_written
}

# --- CSV ------------------------------------------------------------------------------------------------------------------

@test "csv: quotes, line breaks, CRLF, blank lines, byte order mark" {
    table
    csv
    run histories
    assert_output 'u a@1 b@2 c@3'
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "Trail shoe"}
{"id": "b", "title": "Sock, wool"}
{"id": "c", "title": "A \"good\" hat"}'
    printf '\xef\xbb\xbfitem_id , title,description\r\n a ,"two\r\nlines, and\n\nmore","\ttab"\r\n\r\nb, 5" pipe ,\r\n"c","",x' >items.csv
    csv
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "two\nlines, and\n\nmore", "description": "\ttab"}
{"id": "b", "title": "5\" pipe"}
{"id": "c", "description": "x"}'
}

@test "csv: rows with and without quotes are read alike" {
    /usr/bin/python3 - <<'PY'
import random
r = random.Random(1)
with open("plain.csv", "w") as plain, open("quoted.csv", "w") as quoted:
    plain.write("id;title;brand\n")
    quoted.write("id;title;brand;x\n")
    for i in range(3000):
        cells = ["".join(r.choice(" \t,ab\u00e9") for _ in range(r.randrange(6))) for _ in range(2)]
        line = ";".join([r.choice(["", " ", "\t "]) + f"i{i}" + r.choice(["", "  "])] + cells)
        plain.write(line + "\n")
        quoted.write(line + ';""\n')
PY
    printf 'user;item\nu;i0\nu;i1\nu;i2\n' >events.csv
    csv quoted.csv events.csv --delimiter ';'
    mv kept.jsonl quoted.jsonl
    csv plain.csv events.csv --delimiter ';'
    cmp kept.jsonl quoted.jsonl
}

@test "csv: any delimiter, columns by name and by number" {
    table
    printf 'Visitor;wann;Thing;pts\nu;3;a;4.5\nu;1;b;2\nu;2;c;5\n' >events.csv
    tr , ';' <items.csv >items2.csv
    printf 'item_id;title\na;x\nb;y\nc;z\n' >items2.csv
    csv items2.csv events.csv --delimiter ';' --columns user=Visitor,item=Thing,time=wann,rating=pts --min-rating 2
    run histories
    assert_output 'u b@1 c@2 a@3'
    printf 'u\ta\t3\nu\tb\t1\nu\tc\t2\n' >events.csv
    printf 'a\tX\t1\nb\tY\t2\nc\tZ\t3\n' >items.csv
    csv items.csv events.csv --delimiter '\t' --columns user=#1,item=#2,time=#3 --item-columns id=#1,title=#2
    run histories
    assert_output 'u b@1 c@2 a@3'
    run head -1 kept.jsonl
    assert_output '{"id": "a", "title": "X"}'
}

@test "csv: lists, other columns, columns that would mean something else" {
    table
    printf 'asin,Product Name,category,color,caption,,intents,price,imageURL,seller-id\n' >items.csv
    printf '%s\n' 'a,T,Shoes > Running >  > Trail,red,C,x,[],$1.50,http://h/a.jpg,7' 'b,,,,,,,,,' 'c,U,Hats,"gr""een",,,,2,,' >>items.csv
    csv items.csv events.csv --list-separator ' > '
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "T", "categories": ["Shoes", "Running", "Trail"], "price": "$1.50", "image_url": "http://h/a.jpg", "color": "red", "seller-id": "7"}
{"id": "b"}
{"id": "c", "title": "U", "categories": ["Hats"], "price": "2", "color": "gr\"een"}'
    csv items.csv events.csv --list-separator ' > ' --item-columns 'title=color,description=Product Name,brand=seller-id'
    run head -1 kept.jsonl
    assert_output '{"id": "a", "title": "red", "description": "T", "categories": ["Shoes", "Running", "Trail"], "brand": "7", "price": "$1.50", "image_url": "http://h/a.jpg"}'
}

@test "csv: times" {
    table
    times() { # times OPTION... -- TIME...
        local options=()
        while [ "$1" != -- ]; do options+=("$1") && shift; done
        shift
        { printf 'user,item,time\n' && printf 'u,a,%s\n' "$@"; } >events.csv
        csv items.csv events.csv "${options[@]}"
        histories | tr ' ' '\n' | sed -n 's/.*@//p' | paste -sd' '
    }
    run times -- 1406073600 1406073601.9 1.4060736e9 2014-07-23T00:00:03Z 2014-07-23T02:00:04+02:00 '2014-07-23 00:00:05'
    assert_output '1406073600 1406073601 1406073603 1406073604 1406073605'
    run times --time-unit ms -- 1406073600000 1406073600999 -1 2014-07-24
    assert_output '-1 1406073600 1406160000'
    run times --time-unit us -- 1406073600000000 1406073600999999 1406073601000001 2014-07-24
    assert_output '1406073600 1406073601 1406160000'
    rm -f kept.jsonl out.st
    for time in 1406073600000 1e12 soon 2014-13-01 0x10 '' nan; do
        printf 'user,item,time\nu,a,1\nu,b,%s\n' "$time" >events.csv
        bad_items 65 "events.csv:3: time \"$time\" "
    done
    # without a time the order of the rows counts
    printf 'user,item\nu,b\nv,a\nu,a\nu,c\n' >events.csv
    csv
    run histories
    assert_output $'u b@0 a@2 c@3\nv a@1'
    rm -f kept.jsonl out.st
    bad_items 65 'have no times' --since 2014-01-01
    printf 'user,item,order\nu,b,7\nu,a,2\nu,c,5\n' >events.csv
    csv
    run histories
    assert_output $'u a@2 c@5 b@7'
    # orders are positions, whatever the unit, and however large
    printf 'user,item,Order\nu,b,1999\nu,a,1001\nu,b,1500\nu,c,9223372036854775807\nu,a,-9223372036854775808\n' >events.csv
    csv items.csv events.csv --time-unit ms
    run histories
    assert_output $'u a@-9223372036854775808 a@1001 b@1500 b@1999 c@9223372036854775807'
    rm -f kept.jsonl out.st
    bad_items 65 'have no times' --until 2014-01-01
    for order in 1.5 2e3 9223372036854775808 2014-07-23 ''; do
        printf 'user,item,order\nu,a,1\nu,b,%s\n' "$order" >events.csv
        bad_items 65 "events.csv:3: order \"$order\" is no order, expected a whole number of 64 bits"
    done
}

@test "csv: bad files are named, line by line" {
    table
    cp items.csv good.csv
    : >items.csv && bad_items 65 'items.csv: is empty, expected a header line'
    printf '\n\n' >items.csv && bad_items 65 'items.csv: is empty, expected a header line'
    printf 'name,"colour ""x"""\n' >items.csv && bad_items 65 'items.csv:1: no column for the id, expected one with a usual name, or named by option, among "name", "colour "x""'
    printf 'id,title,id\n' >items.csv && bad_items 65 'items.csv:1: column "id" is there twice'
    printf 'id,\xff\n' >items.csv && bad_items 65 'items.csv:1: the header is not valid UTF-8'
    { printf id && printf ',%s' {1..10001} && echo; } >items.csv && bad_items 65 'items.csv:1: more than 10000 columns'
    cp good.csv items.csv && printf 'd\n' >>items.csv && bad_items 65 'items.csv:5: 1 cell, expected 2 as in the header row'
    cp good.csv items.csv && printf 'd,e,f\n' >>items.csv && bad_items 65 'items.csv:5: 3 cells, expected 2'
    cp good.csv items.csv && printf '"d","\n\n",f\n' >>items.csv && bad_items 65 'items.csv:5: 3 cells, expected 2'
    cp good.csv items.csv && printf 'd,\xff\n' >>items.csv && bad_items 65 'items.csv:5: not valid UTF-8'
    cp good.csv items.csv && printf 'd,\0\n' >>items.csv && bad_items 65 'items.csv:5: not valid UTF-8'
    cp good.csv items.csv && printf ',x\n' >>items.csv && bad_items 65 'items.csv:5: id is empty'
    cp good.csv items.csv && printf '"d\ne",x\n' >>items.csv && bad_items 65 'items.csv:5: id holds a tab or a line break'
    cp good.csv items.csv && printf 'a,x\n' >>items.csv && bad_items 65 'items.csv:5: id "a" was there before'
    cp good.csv items.csv && printf '\n\n"d,x\ny\n' >>items.csv && bad_items 65 'items.csv:7: a quoted cell of the row is not closed'
    cp good.csv items.csv
    bad_items 65 'items.csv:1: no column "name" for the title, expected one of "item_id", "title"' --item-columns title=name
    bad_items 65 'items.csv:1: no column #3 for the title, expected #1 to #2' --item-columns id=#1,title=#3
    bad_items 65 'items.csv:1: no column #0 for the id' --item-columns id=#0
    printf 'user,item,rating\nu,a,5\nu,b,good\n' >events.csv
    bad_items 65 'events.csv:3: rating "good", expected a number' --min-rating 1
    printf 'user,item\nu,a\n' >events.csv
    bad_items 65 'events.csv:1: no column for the rating' --min-rating 1
}

@test "csv: bad lines may be left out" {
    table
    printf 'u,x,y,z\nu,a,later\n,a,4\nu,"b\n",4\nu,a,4\n"' >>events.csv
    run --separate-stderr csv items.csv events.csv --bad-lines 5
    assert_failure 65
    assert_equal "$stderr" 'ingest: events.csv:11: a quoted cell of the row is not closed at the end of the file'
    csv items.csv events.csv --bad-lines 6
    run histories
    assert_output 'u a@1 b@2 c@3 a@4'
}

@test "options that a format does not take, and wrong ones" {
    neutral
    table
    for option in --columns=user=x --item-columns=id=x '--delimiter=;' '--list-separator=;' --time-unit=ms; do
        refused 64 "means nothing to --format neutral" items.jsonl events.tsv "$option"
    done
    bad_items 64 "--delimiter '\"': expected a text without quotes and line breaks" --delimiter '"'
    bad_items 64 "--delimiter '': expected a text" --delimiter ''
    bad_items 64 "--list-separator is empty" --list-separator ''
    bad_items 64 '--columns: "who=x", expected NAME=COLUMN with one of the names user, item, time, rating' --columns who=x
    bad_items 64 '--columns: "user", expected NAME=COLUMN' --columns user
    bad_items 64 '--columns: "user=", expected NAME=COLUMN' --columns user=
    bad_items 64 '--columns: user is there twice' --columns user=a,user=b
    bad_items 64 '--columns: some columns by number and some by name' --columns user=#1,item=b
    bad_items 64 '--columns: no item, expected its number' --columns user=#1
    bad_items 64 '--item-columns: "text=x", expected NAME=COLUMN with one of the names id, title, description' --item-columns text=x
}

# --- JSON Lines -----------------------------------------------------------------------------------------------------------

# The same as table() as JSON Lines, in items.jsonl and events.jsonl.
json_lines() {
    printf '%s\n' '{"asin":"a","name":"Trail shoe"}' '{"asin":"b","name":"Sock, wool"}' '{"asin":"c"}' >items.jsonl
    printf '%s\n' '{"user_id":"u","asin":"a","ts":1}' '{"user_id":"u","asin":"b","ts":2}' '{"user_id":"u","asin":"c","ts":3}' >events.jsonl
}

jsonl() { ingest items.jsonl events.jsonl --format jsonl "$@"; }
bad_jsonl() { refused "$1" "$2" items.jsonl events.jsonl --format jsonl "${@:3}"; }

@test "jsonl: usual keys, numbers as ids, other keys with their bytes" {
    json_lines
    jsonl
    run histories
    assert_output 'u a@1 b@2 c@3'
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "Trail shoe"}
{"id": "b", "title": "Sock, wool"}
{"id": "c"}'
    cat >items.jsonl <<'EOF'
{"n": 12345678901234567890, "parent_asin": 7, "asin": "x", "Product-Name": "caf\u00e9", "tags": {"a" : [1.10]}, "price": 1.50}

{"item_id": "8", "title": null, "description": ["one", "two"], "category": "A|B | |C", "brand": 3, "price": "$2", "caption": "red"}
 { "id" : "10" , "ID" : "9" , "title" : "t" , "categories" : ["x", "y"] , "intents": [{"text": "t", "confidence": 1e0}], "errors": null } 
EOF
    printf '%s\n' '{"x":[],"uid":-5,"product_id":7,"date":"2014-07-23"}' '{"uid":-5,"product_id":"8","date":1406073601.5,"user":1}' \
        '{"uid":-5,"product_id":10,"date":"1406073599"}' >events.jsonl
    jsonl
    run histories
    assert_output -- '-5 10@1406073599 7@1406073600 8@1406073601'
    run cat kept.jsonl
    assert_output '{"id": "7", "title": "caf\u00e9", "price": 1.50, "n": 12345678901234567890, "asin": "x", "tags": {"a" : [1.10]}}
{"id": "8", "description": "one two", "categories": ["A", "B", "C"], "brand": "3", "price": "$2", "caption": "red"}
{"id": "10", "title": "t", "categories": ["x", "y"], "ID": "9", "intents": [{"text": "t", "confidence": 1e0}], "errors": null}'
}

@test "jsonl: pictures as arrays and addresses, paths as seen from the output" {
    json_lines
    mkdir -p in out
    printf '%s\n' '{"id":"a","image":["p/1.jpg","p/2.jpg"],"image_url":["http://h/1","http://h/2"]}' \
        '{"id":"b","image":"HTTPS://h/3.jpg"}' '{"id":"c","image":["http://h/4"],"imUrl":"http:\/\/h/5"}' \
        '{"id":"d","image":7,"image_url":[]}' '{"id":"e","image":[],"image_url":null}' >in/items.jsonl
    "$BIN/ingest" -q --kcore 0 --format jsonl --items in/items.jsonl --interactions events.jsonl --items-out out/kept.jsonl -o out.st \
        --report report.json
    run cat out/kept.jsonl
    assert_output '{"id": "a", "image": "../in/p/1.jpg", "image_url": "http://h/1"}
{"id": "b", "image_url": "HTTPS://h/3.jpg"}
{"id": "c", "image_url": "http://h/5"}
{"id": "d", "image": "../in/7"}
{"id": "e"}'
    run grep -o '"addresses_left_out": *[0-9]*' report.json
    assert_output --partial 1
    table
    printf 'id,image,image_url\na,p/1.jpg,\nb,http://h/2,\nc,http://h/3,http://h/4\n' >in/items.csv
    "$BIN/ingest" -q --kcore 0 --format csv --items in/items.csv --interactions events.csv --items-out out/kept.jsonl -o out.st
    run cat out/kept.jsonl
    assert_output '{"id": "a", "image": "../in/p/1.jpg"}
{"id": "b", "image_url": "http://h/2"}
{"id": "c", "image_url": "http://h/4"}'
}

@test "jsonl: of keys that fit equally well the first counts" {
    json_lines
    printf '%s\n' '{"id":"a","ID":"x0","Title":"T","title":"t"}' '{"ID":"b","id":"x1","TITLE":"u"}' '{"sku":"x","id":"c"}' >items.jsonl
    jsonl
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "T", "ID": "x0"}
{"id": "b", "title": "u"}
{"id": "c", "sku": "x"}'
    rm kept.jsonl out.st
    printf '{"id":"d","x":1,"y":2,"x":1}\n' >>items.jsonl
    bad_jsonl 65 'items.jsonl:4: the key "x" is there twice, expected once'
    jsonl --bad-lines 1
}

@test "what is mended is counted" {
    json_lines
    printf '%s\n' '{"id":"a","title":1,"description":["x","y"],"image_labels":[],"name":"n"}' '{"id":"b","brand":2}' '{"item_id":"x","id":"c","image":null,"name":3}' >items.jsonl
    jsonl --report report.json --item-columns id=id,title=title,brand=brand
    run /usr/bin/python3 -c 'import json; print(json.load(open("report.json"))["records"])'
    assert_output --partial "'texts_joined': 1"
    assert_output --partial "'numbers_as_texts': 2"
    table
    printf 'id,,errors,x\na,b,c,d\nb,,,\nc,,,\n' >items.csv
    csv items.csv events.csv --report report.json
    run /usr/bin/python3 -c 'import json; print(json.load(open("report.json"))["records"])'
    assert_output --partial "'columns_left_out': 2"
}

@test "jsonl: keys by option, ratings, no time" {
    json_lines
    printf '%s\n' '{"who":1,"what":"a","how":"5"}' '{"who":1,"what":"b","how":1}' '{"who":1,"what":"c","how":4.5}' '{"what":"b","who":1,"how":3}' >events.jsonl
    jsonl --columns user=who,item=what,rating=how --item-columns brand=name --min-rating 2
    run histories
    assert_output '1 a@0 c@2 b@3'
    run head -1 kept.jsonl
    assert_output '{"id": "a", "brand": "Trail shoe"}'
}

@test "jsonl: orders, and keys that come late" {
    json_lines
    printf '%s\n' '{"ORDER":2000}' '{"user":"u"}' '{"user":"u","item":"b","Order":1999}' '{"user":"u","item":"a","Order":"1001"}' \
        '{"user":"u","item":"b","Order":1500.5}' '{"user":"u","item":"c","Order":99999999999999999}' >events.jsonl
    jsonl --bad-lines 3 --time-unit us --report report.json
    run histories
    assert_output 'u a@1001 b@1999 c@99999999999999999'
    run grep -o '"malformed_lines": *[0-9]*' report.json
    assert_output --partial 3
    rm kept.jsonl out.st report.json
    bad_jsonl 65 'events.jsonl:1: no column for the user, expected one with a usual name, or named by option, among "ORDER"'
    bad_jsonl 65 'events.jsonl:2: no column for the item' --bad-lines 1
    bad_jsonl 65 'events.jsonl:5: Order "1500.5" is no order' --bad-lines 2
    bad_jsonl 65 'have no times' --bad-lines 3 --since 2014-01-01
    bad_jsonl 65 'events.jsonl:3: no column for the rating' --bad-lines 2 --min-rating 1
}

@test "jsonl: bad lines are named" {
    json_lines
    cp items.jsonl good.items
    cp events.jsonl good.events
    bad_item() { cp good.items items.jsonl && printf '%b\n' "$2" >>items.jsonl && bad_jsonl 65 "items.jsonl:4: $1"; }
    bad_item 'not JSON at column 10: ' '{"id":"d"'
    bad_item 'not valid UTF-8' '{"id":"d\xff"}'
    bad_item 'not valid UTF-8' '{"id":"d\0"}'
    bad_item 'not an object' '["id"]'
    bad_item 'not JSON at column' "{\"id\":$(printf '[%.0s' {1..100})}"
    bad_item 'no key for the id' '{"name":"d"}'
    bad_item 'the id is empty' '{"id":""}'
    bad_item 'the id is empty, holds a tab' '{"id":"a\\tb"}'
    bad_item 'the id is empty, holds a tab or a line break, or is neither a string nor a whole number' '{"id":1.5}'
    bad_item 'the title has the wrong type, expected a string' '{"id":"d","name":{}}'
    bad_item 'the title has the wrong type, expected a string' '{"id":"d","name":[1]}'
    bad_item 'the image has the wrong type, expected a string, or an array of strings' '{"id":"d","image":[null]}'
    bad_item 'the categories has the wrong type, expected an array of strings' '{"id":"d","categories":[["x"]]}'
    bad_item 'the price has the wrong type' '{"id":"d","price":1e999}'
    bad_item 'the intents has the wrong type, expected an array of objects with a string "text"' '{"id":"d","intents":[{}]}'
    bad_item 'id "a" was there before' '{"id":"a"}'
    cp good.items items.jsonl
    bad_event() { cp good.events events.jsonl && printf '%b\n' "$2" >>events.jsonl && bad_jsonl 65 "events.jsonl:4: $1" "${@:3}"; }
    bad_event 'no "user_id", expected the user' '{"asin":"a","ts":1}'
    bad_event "the item's id is empty" '{"user_id":"u","asin":null,"ts":1}'
    bad_event 'ts "" expected a number or a date' '{"user_id":"u","asin":"a"}'
    bad_event 'ts "" expected a number or a date' '{"user_id":"u","asin":"a","ts":[]}'
    bad_event 'ts "99999999999999" lies beyond the year 9999' '{"user_id":"u","asin":"a","ts":99999999999999}'
    cp good.events events.jsonl
    bad_jsonl 65 'events.jsonl:1: no column for the rating' --min-rating 1
    bad_jsonl 65 'events.jsonl:1: no column "who" for the user, expected one of "user_id", "asin", "ts"' --columns user=who
    bad_jsonl 64 '--columns: keys have no numbers' --columns user=#1,item=#2
    printf '{"asin":"a"}\n[]\n{"user_id":"u","asin":"a"}\n' >>events.jsonl
    jsonl --bad-lines 3
    run histories
    assert_output 'u a@1 b@2 c@3'
}

# --- RecBole --------------------------------------------------------------------------------------------------------------

@test "recbole: atomic files" {
    printf 'item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tembedding:float_seq\n' >x.item
    printf '1\tToy "Story\t1995\tAnimation Comedy\t0.1 0.2\n2\t\t\t\t\n\n3\tB\t1996\tWar\t1\n' >>x.item
    printf 'user_id:token\titem_id:token\trating:float\ttimestamp:float\n' >x.inter
    printf '7\t1\t5.0\t978300760.0\n7\t2\t3\t9.783e8\n7\t3\t4\t978300759\r\n' >>x.inter
    ingest x.item x.inter --format recbole
    run histories
    assert_output '7 2@978300000 3@978300759 1@978300760'
    run cat kept.jsonl
    assert_output '{"id": "1", "title": "Toy \"Story", "categories": ["Animation", "Comedy"], "release_year": "1995", "embedding": "0.1 0.2"}
{"id": "2"}
{"id": "3", "title": "B", "categories": ["War"], "release_year": "1996", "embedding": "1"}'
    rm -f kept.jsonl out.st
    bad() { printf "$2" >bad.inter && refused 65 "bad.inter:$1" x.item bad.inter --format recbole "${@:3}"; }
    bad ' is empty, expected a header line' ''
    bad '1: column "user_id", expected NAME:TYPE' 'user_id\titem_id:token\n'
    bad '1: column "user_id:text", expected NAME:TYPE' 'user_id:text\titem_id:token\n'
    bad '1: column "user_id" is there twice' 'user_id:token\tuser_id:float\titem_id:token\n'
    bad '1: no column for the item' 'user_id:token\tthing:token\n'
    bad '2: 1 cell, expected 2 as in the header row' 'user_id:token\titem_id:token\n7\n'
    bad '2: user is empty' 'user_id:token\titem_id:token\n\t7\n'
    bad '2: not valid UTF-8' 'user_id:token\titem_id:token\n7\t\xff\n'
    bad '2: time "x" expected' 'user_id:token\titem_id:token\ttimestamp:float\n7\t1\tx\n'
    refused 64 'have a header' x.item x.inter --format recbole --columns user=#1,item=#2
    refused 64 '--delimiter means nothing to --format recbole' x.item x.inter --format recbole --delimiter ,
}

# --- LC-Rec ---------------------------------------------------------------------------------------------------------------

@test "lcrec: one object of histories, one of items" {
    printf '{"0": {"title": "T", "description": "D", "brand": "", "categories": "Games,PC , ,Mice", "id": 9, "color": "red"},\n' >x.item.json
    printf ' "1": {\n  "title": "caf\\u00e9",\n  "categories": [\n   "A", "B"\n  ],\n "more": {\n"x": [1,\r\n2]}\n },\n "é": {}}\n' >>x.item.json
    printf '\xef\xbb\xbf{"9": [1, "0", 1], "u\\u00e9": ["é", 0,\n1], "empty": []}' >x.inter.json
    ingest x.item.json x.inter.json --format lcrec
    run histories
    assert_output $'9 1@0 0@1 1@2\nué é@0 0@1 1@2'
    run cat kept.jsonl
    assert_output '{"id": "0", "title": "T", "description": "D", "categories": ["Games", "PC", "Mice"], "color": "red"}
{"id": "1", "title": "caf\u00e9", "categories": [    "A", "B"   ], "more": { "x": [1,  2]}}
{"id": "é"}'
    ingest x.item.json <(gzip <x.inter.json) --format lcrec --list-separator ' , ' --item-columns title=color
    run head -1 kept.jsonl
    assert_output '{"id": "0", "title": "red", "description": "D", "categories": ["Games,PC", ",Mice"]}'
}

@test "lcrec: bad documents are named" {
    printf '{"0":{},"1":{},"2":{}}' >x.item.json
    printf '{"u":[0,1,2]}' >x.inter.json
    bad() { printf "$2" >bad.json && refused 65 "bad.json:$1" x.item.json bad.json --format lcrec; }
    bad ' is empty' ''
    bad '3: not JSON: ' '{"u":\n[1,\n2'
    bad ' not an object' '[[1,2]]'
    bad ' not valid UTF-8' '{"\xff":[1]}'
    bad '2: user "v" has no array of items' '{"u":[0],\n"v":1}'
    bad '2: user "u" is there twice' '{"u":[0],\n"u":[1]}'
    bad '1: user "" is empty' '{"":[0]}'
    bad '3: an item of user "u": its id is empty' '{"u":[0,\n1,\n1.5]}'
    bad '1: an item of user "u": its id is empty' '{"u":[[0]]}'
    bad '1: not JSON: nested deeper than 64' "{\"u\":$(printf '[%.0s' {1..100})"
    bad_item() { printf "$2" >bad.json && refused 65 "bad.json:$1" bad.json x.inter.json --format lcrec; }
    bad_item '2: item "1": has no object' '{"0":{},\n"1":[]}'
    bad_item '2: item "1": the title has the wrong type' '{"0":{},\n"1":{"title":{}}}'
    bad_item '2: id "0" was there before' '{"0":{},\n"0":{}}'
    bad_item ' holds no item' '{}'
    refused 64 'none for the id' x.item.json x.inter.json --format lcrec --item-columns id=x
    refused 64 '--columns means nothing to --format lcrec' x.item.json x.inter.json --format lcrec --columns user=x
    refused 65 'has no ratings' x.item.json x.inter.json --format lcrec --min-rating 1
    printf '{"u":[0,null,1,2],"v":7,"w":[1,0,{},2]}' >x.inter.json
    ingest x.item.json x.inter.json --format lcrec --bad-lines 3
    run histories
    assert_output $'u 0@0 1@1 2@2\nw 1@0 0@1 2@2'
}

# --- Real data, there and back --------------------------------------------------------------------------------------------

# same_records SOURCE: what stayed says what the source says, but for line breaks and tabs, which not every form can hold.
same_records() {
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
def texts(value):
    return [texts(v) for v in value] if isinstance(value, list) else " ".join(value.split())
def records(path):
    return {r.pop("id"): {k: texts(v) for k, v in r.items() if v} for r in map(json.loads, open(path, encoding="utf8"))}
kept, source = records("kept.jsonl"), records(sys.argv[1])
wrong = [i for i in kept if kept[i] != source[i]]
assert not wrong, (len(wrong), kept[wrong[0]], source[wrong[0]])
PY
}

# round_trip SET "USERS ITEMS INTERACTIONS" [plain]: through every form, plain, packed, and from a pipe.
round_trip() {
    [ -r "$DATA/$1/items.jsonl" ] || skip "NO DATA: $DATA/$1 is not there; set SIDMILL_DATA for the round trips"
    "$BIN/ingest" -q --items "$DATA/$1/items.jsonl" --interactions "$DATA/$1/interactions.tsv" --items-out /dev/null -o neutral.st
    local form options times
    for form in csv jsonl recbole lcrec; do
        times=--times
        case $form in
        csv) options=(--delimiter ';') ;;
        jsonl) options=(--columns 'user=who,item=what,time=at' --time-unit ms) ;;
        recbole) options=(--list-separator '|') ;;
        lcrec) options=() times=$([ "$1" = ml100k ] || echo --times) ;; # it has no times, only an order
        esac
        /usr/bin/python3 "$HELPERS/convert.py" $form "$DATA/$1" "$1.items" "$1.events"
        "$BIN/ingest" -q --format $form --items "$1.items" --interactions "$1.events" "${options[@]}" --items-out kept.jsonl -o out.st
        run /usr/bin/python3 "$HELPERS/same_histories.py" neutral.st out.st $times
        assert_success
        assert_output "$2"
        same_records "$DATA/$1/items.jsonl"
        [ -z "$3" ] || continue
        gzip -1 -f "$1.items" "$1.events"
        "$BIN/ingest" -q --format $form --items "$1.items.gz" --interactions - "${options[@]}" --items-out packed.jsonl -o packed.st <"$1.events.gz"
        cmp out.st packed.st
        cmp kept.jsonl packed.jsonl
    done
}

@test "beauty through every form" { round_trip beauty '22363 12101 198502'; }

@test "sports and ml100k through every form" {
    round_trip sports '35588 18344 296230' plain
    round_trip ml100k '943 1349 99287'
}
