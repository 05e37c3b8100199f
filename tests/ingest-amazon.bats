#!/usr/bin/env bats
# ingest --format amazon2014, amazon2018, amazon2023: what is read, what is mended, what is refused.
# shellcheck disable=SC2154 # bats sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

load suite.bash
setup() { suite_setup; }

ingest() { # ingest YEAR [options]: reviews and meta
    local year=$1
    shift
    "$BIN/ingest" --format "amazon$year" --items meta --interactions reviews --items-out kept.jsonl -o out.st --kcore 0 "$@"
}

# Reviews of three users and the items a b c, in each year's form.
reviews2014() {
    cat >reviews <<'EOF'
{"reviewerID": "u1", "asin": "a", "helpful": [2, 3], "reviewText": "Does \"what\" it says.\nTwice.", "overall": 5.0, "summary": "Good", "unixReviewTime": 1391040000, "reviewTime": "01 30, 2014"}
{"reviewerID": "u1", "asin": "b", "helpful": [0, 0], "reviewText": "caf\u00e9 \ud83d\ude00 {", "overall": 2.0, "summary": "", "unixReviewTime": 1391030000, "reviewTime": "01 29, 2014"}
{"reviewerID": "u2", "asin": "c", "overall": 4, "unixReviewTime": 1300000000}
{"unixReviewTime": 1391050000, "overall": 1.0, "asin": "c", "reviewerID": "u1"}
EOF
}

reviews2018() {
    cat >reviews <<'EOF'
{"overall": 5.0, "verified": true, "reviewTime": "01 30, 2014", "reviewerID": "u1", "asin": "a", "style": {"Format:": " Paperback"}, "reviewText": "Good", "unixReviewTime": 1391040000, "vote": "7", "image": ["https://example.org/r.jpg"]}
{"overall": 2.0, "verified": false, "reviewerID": "u1", "asin": "b", "unixReviewTime": 1391030000}
{"overall": 4.0, "verified": true, "reviewerID": "u2", "asin": "c", "unixReviewTime": 1300000000}
{"overall": 1.0, "verified": true, "reviewerID": "u1", "asin": "c", "unixReviewTime": 1391050000}
EOF
}

reviews2023() {
    cat >reviews <<'EOF'
{"rating": 5.0, "title": "Good", "text": "x", "images": [], "asin": "a-red", "parent_asin": "a", "user_id": "u1", "timestamp": 1391040000999, "helpful_vote": 0, "verified_purchase": true}
{"rating": 2.0, "title": "", "text": "", "images": [{"small_image_url": "https://example.org/s.jpg"}], "asin": "b", "parent_asin": "b", "user_id": "u1", "timestamp": 1391030000000, "helpful_vote": 0, "verified_purchase": true}
{"rating": 4.0, "asin": "c", "parent_asin": "c", "user_id": "u2", "timestamp": 1300000000500}
{"rating": 1.0, "asin": "c", "parent_asin": "c", "user_id": "u1", "timestamp": 1391050000001}
EOF
}

meta2014() {
    cat >meta <<'EOF'
{'asin': 'a', 'title': "Cook's pan", 'price': 12.99, 'imUrl': 'http://example.org/a.jpg', 'related': {'also_viewed': ['b', 'c']}, 'salesRank': {'Home &amp; Kitchen': 7}, 'brand': 'Pan & Co', 'categories': [['Home'], ['Home', 'Cookware', 'Pans'], ['Gifts', 'For cooks']], 'description': 'It\'s made of "iron".'}
{'asin': 'b'}
{'asin': 'c', 'title': u'Caf\xe9 set', 'categories': [['Home']], 'imUrl': 'http://example.org/site/no-img-sm.gif'}
EOF
}

meta2018() {
    cat >meta <<'EOF'
{"category": ["Home &amp; Kitchen", "", "<span class=\"x\">Pans</span>"], "tech1": "", "description": ["<p>Of iron</p>", "", "Made to last."], "fit": "", "title": "Cook's pan", "also_buy": ["b"], "image": [], "tech2": "", "brand": "by\n    \n    Pan &amp; Co", "feature": ["Heavy", "Black"], "rank": "3 in Pans", "also_view": [], "main_cat": "Home", "similar_item": "", "date": "", "price": "$12.99", "asin": "a", "imageURL": ["https://example.org/small.jpg"], "imageURLHighRes": ["nothing", "https://example.org/large.jpg"], "details": {"x": 1}}
{"category": [], "title": "", "description": [], "brand": "", "price": "", "asin": "b", "main_cat": "Home &amp; more", "imageURL": [], "imageURLHighRes": []}
{"category": ["Home"], "title": "Set", "price": ".a-box-inner{background-color:#fff}", "asin": "c", "imageURL": ["https://example.org/c.jpg"]}
EOF
}

