#!/usr/bin/env bats
# ingest: tables and plain JSON as people have them: quotes, delimiters, encodings, histories in one cell, dates.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

# ingest ITEMS INTERACTIONS [options]: into kept.jsonl and out.st, without a k-core.
ingest() {
    local items=$1 events=$2
    shift 2
    "$BIN/ingest" --kcore 0 --items "$items" --interactions "$events" --items-out kept.jsonl -o out.st "$@"
}

# Prints the histories: user, then item@time in order.
histories() { "$HELPERS/histories.py" out.st; }

refused() { # refused CODE MESSAGE ITEMS INTERACTIONS [options]
    fails_with "$1" "$2" ingest "${@:3}" -q
    assert_one_line
    assert_none_written kept.jsonl out.st report.json
}

counted() { # counted KEY REASON: from report.json
    /usr/bin/python3 -c 'import json, sys; print(json.load(open("report.json"))[sys.argv[1]].get(sys.argv[2], 0))' "$@"
}

kept() { # kept KEY: the id and that key of the records that stayed, a line each
    /usr/bin/python3 -c 'import json, sys
for r in map(json.loads, open("kept.jsonl", encoding="utf8")): print(r["id"], r.get(sys.argv[1]), sep="|")' "$1"
}

# Items a to e, and two users' events with them.
shop() {
    { echo id,title && printf '%s,Thing\n' a b c d e; } >items.csv
    { echo user,item,time && printf 'u,%s\n' a,1 b,2 c,3 d,4 e,5 && printf 'v,%s\n' a,1 c,2 e,3; } >events.csv
}

csv() { ingest "${1:-items.csv}" "${2:-events.csv}" --format csv "${@:3}"; }

# --- Quotes ---------------------------------------------------------------------------------------------------------------

@test "text behind a closing quote is malformed, and takes no other line with it" {
    shop
    printf '%s\n' id,title,brand 'a,Mug "large",Acme' 'b,"Trail" boot,Acme' 'c,Cap,Acme' 'd,Shirt "M",Zed' 'e,"A ""good"" hat" ,Zed' >items.csv
    refused 65 'items.csv:3: text behind a closing quote' items.csv events.csv --format csv
    csv items.csv events.csv --bad-lines 1 --report report.json -q
    run kept title
    assert_output $'a|Mug "large"\nc|Cap\nd|Shirt "M"\ne|A "good" hat'
    run counted records malformed_lines
    assert_output 1
    # the same in events, the quote open over several lines
    shop
    printf '%s\n' user,item,note,time 'u,a,"so,1' 'u,b,,2' '' 'u,c,"",3' 'u,d,"x" y,4' 'u,e,"fine, really",5' >events.csv
    rm -f kept.jsonl out.st report.json
    refused 65 'events.csv:2: text behind a closing quote' items.csv events.csv --format csv
    refused 65 'events.csv:6: text behind a closing quote' items.csv events.csv --format csv --bad-lines 1
    csv items.csv events.csv --bad-lines 2 -q --report report.json
    run histories
    assert_output 'u b@2 c@3 e@5'
    run counted interactions malformed_lines
    assert_output 2
}

@test "a quote that is never closed costs its line alone" {
    shop
    printf 'w,a,1\n"w,b,2\nw,c,3\nw,d,4\n' >>events.csv
    refused 65 'events.csv:11: a quoted cell of the row is not closed at the end of the file' items.csv events.csv --format csv
    csv items.csv events.csv --bad-lines 1 -q
    run histories
    assert_output $'u a@1 b@2 c@3 d@4 e@5\nv a@1 c@2 e@3\nw a@1 c@3 d@4'
}

@test "a malformed row counts all its lines" {
    shop
    printf 'a,"one\ntwo\nthree",more\n' >>items.csv
    refused 65 'items.csv:7: 3 cells, expected 2' items.csv events.csv --format csv --bad-lines 2
    csv items.csv events.csv --bad-lines 3 -q --report report.json
    run counted records malformed_lines
    assert_output 3
}

@test "rows that quotes merge, drawn at random, cost only malformed lines" {
    /usr/bin/python3 - <<'PY'
import random
r = random.Random(3)
print("id,title", file=(f := open("items.csv", "w")))
good = []
for i in range(4000):
    what = r.random()
    title = "x" * r.randrange(3) + r.choice(["", ' "in" ', "5''"])
    if what < 0.7: f.write(f"i{i},t{title}\n")
    elif what < 0.85: f.write(f'i{i},"q{title.replace(chr(34), chr(34) * 2)}"\n')
    else:
        f.write(f'i{i},"bad" {title}.\n')
        continue
    good.append(f"i{i}")
open("good", "w").write("\n".join(good) + "\n")
PY
    printf 'user,item\nu,i0\nu,i1\nu,i2\n' >events.csv
    csv items.csv events.csv --bad-lines 4000 -q
    kept title | cut -d'|' -f1 >found
    cmp found good
}

