"""Command lines that are run here and by the machine's git, by the repository that they run in."""

from __future__ import annotations

_STATUS = """
git status
git status -s
git status --short --branch
git status --porcelain
git status --porcelain -b
git status --porcelain=v2 --branch
git status -sb -uall
git status -uno
git status --ignored
git status -s --ignored
git status -z | tr '\\0' '|'
cd dir 2>/dev/null || cd .; git status; git status -s; git status --porcelain
"""

_DIFF = """
git diff
git diff --cached
git diff --staged --stat
git diff HEAD
git diff HEAD --stat
git diff --name-only
git diff --name-status HEAD
git diff --numstat HEAD
git diff --shortstat
git diff --summary HEAD
git diff --stat --summary HEAD
git diff -U0
git diff -U10 HEAD
git diff -R
git diff --no-prefix
git diff --exit-code; echo $?
git diff --quiet; echo $?
git diff --raw HEAD ## of a new file, git tells the index's object even where the file has changed since
git diff -w HEAD
git diff --diff-filter=M --name-only HEAD
git diff --full-index
git diff --no-renames --cached
git diff -z --name-only HEAD | tr '\\0' '|'
git diff -p --stat HEAD
git diff --patch HEAD -- .
"""

LINES: dict[str, str] = {
    "history": _STATUS
    + _DIFF
    + """
git diff HEAD~3
git diff HEAD~3 HEAD
git diff HEAD~3..HEAD --stat
git diff main...topic --stat
git diff topic main -- README.md
git diff v1.0 -- a.py
git diff v1.0:a.py HEAD:a.py
git diff -M90% HEAD~8 HEAD --name-status
git diff HEAD -- dir
git diff HEAD -- '*.py'
git diff HEAD -- ':!a.py' --
git diff nothing
git diff HEAD nothing-there
git log
git log --oneline
git log --oneline -3
git log -n 2 --stat
git log -p -2
git log -p --stat -1 HEAD~1
git log --format='%h %s'
git log --pretty=format:'%H|%an|%ae|%ad|%cn|%ce|%cd|%s' --date=iso
git log --pretty=format:'%h %p %t' -4
git log --format='%an%n%b---' -8
git log --format=fuller -2
git log --format=full -2
git log --format=short -3
git log --format=raw -2
git log --format=reference -3
git log --format='%C(auto)%h%Creset %d %D'
git log --oneline --decorate
git log --oneline --decorate --all
git log --decorate=full -3
git log --date=short -2
git log --date=iso-strict -2
git log --date=rfc -2
git log --date=unix --format=%ad -2
git log --date=raw -2
git log --date=format:%Y_%m_%d --format=%ad -2
git log --author=Th --oneline
git log --author='Ann' --oneline -2
git log --grep=merge -i --oneline
git log --grep='Rename\\|Move' --oneline
git log -E --grep='Rename|Move' --oneline
git log --grep=a --grep=logo --all-match --oneline
git log --invert-grep --grep=Merge --oneline
git log --since=2023-11-14T22:20:00 --oneline
git log --until='2023-11-14 22:20:00' --oneline
git log --merges --oneline
git log --no-merges --oneline
git log --first-parent --oneline
git log --reverse --oneline
git log --topo-order --oneline
git log --skip=2 -2 --oneline
git log v1.0..main --oneline
git log main..topic --oneline
git log topic..main --oneline
git log main...other --oneline
git log ^v1.0 main --oneline
git log --oneline -- a.py
git log --oneline -- dir
git log --oneline --follow moved.py
git log --follow --stat --oneline moved.py
git log -p -1 -- a.py
git log --name-only -3
git log --name-status --oneline -4
git log --numstat --oneline -3
git log --shortstat -2
git log --raw -2 --oneline
git log -S'2 and TWO' --oneline
git log -G'more = ' --oneline
git log --all --oneline
git log --branches --oneline
git log --oneline light
git log -1 --format=%B
git log -1 --format='%x41%x09%%%n'
git log --oneline -- nothing-there
git log nothing
git log --abbrev-commit -1
git log --oneline --no-abbrev-commit -1
git log --oneline --abbrev=12 -1
git log --parents --oneline -1 >/dev/null
git log --full-history --oneline -- dir
git show
git show HEAD~1
git show HEAD~2 --stat
git show HEAD^2
git show v1.0
git show light --oneline
git show HEAD:dir/deep/c.txt
git show HEAD:dir
git show :staged.txt
git show topic --name-only
git show -s --format=%h HEAD~1
git show --oneline --stat HEAD HEAD~1
git show HEAD~1 -- dir
git show main~5
git show HEAD~2 --format=
git show nothing
git show HEAD:nothing
cd dir && git show HEAD:./deep/c.txt
git ls-files
git ls-files -s
git ls-files -m
git ls-files -d
git ls-files -o
git ls-files -o --exclude-standard
git ls-files -o --exclude-standard --directory
git ls-files -o -i --exclude-standard
git ls-files -z | tr '\\0' '|'
git ls-files dir
git ls-files '*.py'
git ls-files --error-unmatch nothing
git ls-files --error-unmatch a.py
git ls-files -c -o --exclude-standard
git ls-files -t
cd dir && git ls-files
cd dir && git ls-files --full-name
git blame a.py
git blame -L 3,9 a.py
git blame -L 5,+3 a.py
git blame -L '/return/,+2' a.py
git blame -s moved.py
git blame -e moved.py
git blame --date=short moved.py
git blame HEAD~4 -- a.py
git blame HEAD -- moved.py
git blame --porcelain moved.py
git blame --line-porcelain HEAD -- moved.py
git blame -l -n moved.py
git blame -f HEAD moved.py
git blame dir/deep/d.txt
git blame nothing
git grep value_1
git grep -n 'return x'
git grep -n -i RETURN
git grep -l return
git grep -L return
git grep -c return
git grep -h return
git grep -w value_1
git grep -e return -e 'value_3 ='
git grep -E 'value_(1|2) = [0-3]'
git grep -F 'def name_1(x):'
git grep 'value_[12]* ='
git grep -v return -- dir
git grep -n -A1 -B1 'def name_3'
git grep -n -C2 'def name_5'
git grep return HEAD~3
git grep -n return v1.0 -- dir
git grep --cached staged
git grep --untracked -l new
git grep nothing-at-all
git grep -q return; echo $?
git grep -n return -- '*.py'
git grep -o 'value_[0-9]*' -- moved.py
cd dir && git grep -n o
git rev-parse HEAD
git rev-parse --short HEAD
git rev-parse --short=10 HEAD
git rev-parse --abbrev-ref HEAD
git rev-parse --abbrev-ref main@{u}
git rev-parse --show-toplevel
git rev-parse --git-dir
git rev-parse --is-inside-work-tree
git rev-parse --show-prefix
git rev-parse main topic
git rev-parse v1.0 v1.0^{} v1.0^{commit} v1.0^{tree}
git rev-parse HEAD~2^2 HEAD^^ HEAD@{0} HEAD@{1}
git rev-parse --verify nothing
git rev-parse --verify -q nothing; echo $?
git rev-parse nothing
git rev-parse v1.0..main
git rev-parse --symbolic-full-name HEAD
git rev-parse HEAD:a.py
cd dir/deep && git rev-parse --show-toplevel --show-prefix --show-cdup
git branch
git branch -a
git branch -r
git branch -v
git branch -vv
git branch --show-current
git branch --contains HEAD~2
git branch --merged
git branch --no-merged
git branch --list 't*'
git branch --format='%(refname:short) %(objectname:short) %(HEAD)'
git branch --sort=-committerdate
git tag
git tag -l 'v*'
git tag -n
git tag --contains HEAD~9
git tag --sort=-creatordate
git describe
git describe --tags
git describe --always --dirty
git describe --tags light
git describe --exact-match
git describe --abbrev=4 main
git cat-file -t HEAD
git cat-file -t v1.0
git cat-file -p HEAD
git cat-file -p v1.0
git cat-file -p HEAD^{tree}
git cat-file -p HEAD:a.py
git cat-file -s HEAD:a.py
git cat-file -e HEAD; echo $?
git cat-file blob HEAD:README.md
git cat-file -p nothing
echo HEAD:a.py | git cat-file --batch-check
git ls-tree HEAD
git ls-tree -r HEAD
git ls-tree -r -t --name-only HEAD
git ls-tree -l HEAD
git ls-tree HEAD dir
git ls-tree HEAD dir/
git ls-tree -d HEAD
cd dir && git ls-tree HEAD
git config --get remote.origin.url
git config --get-all remote.origin.fetch
git config user.name
git config --get-regexp 'branch\\.main'
git config -l
git config --bool core.bare
git remote
git remote -v
git remote get-url origin
git remote get-url nothing
git stash list
git stash show
git stash show -p
git shortlog -sn HEAD
git shortlog -sne HEAD
git shortlog HEAD
git rev-list HEAD -3
git rev-list --count HEAD
git rev-list --count v1.0..main
git rev-list --max-count=2 --parents main
git merge-base main topic
git merge-base --is-ancestor v1.0 main; echo $?
git merge-base --is-ancestor main v1.0; echo $?
git symbolic-ref HEAD
git symbolic-ref --short HEAD
git reflog
git reflog -3
git for-each-ref
git for-each-ref --format='%(refname) %(objecttype)' refs/tags
git for-each-ref --sort=-committerdate --format='%(refname:short)' refs/heads
git show-ref
git show-ref --tags -d
git check-ignore -v some.log build/out new.txt keep.log
git check-ignore new.txt; echo $?
git hash-object a.py
echo hello | git hash-object --stdin
git -C dir status -s
git -C dir ls-files
git --no-pager log --oneline -1
git -c core.quotepath=off ls-files
""",
    "conflict": _STATUS
    + """
git diff
git diff --name-only
git diff --name-status
git diff --stat ## git forgets the line's end after 'Unmerged'
git diff --cached
git diff HEAD
git diff --diff-filter=U --name-only
git diff both.txt
git ls-files -u
git ls-files -s
git show :1:both.txt | head -3
git show :2:both.txt | sed -n 11p
git show :3:both.txt | sed -n 11p
git log --oneline --all
git rev-parse MERGE_HEAD
""",
    "unborn": _STATUS
    + """
git log
git diff
git diff --cached
git ls-files
git branch
git branch --show-current
git rev-parse HEAD
git rev-parse --abbrev-ref HEAD
git show
git stash list
git tag
git shortlog -sn HEAD
git describe --always
git blame one.txt
git grep one
""",
    "detached": _STATUS
    + """
git branch
git branch -v
git branch --show-current
git rev-parse --abbrev-ref HEAD
git log --oneline --decorate
git log --oneline main
git diff
git diff HEAD
git diff --stat HEAD
git ls-files -s
git symbolic-ref HEAD
git symbolic-ref -q HEAD; echo $?
git describe --tags
git show --stat main
""",
    "linked": _STATUS
    + """
cd side && git status
cd side && git log --oneline --decorate
cd side && git diff --cached
cd side && git branch
cd side && git rev-parse --abbrev-ref HEAD
cd side && git ls-files -o
git branch --format='%(refname:short)'
""",
    "names": _STATUS
    + """
git diff
git diff --stat
git diff --name-only
git diff --numstat HEAD
git diff --cached
git diff --cached --stat
git ls-files
git ls-files -o
git ls-files -z | tr '\\0' '|'
git ls-tree -r HEAD
git ls-tree -r --name-only HEAD
git log --stat
git show --name-status
git grep -l x
git grep -n changed
git -c core.quotepath=off status
git -c core.quotepath=off diff --name-only
git -c core.quotepath=false ls-files
""",
    "edits": "\n".join(f"git diff -- f{n:02d}.py" for n in range(60))
    + """
git diff --stat
git diff --numstat
git diff --shortstat
git diff -U1 --inter-hunk-context=2
""",
    "renames": """
git show --stat
git show --name-status
git show --numstat
git diff --summary HEAD~1 HEAD
git diff -M HEAD~1 HEAD --name-status
git diff -M80% HEAD~1 HEAD --name-status
git diff --no-renames HEAD~1 HEAD --name-status
git show
git log --follow --oneline new/1/name1.py
git log --stat --oneline -- new
git blame new/1/name1.py
git blame -s other/called6.py
""",
}
"""One line each; a line with `` ## `` is a known difference, with its reason."""