meta2023() {
    cat >meta <<'EOF'
{"main_category": "Home", "title": "Cook's pan", "average_rating": 4.5, "rating_number": 9, "features": ["Heavy.", "Black"], "description": ["Of iron", "Made to last"], "price": 12.99, "images": [{"thumb": "https://example.org/pt.jpg", "large": "https://example.org/pl.jpg", "variant": "PT01", "hi_res": null}, {"thumb": "https://example.org/t.jpg", "large": "https://example.org/l.jpg", "variant": "MAIN", "hi_res": null}], "videos": [], "store": "Pan & Co", "categories": ["Home", "Pans"], "details": {"Brand": "x"}, "parent_asin": "a", "bought_together": null}
{"main_category": "Home &amp; more", "title": null, "features": [], "description": [], "price": null, "images": [], "store": null, "categories": [], "parent_asin": "b"}
{"main_category": null, "title": "Set", "price": "from 3.50", "images": {"hi_res": [null, "https://example.org/h2.jpg"], "large": ["https://example.org/1.jpg", "https://example.org/2.jpg"], "thumb": [null, null], "variant": ["PT01", "MAIN"]}, "categories": null, "parent_asin": "c"}
EOF
}

# The report's account of what was mended or left out, a reason a line.
mended() {
    /usr/bin/python3 -c 'import json; r = json.load(open("report.json"))
for k in ("records", "interactions"):
    for reason, n in sorted(r[k].items()): print(k, reason, n)'
}

histories() {
    for name in user_ids item_ids; do "$BIN/tensor" get out.st "$name"; done
    "$BIN/tensor" get out.st item_index | tr '\n' ' '
    "$BIN/tensor" get out.st timestamp | tr '\n' ' '
}

# Nothing may be left after a failure: neither outputs nor temporary files.
assert_nothing_written() { assert_none_written kept.jsonl out.st report.json; }

refused() { # refused YEAR MESSAGE [options]
    fails_with 65 "$2" ingest "$1" "${@:3}"
    assert_one_line
    assert_nothing_written
}

@test "2014: reviews and metadata" {
    reviews2014
    meta2014
    ingest 2014 -q --report report.json
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "Cook'\''s pan", "description": "It'\''s made of \"iron\".", "categories": ["Home", "Cookware", "Pans"], "brand": "Pan & Co", "price": 12.99, "image_url": "http://example.org/a.jpg"}
{"id": "b"}
{"id": "c", "title": "Café set", "categories": ["Home"]}'
    run histories
    assert_output --partial $'u1\nu2\na\nb\nc'
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    run mended
    assert_output $'records unusable_pictures 1\nrecords without_title 1'
}

@test "2018: reviews and metadata" {
    reviews2018
    meta2018
    ingest 2018 -q --report report.json
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "Cook'\''s pan", "description": "Of iron Made to last. Heavy. Black", "categories": ["Home & Kitchen", "Pans"], "brand": "Pan & Co", "price": "$12.99", "image_url": "https://example.org/large.jpg"}
{"id": "b", "categories": ["Home & more"]}
{"id": "c", "title": "Set", "categories": ["Home"], "image_url": "https://example.org/c.jpg"}'
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    run mended
    assert_output $'records markup_removed 5\nrecords unusable_prices 1\nrecords without_title 1'
}

@test "2023: reviews and metadata" {
    reviews2023
    meta2023
    ingest 2023 -q --report report.json
    run cat kept.jsonl
    assert_output '{"id": "a", "title": "Cook'\''s pan", "description": "Of iron. Made to last. Heavy. Black", "categories": ["Home", "Pans"], "brand": "Pan & Co", "price": 12.99, "image_url": "https://example.org/l.jpg"}
{"id": "b", "categories": ["Home & more"]}
{"id": "c", "title": "Set", "price": "from 3.50", "image_url": "https://example.org/h2.jpg"}'
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    run mended
    assert_output $'records markup_removed 1\nrecords without_title 1'
}

@test "2014: JSON metadata and Python reviews are taken as well" {
    meta2014
    /usr/bin/python3 -c 'import ast, json
for l in open("meta"): print(json.dumps(ast.literal_eval(l)))' >json
    reviews2014
    ingest 2014 -q
    mv kept.jsonl first.jsonl
    mv json meta
    /usr/bin/python3 -c 'import json
for l in open("reviews"): print(repr(json.loads(l)))' >python
    mv python reviews
    ingest 2014 -q
    run diff first.jsonl kept.jsonl
    assert_success
}