@test "quotes can be text: --quote none, and by default where tabs or several bytes part cells" {
    shop
    printf '%s\n' id,title 'a,"Trail" boot' 'b,"Cap"' 'c,"open' >items.csv
    csv items.csv events.csv --quote none -q
    run kept title
    assert_output $'a|"Trail" boot\nb|"Cap"\nc|"open'
    printf '%s\n' $'id\ttitle' $'a\t"Trail" boot' $'b\t"Cap"' $'c\t"open' >items.tsv
    printf 'user\titem\tby\ttime\nu\ta\t"big" bob\t1\nu\tb\tx\t2\nu\tc\tsongs "live"\t3\n' >events.tsv
    ingest items.tsv events.tsv --format tsv -q
    mv kept.jsonl tsv.jsonl
    run histories
    assert_output 'u a@1 b@2 c@3'
    ingest items.tsv events.tsv --format csv --delimiter '\t' -q
    cmp kept.jsonl tsv.jsonl
    run kept title
    assert_output $'a|"Trail" boot\nb|"Cap"\nc|"open'
    printf '%s\n' $'id\ttitle' $'a\t"two\nlines"' $'b\t"a\ttab"' $'c\t"a ""good"" hat"' >items.tsv
    sed -i 's/" *\(bob\)*\t/"\t/' events.tsv
    sed -i 's/songs "live"/"a tab\t""here"""/' events.tsv
    ingest items.tsv events.tsv --format tsv --quote double -q
    run histories
    assert_output 'u a@1 b@2 c@3'
    run kept title
    assert_output $'a|two\nlines\nb|a\ttab\nc|a "good" hat'
    rm -f kept.jsonl out.st
    refused 64 '--quote means nothing to --format jsonl' items.csv events.csv --format jsonl --quote none
}

# --- Delimiters and encodings ---------------------------------------------------------------------------------------------

# The form of MovieLens 1M: colons in titles, Latin-1.
films() {
    printf '1::Road: The Film (1999)::Drama|War\n2::Caf\xe9 Noir (1988)::Drama\n3::A:B "cut" (2001)::Crime\n' >movies.dat
    printf '%s\n' 1::1::5::978300760 1::2::3::978302109 1::3::4::978301968 1::1::4::978301969 >ratings.dat
}

ml1m() {
    ingest movies.dat ratings.dat --format csv --delimiter :: --columns user=#1,item=#2,rating=#3,time=#4 \
        --item-columns id=#1,title=#2,categories=#3 "$@"
}

@test "delimiters of several bytes, and Latin-1: MovieLens 1M" {
    films
    ml1m --encoding latin1 -q
    run histories
    assert_output '1 1@978300760 3@978301968 1@978301969 2@978302109'
    run kept title
    assert_output $'1|Road: The Film (1999)\n2|Café Noir (1988)\n3|A:B "cut" (2001)'
    run kept categories
    assert_output "1|['Drama', 'War']
2|['Drama']
3|['Crime']"
    rm -f kept.jsonl out.st
    fails_with 65 'movies.dat:2: not valid UTF-8; it looks like ' ml1m -q
    [[ $stderr =~ 'looks like '(ISO-8859-1|windows-1252)', which --item-encoding '(ISO-8859-1|windows-1252)' reads' ]]
    ml1m -q --bad-lines 1
    run kept title
    assert_output $'1|Road: The Film (1999)\n3|A:B "cut" (2001)'
    ml1m -q --clean
    run kept title
    assert_output $'1|Road: The Film (1999)\n2|Caf Noir (1988)\n3|A:B "cut" (2001)'
}

@test "delimiters with blanks and tabs in them, and of other alphabets" {
    shop
    printf 'user | item | time\nu | a | 1\nu |  | 2\n' >events.csv
    refused 65 'events.csv:3: item is empty' <(printf 'id | title\na | x\n') events.csv --format csv --delimiter ' | '
    printf 'user\t|\titem\t|\ttime\nu\t|\ta\t|\t1\nu\t|\t b \t|\t2\nu\t|\tc\t|\t3\n' >events.csv
    printf 'id\t|\ttitle\na\t|\t\nb\t|\tx | y\nc\t|\t"z"\n' >items.csv
    csv items.csv events.csv --delimiter '\t|\t' -q
    run histories
    assert_output 'u a@1 b@2 c@3'
    run kept title
    assert_output $'a|None\nb|x | y\nc|"z"'
    printf 'id§title\na§"x§y"\nb§z\nc§\n' >items.csv
    printf 'user§item\nu§a\nu§b\nu§c\n' >events.csv
    csv items.csv events.csv --delimiter § --quote double -q
    run kept title
    assert_output $'a|x§y\nb|z\nc|None'
}

