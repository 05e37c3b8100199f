#include "data/relpath.h"

#include <stdbool.h>
#include <stdlib.h>

#include "unit.h"

static bool is(char *got, const char *expected)
{
    bool same = !strcmp(got, expected);
    if (!same) printf("# got '%s', expected '%s'\n", got, expected);
    free(got);
    return same;
}

TEST(ways_between_folders)
{
    CHECK(is(relpath_way("/a/b", "/a/b"), ""));
    CHECK(is(relpath_way("/a/b", "/a/c"), "../c"));
    CHECK(is(relpath_way("/a/b", "/a"), ".."));
    CHECK(is(relpath_way("/a", "/a/b/c"), "b/c"));
    CHECK(is(relpath_way("/ab/x", "/a/y"), "../../a/y"));
    CHECK(is(relpath_way("/", "/a"), "a"));
    CHECK(is(relpath_way("/a/b", "/"), "../.."));
    CHECK(is(relpath_way("/", "/"), ""));
}

TEST(paths_move_along)
{
    CHECK(is(relpath_move("img/1.png", "/a", "/a"), "img/1.png"));
    CHECK(is(relpath_move("./1.png", "/a", "/a"), "./1.png"));
    CHECK(is(relpath_move("/abs/1.png", "/a", "/a/b"), "/abs/1.png"));
    CHECK(is(relpath_move("", "/a", "/a/b"), ""));
    CHECK(is(relpath_move("img/1.png", "/x/data", "/x/out"), "../data/img/1.png"));
    CHECK(is(relpath_move(".//img/1.png", "/x/data", "/x"), "data/img/1.png"));
    CHECK(is(relpath_move("../1.png", "/x", "/x/y"), "../../1.png"));
    CHECK(is(relpath_move("../img/1.png", "/x/sub", "/x"), "img/1.png"));
    CHECK(is(relpath_move("../../../1.png", "/x/a/b", "/x"), "../1.png"));
    CHECK(is(relpath_move("../../../../1.png", "/x/a/b", "/x"), "../1.png"));
    CHECK(is(relpath_move("../shop/1.png", "/x/out", "/x/shop"), "1.png"));
    CHECK(is(relpath_move("..x/1.png", "/x", "/x/y"), "../..x/1.png"));
    CHECK(is(relpath_move("1.png", "/", "/x"), "../1.png"));
    CHECK(is(relpath_move("x/1.png", "/", "/x"), "1.png"));
    CHECK(is(relpath_move("1.png", "/x", "/"), "x/1.png"));
    CHECK(is(relpath_move("a/../1.png", "/x", "/y"), "../x/a/../1.png"));
}

TEST(folders_of_files)
{
    char here[4096];
    CHECK(getcwd(here, sizeof here));
    char *real = realpath(here, NULL);
    CHECK(is(relpath_folder(NULL), real) && is(relpath_folder("-"), real) && is(relpath_folder("/dev/null"), real));
    CHECK(is(relpath_folder("nothing-here"), real) && is(relpath_folder("./nothing-here"), real));
    CHECK(is(relpath_folder("/nothing-here"), "/"));
    CHECK(!relpath_folder("nothing-here/file"));
    free(real);
}

UNIT_MAIN(UNIT(ways_between_folders), UNIT(paths_move_along), UNIT(folders_of_files))