@test "ratings-only files, with each year's columns" {
    meta2014
    printf '%s\n' u1,a,5.0,1391040000 u1,b,2.0,1391030000 u2,c,4.0,1300000000 u1,c,1.0,1391050000 >reviews
    ingest 2014 -q
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    meta2018
    printf '%s\n' a,u1,5.0,1391040000 b,u1,2.0,1391030000 c,u2,4.0,1300000000 c,u1,1.0,1391050000 >reviews
    ingest 2018 -q
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    meta2023
    printf '%s\n' user_id,parent_asin,rating,timestamp,history u1,a,5.0,1391040000999,x u1,b,2.0,1391030000000, \
        u2,c,4.0,1300000000500, u1,c,1.0,1391050000001,a,b >reviews
    ingest 2023 -q
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
}

@test "--min-rating" {
    reviews2018
    meta2018
    printf '{"overall": %s, "reviewerID": "u3", "asin": "%s", "unixReviewTime": 1391040000}\n' 3 a 3.5 b 5 c >>reviews
    ingest 2018 -q --min-rating 3
    run histories
    assert_output --partial $'u1\nu2\nu3\n'
    assert_output --partial '0 2 0 1 2 '
}

@test "absurd times and ratings are left out and counted" {
    reviews2014
    meta2014
    printf '{"reviewerID": "u1", "asin": "a", "overall": %s, "unixReviewTime": %s}\n' 5 0 5 -1 5 805852799 5 4102444800 5 1391040000000 \
        0 1391040000 5.5 1391040000 -1 1391040000 1e3 1391040000 >>reviews
    ingest 2014 -q --report report.json
    run mended
    assert_line 'interactions absurd_times 5'
    assert_line 'interactions absurd_ratings 4'
    run histories
    assert_output --partial '1 0 2 2 1391030000 1391040000 1391050000 1300000000 '
    printf '{"reviewerID": "u1", "asin": "a", "overall": 5, "unixReviewTime": %s}\n' 805852800 4102444799 >>reviews
    ingest 2014 -q
    run histories
    assert_output --partial '805852800 1391030000 1391040000 1391050000 4102444799 1300000000 '
}

@test "of repeated records the first stays" {
    reviews2018
    meta2018
    printf '%s\n' '{"asin": "a", "title": "Another"}' '{"asin": "b", "title": "Another"}' >>meta
    ingest 2018 -q --report report.json
    run grep -c Another kept.jsonl
    assert_output 0
    run mended
    assert_line 'records repeated_records 2'
}

@test "scripts and pages are no titles" {
    reviews2018
    printf '%s\n' '{"asin": "a", "title": "var aPageStart = (new Date()).getTime();\nvar ue_t0=window.ue_t0||+new Date();"}' \
        '{"asin": "b", "title": "\n<!doctype html><html class=\"a-no-js\"><head><title>Robot check</title></head><body>x</body></html>"}' \
        '{"asin": "c", "title": "JavaScript: the good parts &amp;amp; more", "brand": ".box{margin:0}", "category": ["var x = f(1); g(2);"]}' >meta
    ingest 2018 -q --report report.json
    run cat kept.jsonl
    assert_output $'{"id": "a"}\n{"id": "b"}\n{"id": "c", "title": "JavaScript: the good parts & more"}'
    run mended
    assert_output $'records markup_removed 1\nrecords script_texts 4\nrecords without_title 2'
}

@test "broken characters, long texts, unusable values" {
    reviews2018
    printf '{"asin": "a", "title": "caf\xe9 \\u0000\\ud800 it\\u0092s \\u00c3\\u00a9", "description": "%s"}\n' "$(printf 'word %.0s' {1..3000})" >meta
    printf '%s\n' '{"asin": "b", "title": 7, "brand": ["x"], "category": "x", "description": {"x": 1}, "price": -3, "imageURL": "ftp://example.org/a"}' \
        '{"asin": "c", "title": "x", "price": [1], "imageURLHighRes": ["https://example.org/a b"], "imageURL": ["https://example.org/ok"]}' >>meta
    ingest 2018 -q --report report.json
    run /usr/bin/python3 -c 'import json
for l in open("kept.jsonl", encoding="utf-8"):
    r = json.loads(l); d = r.pop("description", "")
    print(r, len(d), d[-6:])'
    assert_output "{'id': 'a', 'title': 'caf it’s Ã©'} 8189 d word
{'id': 'b'} 0 
{'id': 'c', 'title': 'x', 'image_url': 'https://example.org/ok'} 0 "
    run mended
    assert_output $'records characters_mended 1\nrecords texts_cut 1\nrecords unusable_pictures 1\nrecords unusable_prices 2\nrecords unusable_values 4\nrecords without_title 1'
}