# text ENCODING [MARK]: items.csv with letters of that encoding.
text() {
    /usr/bin/python3 - "$@" <<'PY'
import sys
texts = {"cp1251": ["Ботинки для бега по лесу", "Носки шерстяные тёплые", "Шляпа соломенная летняя"],
         "shift_jis": ["トレイルランニングシューズ", "暖かいウールの靴下", "麦わら帽子のつばが広い"]}
rows = texts.get(sys.argv[1], texts["cp1251"])
with open("items.csv", "wb") as f:
    f.write((sys.argv[2].encode().decode("unicode_escape") if len(sys.argv) > 2 else "").encode(sys.argv[1]))
    f.write(("id,title\n" + "".join(f"{i},{t}\r\n" for i, t in zip("abc", rows))).encode(sys.argv[1]))
PY
}

@test "encodings: told, marked, and recognised" {
    shop
    printf 'user,item\nu,a\nu,b\nu,c\n' >events.csv
    text utf-8
    csv items.csv events.csv -q
    mv kept.jsonl cyrillic.jsonl
    for encoding in utf-16-le utf-16-be utf-32-le utf-32-be utf-8; do
        text $encoding '\ufeff'
        csv items.csv events.csv -q
        cmp kept.jsonl cyrillic.jsonl
        csv items.csv events.csv -q --encoding latin1 # the mark says more
        cmp kept.jsonl cyrillic.jsonl
        csv <(gzip <items.csv) events.csv -q
        cmp kept.jsonl cyrillic.jsonl
    done
    text cp1251
    csv items.csv events.csv -q --encoding Windows_1251
    cmp kept.jsonl cyrillic.jsonl
    rm -f kept.jsonl out.st
    refused 65 'items.csv:2: not valid UTF-8; it looks like windows-1251, which --item-encoding windows-1251 reads' items.csv events.csv --format csv
    text shift_jis
    refused 65 'items.csv:2: not valid UTF-8; it looks like Shift_JIS' items.csv events.csv --format csv
    refused 65 'items.csv:2: not valid utf-8, which --encoding says' items.csv events.csv --format csv --encoding utf-8
    text utf-16-le
    refused 65 'items.csv:1: the header is not valid UTF-8; it looks like UTF-16LE' items.csv events.csv --format csv
    refused 64 "--encoding 'klingon' is not known" items.csv events.csv --format csv --encoding klingon
    refused 64 "--encoding '' is not known" items.csv events.csv --format csv --encoding ''
    refused 64 '--encoding means nothing to --format amazon2014' items.csv events.csv --format amazon2014 --encoding latin1
}

@test "the items' encoding is named apart, and ids that do not meet for theirs are said" {
    printf 'id,title\ncaf\xe9,Th\xe9\nm\xfcsli,M\nc,C\n' >items.csv
    printf 'user,item,time\nu,café,1\nu,müsli,2\nu,c,3\n' >events.csv
    csv items.csv events.csv --item-encoding cp1252 -q
    run histories
    assert_output 'u café@1 müsli@2 c@3'
    run kept title
    assert_output $'café|Thé\nmüsli|M\nc|C'
    csv items.csv events.csv --encoding utf-8 --item-encoding cp1252 -q
    rm -f kept.jsonl out.st
    refused 65 "no item's id beyond ASCII is in both inputs: is one in another encoding? --encoding and --item-encoding name them" items.csv events.csv --format csv --encoding cp1252
    refused 65 'items.csv:2: not valid utf-8, which --item-encoding says' items.csv events.csv --format csv --encoding latin1 --item-encoding utf-8
    refused 64 "--item-encoding 'klingon' is not known" items.csv events.csv --format csv --item-encoding klingon
    refused 64 '--item-encoding means nothing to --format amazon2014' items.csv events.csv --format amazon2014 --item-encoding latin1
    printf 'u,%s,4\n' d e f >>events.csv # what stays is written, with a warning
    printf '%s,x\n' d e f >>items.csv
    run --separate-stderr csv items.csv events.csv -q --encoding cp1252
    assert_success
    [ "$stderr" = "ingest: warning: no item's id beyond ASCII is in both inputs: is one in another encoding? --encoding and --item-encoding name them" ]
    run histories
    assert_output 'u c@3 d@4 e@4 f@4'
    run --separate-stderr csv items.csv events.csv -q --item-encoding cp1252
    assert_success
    [ -z "$stderr" ]
}

