#!/bin/sh
# The lint as one test: every script, over the whole tree. Run by `make check` in the build directory.
top=${srcdir:-.}
bad=0
python3 "$top/tests/lint/layers.py" "$top" || bad=1
python3 "$top/tests/lint/style.py" "$top" || bad=1
python3 "$top/tests/lint/limits_doc.py" "$top" || bad=1
python3 "$top/tests/lint/rfc_doc.py" "$top" || bad=1
python3 "$top/tests/lint/options_doc.py" "$top" || bad=1
sh "$top/tests/lint/hotpath.sh" libanswer.a || bad=1
if command -v ctags >/dev/null; then
    python3 "$top/tests/lint/limits.py" "$top" || bad=1
else
    echo 'ctags is not installed; lengths were not looked at'
fi
exit $bad