@test "malformed reviews end the run, unless --bad-lines lets them pass" {
    meta2014
    local bad=('{"reviewerID": "u1"' '[1]' 'nonsense' '{"reviewerID": "u1", "asin": "a", "overall": 5}'
        '{"reviewerID": 1, "asin": "a", "overall": 5, "unixReviewTime": 1391040000}'
        '{"reviewerID": "u1", "asin": "", "overall": 5, "unixReviewTime": 1391040000}'
        '{"reviewerID": "u1", "asin": "a\tb", "overall": 5, "unixReviewTime": 1391040000}'
        '{"reviewerID": "u1", "asin": "a\nb", "overall": 5, "unixReviewTime": 1391040000}'
        '{"reviewerID": "u1", "asin": "a", "overall": "five", "unixReviewTime": 1391040000}'
        '{"reviewerID": "u1", "asin": "a", "overall": 5, "unixReviewTime": 1391040000.5}'
        '{"reviewerID": "u1", "asin": "a", "overall": 5, "unixReviewTime": 99999999999999999999999999}'
        "{'reviewerID': 'u1', 'asin': b'a', 'overall': 5, 'unixReviewTime': 1391040000}" 'u1,a,5.0' 'u1,a,five,1391040000' ',a,5,1391040000')
    for line in "${bad[@]}"; do
        reviews2014
        printf '%s\n' "$line" >>reviews
        refused 2014 'ingest: reviews:5: '
    done
    reviews2014
    printf '%s\n' "${bad[@]}" >>reviews
    refused 2014 'ingest: reviews:19: ' --bad-lines 14 -q
    ingest 2014 -q --bad-lines 15 --report report.json
    run mended
    assert_line 'interactions malformed_lines 15'
}

@test "what is wrong with a line is said" {
    meta2014
    reviews2014
    echo '{"reviewerID": "u1", "asin": "a", "overall": 5}' >>reviews
    refused 2014 'reviews:5: no "unixReviewTime", expected a whole number'
    reviews2014
    echo '{"reviewerID": "u1", "asin": "a", "overall": {}, "unixReviewTime": 1}' >>reviews
    refused 2014 'reviews:5: "overall" is not a number'
    reviews2014
    echo '{"reviewerID": "u1" "asin": "a"}' >>reviews
    refused 2014 "reviews:5: not JSON at column 21: expected ',' or '}'"
    reviews2014
    echo "{'asin': 'a', 'x': nan}" >>meta
    refused 2014 'meta:4: not a Python literal at column 20: expected a value'
    meta2014
    echo "{'title': 'a'}" >>meta
    refused 2014 'meta:4: no "asin", expected an id'
}

@test "malformed metadata ends the run, unless --bad-lines lets it pass" {
    local bad=("{'asin': 'd'" "{'asin': 'd'} x" "['d']" "{'asin': 7}" "{'asin': ''}" "{'asin': 'a\\tb'}" "{'title': 'd'}" '{"asin": "d",}'
        "{'asin': '\\N{BULLET}'}" '7' 'x')
    for line in "${bad[@]}"; do
        meta2014
        reviews2014
        printf '%s\n' "$line" >>meta
        refused 2014 'ingest: meta:4: '
    done
    printf '%s\n' "${bad[@]:1}" >>meta
    ingest 2014 -q --bad-lines 11 --report report.json
    run mended
    assert_line 'records malformed_lines 11'
}

@test "cut and empty files" {
    reviews2023
    meta2023
    truncate -s -20 reviews
    refused 2023 'reviews:4: not JSON'
    reviews2023
    truncate -s -20 meta
    refused 2023 'meta:3: not JSON'
    : >meta
    refused 2023 'meta: holds no item'
    meta2023
    : >reviews
    run --separate-stderr ingest 2023 -q
    assert_failure 65
    assert_nothing_written
}

@test "a file and a pipe give the same, blank lines and line ends do not matter" {
    for year in 2014 2018 2023; do
        "reviews$year"
        "meta$year"
        ingest $year -q
        mv kept.jsonl first.jsonl
        mv out.st first.st
        "$BIN/ingest" -q --format amazon$year --items <(cat meta) --interactions <(cat reviews) --items-out kept.jsonl -o out.st --kcore 0
        cmp first.jsonl kept.jsonl
        cmp first.st out.st
        sed -i 's/$/\r/; 2s/^/\n  \n/; 1s/^/\xef\xbb\xbf/' meta reviews
        ingest $year -q
        cmp first.jsonl kept.jsonl
    done
}