@test "encodings: of every format" {
    printf '{"id":"a","title":"caf\xe9"}\n{"id":"b"}\n{"id":"c"}\n' >items.jsonl
    printf '{"user":"u\xe9","item":"%s"}\n' a b c >events.jsonl
    ingest items.jsonl events.jsonl --format jsonl --encoding latin1 -q
    run histories
    assert_output 'ué a@0 b@1 c@2'
    run head -1 kept.jsonl
    assert_output '{"id": "a", "title": "café"}'
    printf 'user\titem\ttimestamp\nu\xe9\ta\t1\nu\xe9\tb\t2\nu\xe9\tc\t3\n' >events.tsv
    ingest items.jsonl events.tsv --encoding latin1 -q
    run histories
    assert_output 'ué a@1 b@2 c@3'
    printf 'item_id:token\ttitle:token_seq\na\tcaf\xe9\nb\tx\nc\ty\n' >x.item
    printf 'user_id:token\titem_id:token\nu\ta\nu\tb\nu\tc\n' >x.inter
    ingest x.item x.inter --format recbole --encoding latin1 -q
    run kept title
    assert_output $'a|café\nb|x\nc|y'
    printf '{"a":{"title":"caf\xe9"},"b":{},"c":{}}' >x.item.json
    printf '{"u":["a","b","c"]}' >x.inter.json
    ingest x.item.json x.inter.json --format lcrec --encoding latin1 -q
    run kept title
    assert_output $'a|café\nb|None\nc|None'
    rm -f kept.jsonl out.st
    refused 65 'items.jsonl:1: not valid UTF-8; it looks like ' items.jsonl events.tsv
    printf '{"id":"%s"}\n' a b c >plain.jsonl
    printf 'user\titem\ttimestamp\tnote\nu\ta\t1\tun caf\xe9 \x96 d\xe9j\xe0 vu\n' >noted.tsv
    refused 65 'noted.tsv:2: not valid UTF-8; it looks like windows-1252, which --encoding windows-1252 reads' plain.jsonl noted.tsv
    refused 65 'items.jsonl:1: not valid UTF-8; it looks like ' items.jsonl events.jsonl --format jsonl
    refused 65 'x.item:2: not valid UTF-8' x.item x.inter --format recbole
    refused 65 'x.item.json: not valid UTF-8; it looks like ' x.item.json x.inter.json --format lcrec
}

@test "--clean mends malformed text in every format, and no id" {
    local bad='br\xf3ken\xe2\x80 \\ud83d \\u0000 \x01end' want='br ken end'
    printf '{"id":"a","title":"'"$bad"'"}\n{"id":"b"}\n{"id":"c"}\n' >items.jsonl
    printf 'user\titem\ttimestamp\tby\nu\ta\t1\t\xff\nu\tb\t2\t\nu\tc\t3\t\n' >events.tsv
    printf '{"user":"u","item":"%s","by":"\xff"}\n' a b c >events.jsonl
    printf '{"a":{"title":"'"$bad"'"},"b":{},"c":{}}' >x.item.json
    printf '{"u":["a","b","c"]}' >x.inter.json
    printf 'item_id:token\ttitle:token_seq\na\tbr\xf3ken \x01end\nb\tx\nc\ty\n' >x.item
    printf 'user_id:token\titem_id:token\tby:token\nu\ta\t\xff\nu\tb\t\nu\tc\t\n' >x.inter
    tr '\t' , <x.item | sed 's/:token_seq//; s/:token//' >items.csv
    tr '\t' , <x.inter | sed 's/:token//g' >events.csv
    mended() { # mended FORMAT ITEMS EVENTS
        ingest "$2" "$3" --format "$1" --clean -q
        kept title | sed -n 1p
    }
    for files in 'neutral items.jsonl events.tsv' 'jsonl items.jsonl events.jsonl' 'lcrec x.item.json x.inter.json' \
        'recbole x.item x.inter' 'csv items.csv events.csv'; do
        # shellcheck disable=SC2086 # words
        run mended $files
        assert_output "a|$want"
    done
    rm -f kept.jsonl out.st
    printf '{"id":"d\xff"}\n' >>items.jsonl
    refused 65 'items.jsonl:4: "id" is not valid UTF-8' items.jsonl events.tsv --clean
    refused 65 'items.jsonl:4: the id is not valid UTF-8' items.jsonl events.jsonl --format jsonl --clean
    ingest items.jsonl events.tsv --clean -q --bad-lines 1
    rm -f kept.jsonl out.st
    printf 'u\xff\ta\t4\t\n' >>events.tsv
    refused 65 'events.tsv:5: not valid UTF-8' <(head -3 items.jsonl) events.tsv --clean
    printf '{"user":"u","item":"\xff"}\n' >>events.jsonl
    refused 65 'events.jsonl:4: "item" is not valid UTF-8' <(head -3 items.jsonl) events.jsonl --format jsonl --clean
    printf 'd\xff,x\n' >>items.csv
    refused 65 'items.csv:5: not valid UTF-8' items.csv events.csv --format csv --clean
    printf '{"u":["a","b","\xff"]}' >x.inter.json
    refused 65 'x.inter.json:1: an item of user "u": its id is not valid UTF-8' x.item.json x.inter.json --format lcrec --clean
    printf '{"a\xff":{}}' >x.item.json
    refused 65 'x.item.json:1: "a " is not valid UTF-8' x.item.json x.inter.json --format lcrec --clean
}

# --- Histories in one cell ------------------------------------------------------------------------------------------------

# What was said about a run: on standard error, without the account.
said() { # said ITEMS EVENTS [options]
    ingest "$@" 2>said
    grep -E 'not used|no column|no key' said || true
}

letters() { printf 'item_id:token\ttitle:token_seq\n' && printf '%s\tT\n' a b c d e f g h; }

@test "recbole: lists of items, with the item that follows and without" {
    letters >x.item
    printf 'user_id:token\titem_id_list:token_seq\titem_id:token\ttimestamp:float\n' >x.inter
    printf '%s\n' $'u\ta b\tc\t3' $'v\td\te\t2' $'u\ta\tb\t2' $'u\ta b c\td\t4' $'v\td e\tf\t3' >>x.inter
    run said x.item x.inter --format recbole
    assert_output 'ingest: x.inter: columns not used: "timestamp"'
    run histories
    assert_output $'u a@0 b@1 c@2 d@3\nv d@0 e@1 f@2'
    # of a time that is asked for, the lists know nothing
    run said x.item x.inter --format recbole --columns time=timestamp
    assert_output 'ingest: x.inter: columns not used: "item_id_list"'
    run histories
    assert_output $'u b@2 c@3 d@4\nv e@2 f@3'
    cut -f 1,2 x.inter >lists.inter
    run said x.item lists.inter --format recbole
    assert_output ''
    run histories
    assert_output $'u a@0 b@1 c@2\nv d@0 e@1'
    rm -f kept.jsonl out.st
    refused 64 '--columns: lists of items have no times' x.item x.inter --format recbole --columns items=item_id_list,time=timestamp
    refused 65 'x.inter:1: no column for the rating' x.item x.inter --format recbole --min-rating 3
    refused 65 'have no times' x.item x.inter --format recbole --since 2014-01-01
}

@test "windows of a history go on where it ends; other rows follow it" {
    letters >x.item
    printf 'user:token\thistory:token_seq\n' >x.inter
    printf 'u\t%s\n' 'a b c d' 'b c d e' 'c d e f' 'a b' 'g h' >>x.inter
    ingest x.item x.inter --format recbole -q
    run histories
    assert_output 'u a@0 b@1 c@2 d@3 e@4 f@5 g@6 h@7'
}

@test "lists as programs print them" {
    { echo id && printf '%s\n' a b c d e f "g'h" 'i j'; } >items.csv
    cat >events.csv <<'EOF'
prev_items,next_item,locale
"['a' 'b'
 'c']",d,DE
"[""a"", ""g'h""]",b,FR
"('a', 'i j')",b,FR
a|b;c,d,
[],e,
EOF
    run said items.csv events.csv --format csv
    assert_output 'ingest: events.csv: columns not used: "locale"
ingest: events.csv: no column for the user: each row is the history of one of its own'
    run histories
    assert_output "2 a@0 b@1 c@2 d@3
4 a@0 g'h@1 b@2
5 a@0 i j@1 b@2
6 a@0 b@1 c@2 d@3
7 e@0"
    printf 'u\t%s\n' 'a b c' 'a b c d' >pairs.tsv
    ingest <(tail -n +2 items.csv) pairs.tsv --format tsv --columns user=#1,items=#2 --item-columns id=#1 -q
    run histories
    assert_output 'u a@0 b@1 c@2 d@3'
    printf 'who;what;then\nu;i j/a;b\n' >events.csv
    ingest items.csv events.csv --format csv --delimiter ';' --columns user=who,items=what,item=then --list-separator / -q
    run histories
    assert_output 'u i j@0 a@1 b@2'
    rm -f kept.jsonl out.st
    bad() { printf 'user,items\n%s\n' "$1" >events.csv && refused 65 "events.csv:2: $2" items.csv events.csv --format csv; }
    bad "u,['a]" 'the list of items has a quote that is not closed'
    bad "u,['a' ... 'b']" 'the list of items leaves elements out'
    bad "u,['a' 'b' 'c" 'the list of items has a bracket that is not closed'
    bad 'u,"[a, b, c"' 'the list of items has a bracket that is not closed'
    bad 'u,"{a, b}"' 'the list of items is in braces, as sets are'
    bad 'u,"{a, b"' 'the list of items has a bracket that is not closed'
    for end in ']' ')' '}'; do bad "u,\"a, b$end\"" 'the list of items has a bracket that is not opened'; done
    bad 'u,"array([a, b, c])"' 'the list of items holds arrays'
    bad 'u,"[a, array([b, c])]"' 'the list of items holds arrays'
    printf 'user,items\nu,[PAD] a b c\n' >events.csv # an id that is not known
    csv items.csv events.csv -q
    run histories
    assert_output 'u a@1 b@2 c@3'
    rm -f kept.jsonl out.st
    printf '%s\n' id '{a}' 'b]c' '(d)' e >braced.csv # brackets of ids' own
    printf 'user,items\nu,{a} b]c (d) e\nv,{a}\n' >events.csv
    csv braced.csv events.csv -q
    run histories
    assert_output $'u {a}@0 b]c@1 (d)@2 e@3\nv {a}@0'
    rm -f kept.jsonl out.st
    bad ',a b' 'user is empty'
    printf 'user,items,item\nu,a b,\n' >events.csv
    refused 65 'events.csv:2: item is empty' items.csv events.csv --format csv --columns items=items
}