@test "hostile lines are refused and small" {
    reviews2023
    /usr/bin/python3 -c 'print("{\"parent_asin\":\"a\",\"x\":" + "[" * 1000000)' >meta
    refused 2023 'meta:1: not JSON at column 88: nested deeper than 64'
    /usr/bin/python3 -c 'print("{\"parent_asin\": \"a\", \"title\": \"" + "<b>&amp;" * 3000000 + "\"}")' >meta
    refused 2023 'meta:1: '
    reviews2014
    /usr/bin/python3 -c 'print("{\"a\": " * 100000)' >meta
    refused 2014 'nested deeper than 64'
    /usr/bin/python3 -c 'print("{\x27asin\x27: " + "(" * 100000)' >meta
    refused 2014 'nested deeper than 64'
    /usr/bin/python3 -c 'print("{\x27asin\x27: \x27a\x27, \x27n\x27: -" + "9" * 1000000 + "}\n{\x27asin\x27:\x27b\x27}\n{\x27asin\x27:\x27c\x27}")' >meta
    ingest 2014 -q
    run cat kept.jsonl
    assert_output $'{"id": "a"}\n{"id": "b"}\n{"id": "c"}'
}

@test "--clean mends the texts of other formats' records, and no other byte" {
    printf '%s\n' '{"id":"a", "title":"Salt &amp; Pepper","n":1.10,"description":"<p>One</p>","categories":["A &amp; B","<br>","C"],"brand":"<i></i>"}' \
        '{"id":"b","title":"Caf\u00e9", "categories" : [ "A" ]}' '{"id":"c","title":"var a = (new Date()).getTime();"}' >items.jsonl
    printf 'user\titem\torder\nu\ta\t1\nu\tb\t2\nu\tc\t3\n' >events.tsv
    run --separate-stderr "$BIN/ingest" -q --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st --kcore 0
    assert_success
    cmp items.jsonl kept.jsonl
    "$BIN/ingest" -q --items items.jsonl --interactions events.tsv --items-out kept.jsonl -o out.st --kcore 0 --clean --report report.json
    run cat kept.jsonl
    assert_output $'{"id":"a", "title":"Salt & Pepper","n":1.10,"description":"One","categories":["A & B", "C"]}
{"id":"b","title":"Caf\\u00e9", "categories" : [ "A" ]}\n{"id":"c"}'
    run mended
    assert_output $'records markup_removed 5\nrecords script_texts 1\nrecords without_title 1'
}

@test "--clean does nothing twice" {
    reviews2014
    printf '%s\n' '{"asin":"a","title":"&amp;amp;amp;amp;amp;lt;b&amp;amp;amp;amp;amp;gt;"}' '{"asin":"b"}' '{"asin":"c"}' >meta
    ingest 2014 -q --report report.json
    mv kept.jsonl once.jsonl
    mended >once
    ingest 2014 -q --report report.json --clean
    cmp once.jsonl kept.jsonl
    mended | cmp - once
    grep -q '&amp;' kept.jsonl
}

@test "the parser of Python literals agrees with Python" {
    run /usr/bin/python3 "$HELPERS/literals.py" "$BIN/../tests/test_python_literal" 1 2000
    assert_success
    assert_output --partial 'alike'
}

# Counts of the data folder's README: users, items, interactions.
@test "round trip of real data through each year's form: the same histories" {
    [ -d "$DATA/beauty" ] || skip "no data in $DATA"
    local name year
    for name in beauty sports ml100k; do
        "$BIN/ingest" -q --items "$DATA/$name/items.jsonl" --interactions "$DATA/$name/interactions.tsv" --items-out neutral.jsonl -o neutral.st
        for year in 2014 2018 2023; do
            /usr/bin/python3 "$HELPERS/amazon_files.py" amazon$year "$DATA/$name" .
            ingest $year -q --kcore 5 --report report.json
            /usr/bin/python3 -c 'import json; a = json.load(open("report.json"))["after"]; print("'$name'", a["users"], a["items"], a["interactions"])'
            for tensor in user_ids item_ids user_offsets item_index; do
                cmp <("$BIN/tensor" get out.st $tensor) <("$BIN/tensor" get neutral.st $tensor)
            done
            [ $name != ml100k ] || cmp <("$BIN/tensor" get out.st timestamp) <("$BIN/tensor" get neutral.st timestamp)
        done
    done >sizes
    run uniq -c sizes
    assert_output --regexp '^ *3 beauty 22363 12101 198502
 *3 sports 35588 18344 296230
 *3 ml100k 943 1349 99287$'
}