@test "a column named like a list is none beside an item" {
    { echo id && printf '%s\n' a b c; } >items.csv
    printf 'user,item,items,time\nu,a,3,1\nu,b,1,2\nu,c,2,3\n' >events.csv
    run said items.csv events.csv --format csv
    assert_output 'ingest: events.csv: columns not used: "items"'
    run histories
    assert_output 'u a@1 b@2 c@3'
}

@test "jsonl: arrays and strings of items" {
    printf '{"id":"%s"}\n' a b c 7 e f >items.jsonl
    printf '%s\n' '{"user":"u","items":["a","b"],"item":"c","x":1}' '{"user":"u","items":["a","b","c"],"item":7,"ts":3}' \
        '{"user":"v","items":"e, f","item":"a"}' '{"user":"w","items":[],"item":"a"}' >events.jsonl
    run said items.jsonl events.jsonl --format jsonl
    assert_output 'ingest: events.jsonl: keys not used: "x", "ts"'
    run histories
    assert_output $'u a@0 b@1 c@2 7@3\nv e@0 f@1 a@2\nw a@0'
    printf '%s\n' '{"then":["a","b",7]}' '{"then":["b","c"]}' >events.jsonl
    run said items.jsonl events.jsonl --format jsonl --columns items=then
    assert_output 'ingest: events.jsonl: no key for the user: each line is the history of one of its own'
    run histories
    assert_output $'1 a@0 b@1 7@2\n2 b@0 c@1'
    rm -f kept.jsonl out.st
    bad() { printf '{"user":"u","items":["a"]}\n%s\n' "$1" >events.jsonl && refused 65 "events.jsonl:2: $2" items.jsonl events.jsonl --format jsonl; }
    bad '{"user":"u","items":[["a"]]}' '"items" is no list of ids'
    bad '{"user":"u","items":{}}' '"items" is no list of ids'
    bad '{"user":"u"}' '"items" is no list of ids'
    bad '{"items":["a"]}' 'no "user", expected the user'
}

@test "what is not used is named once, in records too" {
    printf '{"id":"%s","intents":[],"image_labels":["x"]}\n' a b c >items.jsonl
    printf 'user\titem\tshop\ttimestamp\nu\ta\tx\t1\nu\tb\tx\t2\nu\tc\tx\t3\n' >events.tsv
    run said items.jsonl events.tsv
    assert_output 'ingest: events.tsv: columns not used: "shop"'
    printf 'id,,errors\na,b,c\nb,,\nc,,\n' >items.csv
    tr '\t' , <events.tsv >events.csv
    run said items.csv events.csv --format csv
    assert_output 'ingest: items.csv: columns not used: "#2", "errors"
ingest: events.csv: columns not used: "shop"'
    printf '{"sku":"%s","id":1}\n' a b c >items.jsonl
    printf '{"user":"u","item":"%s"}\n' a b c >events.jsonl
    run said items.jsonl events.jsonl --format jsonl --item-columns id=sku
    assert_output 'ingest: items.jsonl: keys not used: "id"'
}

# --- Times, literals, arrays ----------------------------------------------------------------------------------------------

# The times of an event file whose third column they are, as seconds.
times() { # times LINE... -- [options]
    local lines=()
    while [ "$1" != -- ]; do lines+=("u,a,$1") && shift; done
    printf 'id\na\n' >items.csv
    printf '%s\n' user,item,time "${lines[@]}" >events.csv
    csv items.csv events.csv -q "${@:2}"
    histories | tr ' ' '\n' | sed -n 's/.*@//p' | paste -sd' '
}

@test "times with offsets, UTC and half days" {
    run times '2014-07-23 18:30:00+02' '2014-07-23 18:30:00 -0500' '2014-07-23 18:30:00 UTC' '2014-07-23 06:30:05 PM' '2014/07/23' \
        '2014-07-23T18:30:06.123 gmt' '2014-07-24 12:00 am +00:00' --
    assert_output '1406073600 1406133000 1406140200 1406140205 1406140206 1406158200 1406160000'
    rm -f kept.jsonl out.st
    for time in '2014-07-23 13:00 PM' '2014-07-23 0:30 AM' '2014-07-23 18:30 +2' '2014-07-23 18:30 CET' '2014-07/23' '2014-07-23 18:30+02:' '23/07/2014'; do
        printf 'user,item,time\nu,a,1\nu,a,%s\n' "$time" >events.csv
        refused 65 "events.csv:3: time \"$time\" expected a number or a date" items.csv events.csv --format csv
    done
    run times '2014-07-23 18:30:00' '2014-07-23 18:31:00' '2014-07-23 18:32:00' '2014-07-23 18:33:00' -- --since '2014-07-23 06:31 PM UTC'
    assert_output '1406140260 1406140320 1406140380'
}

@test "times in other forms, as strptime reads them" {
    run times '23/07/2014 6:30 PM' '24/07/2014 12:30 AM' '1/2/2015 1:00 PM' -- --time-format '%d/%m/%Y %I:%M %p'
    assert_output '1406140200 1406161800 1422795600'
    run times 'Wed Jul 23 18:30:00 2014 +0200' 'Thu Jul 24 00:00:00 2014 +0000' 'Fri Jul 25 00:00:00 2014 -0100' -- --time-format '%a %b %d %H:%M:%S %Y %z'
    assert_output '1406133000 1406160000 1406250000'
    rm -f kept.jsonl out.st
    printf 'user,item,time\nu,a,23/07/2014\nu,a,31/02/2014\nu,a,1406073600\n' >events.csv
    refused 65 'events.csv:3: time "31/02/2014" does not fit --time-format' items.csv events.csv --format csv --time-format %d/%m/%Y
    refused 65 'events.csv:4: time "1406073600" does not fit --time-format' items.csv events.csv --format csv --time-format %d/%m/%Y --bad-lines 1
    refused 65 'events.csv:2: time "23/07/2014" does not fit --time-format' items.csv events.csv --format csv --time-format '%d/%m/%Y %H'
    for format in %H x %d/%m ''; do
        refused 64 "--time-format '$format': expected a day" items.csv events.csv --format csv --time-format "$format"
    done
    refused 64 'expected one of them' items.csv events.csv --format csv --time-format %d/%m/%Y --time-unit ms
    refused 64 '--time-format means nothing to --format lcrec' items.csv events.csv --format lcrec --time-format %Y
    printf '{"user":"u","item":"a","time":"23.07.2014"}\n' >events.jsonl
    printf '{"user":"u","item":"a","time":"2%s.07.2014"}\n' 4 5 >>events.jsonl
    ingest <(printf '{"id":"a"}\n') events.jsonl --format jsonl --time-format %d.%m.%Y -q
    run histories
    assert_output 'u a@1406073600 a@1406160000 a@1406246400'
}

@test "jsonl: dictionaries as Python prints them, and whole arrays" {
    cat >items.jsonl <<'EOF'
{'id': 'a', 'title': "Bob's \xe9 shoe", 'x': None, 'd': True, 'categories': ['A', 'B'], 'n': (1, 2.5)}
{"id": "b", "title": "Two", "c": None}
{"id":"c","title":"plain"}
EOF
    printf '  [\n {"user": "u",\n  "item": "a", "note": "x, [y]\\"}" },\n{"user":"u", "item":"b"},{"user":"u","item":"c"}\n]\n' >events.json
    ingest items.jsonl events.json --format jsonl -q
    run histories
    assert_output 'u a@0 b@1 c@2'
    run kept title
    assert_output $"a|Bob's é shoe\nb|Two\nc|plain" || assert_output $'a|Bob\'s é shoe\nb|Two\nc|plain'
    printf '\xef\xbb\xbf[%s,\n%s,%s]' "{'id': 'a', 'title': '[1, \"2\"]'}" '{"id":"b"}' '{"id":"c"}' >items.json
    ingest items.json events.json --format jsonl -q
    run kept title
    assert_output $'a|[1, "2"]\nb|None\nc|None'
    iconv -t utf-16 <items.jsonl | gzip >items.gz
    ingest items.gz events.json --format jsonl -q
    run kept title
    assert_line 'b|Two'
    rm -f kept.jsonl out.st
    bad() { printf '%s' "$1" >bad.json && refused 65 "bad.json:$2" bad.json events.json --format jsonl; }
    bad '[{"id":"a"},{"id":"b"} x]' '2: not JSON at column 12'
    bad '[{"id":"a"},7]' '2: not an object'
    bad '[{"id":"a"}]{"id":"b"} y' '2: not JSON'
    bad "{'id': 'a', 'x': set()}" '1: not a Python literal at column 18: expected a value'
    bad "{'id': 'a', 'x': [nan]}" '1: not a Python literal at column 19: expected a value'
    bad '{"id": "a", "x": NaN}' '1: not JSON at column 18'
    # cut off, wherever that is, it is not an array with less in it
    for array in '[{"id":"a"},{"id":"b"},{"id":"c"}' '[{"id":"a"},{"id":"b"},{"id":"c"},' '[{"id":"a"},{"id":"b"},{"id":"c","x":"' '['; do
        printf '%s' "$array" >bad.json
        refused 65 'bad.json: the array is not closed' bad.json events.json --format jsonl --bad-lines 9
    done
    printf '[]' >bad.json
    refused 65 'bad.json: holds no item' bad.json events.json --format jsonl
}

@test "the column of the item may hold lists, where the file says so" {
    shop
    printf 'user_id:token\titem_id:token_seq\ttimestamp:float\nu\ta b c\t5\nv\tb\t6\n' >x.inter
    { printf 'item_id:token\n' && printf '%s\n' a b c; } >x.item
    run ingest x.item x.inter --format recbole
    assert_success
    assert_output --partial 'x.inter: columns not used: "timestamp"'
    run histories
    assert_output $'u a@0 b@1 c@2\nv b@0'
    printf '{"id":"%s"}\n' a b c >items.jsonl
    printf '{"user":"u","item":["a","b","c"]}\n{"user":"v","item":["b"]}\n' >events.jsonl
    ingest items.jsonl events.jsonl --format jsonl -q
    run histories
    assert_output $'u a@0 b@1 c@2\nv b@0'
}

@test "jsonl: a dictionary is mended as an object is" {
    printf "{'id': 'a', 'title': 'br\xf3ken \x01end'}\n{'id': 'b\xff'}\n{'id': 'b'}\n{'id':'c'}\n" >items.jsonl
    printf '{"user":"u","item":"%s"}\n' a b c >events.jsonl
    refused 65 'items.jsonl:2: the id is not valid UTF-8' items.jsonl events.jsonl --format jsonl --clean
    ingest items.jsonl events.jsonl --format jsonl --clean --bad-lines 1 -q
    run kept title
    assert_output $'a|br ken end\nb|None\nc|None'
}

@test "numbers that can be no seconds are warned of" {
    shop
    printf 'user,item,time\nu,a,20200131\nu,b,20200201\nu,c,20191231\n' >events.csv
    run --separate-stderr csv items.csv events.csv -q
    assert_success
    [ "$stderr" = 'ingest: warning: all times lie in 1970: --time-unit and --time-format (as %Y%m%d for 20200131) read others than seconds' ]
    run --separate-stderr csv items.csv events.csv -q --time-format %Y%m%d
    assert_success
    [ -z "$stderr" ]
    run histories
    assert_output 'u c@1577750400 a@1580428800 b@1580515200'
    for times in '1 2 3' '20200131 20200201 1580515200' '1970-02-01 20200201 1'; do # counters, and real times among them
        read -r x y z <<<"$times"
        printf 'user,item,time\nu,a,%s\nu,b,%s\nu,c,%s\n' "$x" "$y" "$z" >events.csv
        run --separate-stderr csv items.csv events.csv -q
        assert_success
        [ -z "$stderr" ]
    done
    printf 'user,item,order\nu,a,20200131\nu,b,20200201\nu,c,20200202\n' >events.csv
    run --separate-stderr csv items.csv events.csv -q
    assert_success
    [ -z "$stderr" ]
}

@test "the zone that %Z reads is UTC, or malformed" {
    shop
    printf 'user,item,time\nu,a,2020-01-31 10:00 UTC\nu,b,2020-01-31 10:01 GMT\nu,c,2020-01-31 10:02 Z\n' >events.csv
    csv items.csv events.csv -q --time-format '%Y-%m-%d %H:%M %Z'
    run histories
    assert_output 'u a@1580464800 b@1580464860 c@1580464920'
    rm -f kept.jsonl out.st
    for zone in EST CET UTC+2 ''; do
        printf 'user,item,time\nu,a,2020-01-31 10:00 %s\n' "$zone" >events.csv
        refused 65 'does not fit --time-format, whose %Z reads UTC, GMT and Z alone' items.csv events.csv --format csv --time-format '%Y-%m-%d %H:%M %Z'
    done
    printf 'user,item,time\nu,a,31 EST Jan 2020\n' >events.csv
    refused 65 'events.csv:2: time "31 EST Jan 2020" does not fit --time-format' items.csv events.csv --format csv --time-format '%d %Z %b %Y'
}
