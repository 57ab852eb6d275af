"""awk: the one true awk, with the functions of GNU's that people use, and characters instead of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler import WORK, say
from ports.host_tool import build_tool, run_tool
from ports.port import JUMP_TAG, JUMPS, PORTS_DIRECTORY, Port, jump_units, own_units, patch, their_units
from sources import Origin, Source, obtain

if TYPE_CHECKING:
    from pathlib import Path

    from compiler import Unit

HERE = PORTS_DIRECTORY / "awk"

SOURCE = Source(
    name="awk-20220912",
    origins=(
        Origin("apt", "original-awk", "25e0846d5a4a20e90304bee282b068f65966406178a1e737fa0ac6744aef71d9"),
        Origin("upstream", "https://github.com/onetrueawk/awk/archive/refs/tags/20220912.tar.gz"),
    ),
    content=("LICENSE", "*.[chy]"),
    content_sha256="99e1882ba2f13c68af62c7101045fbc4b01e74c8386e22357486a06124b18fa5",
)

# The grammar is yacc's; the parser generator is only needed to build, and its output carries no licence of its own.
BYACC = Source(
    name="byacc-20221106",
    origins=(
        Origin("apt", "byacc", "a899be227bbcac9cf7700f7dbb5a8494688f1f9f0617b510762daeace47b9d12"),
        Origin("upstream", "https://invisible-island.net/archives/byacc/byacc-20221106.tgz"),
    ),
    content=("*.[ch]", "README"),
    content_sha256="60b14e3899d32ca63eb2cd8f3338fcd7327756247c1cff160667b9ff382877d3",
)

_BYACC_FILES = ("closure error graph lalr lr0 main mkpar mstring output reader symtab verbose warshall yaccpar").split()
_BYACC_FLAGS = (
    "-DHAVE_FCNTL_H",
    "-DHAVE_MKSTEMP",
    "-DHAVE_VSNPRINTF",
    "-D_WASI_EMULATED_SIGNAL",
    "-DMAXTABLE=32500",
    "-DYYPATCH=20221106",
)

_CHANGES = (
    # No program is ever waited for.
    (
        "run.c",
        "#include <sys/wait.h>\n",
        "#define WIFEXITED(s) 0\n#define WIFSIGNALED(s) 0\n#define WEXITSTATUS(s) 0\n#define WTERMSIG(s) 0\n",
    ),
    # Characters, not bytes.
    ("run.c", "\t\t\tu = strlen(getsval(x));", "\t\t\tu = agentsh_chars(getsval(x));"),
    ("run.c", "Cell *substr(Node **a, int nnn)", "Cell *unused_substr(Node **a, int nnn)"),
    ("run.c", "\t\t\tv = (Awkfloat) (p1 - s1 + 1);", "\t\t\tv = (Awkfloat) (agentsh_chars_to(s1, p1) + 1);"),
    (
        "run.c",
        "\t\tint start = patbeg - s + 1;\n\t\tif (patlen < 0)\n\t\t\tstart = 0;",
        "\t\tint start = patlen < 0 ? 0 : agentsh_chars_to(s, patbeg) + 1;\n"
        "\t\tif (patlen > 0)\n\t\t\tpatlen = agentsh_chars_to(patbeg, patbeg + patlen);",
    ),
    (
        "run.c",
        "\t\tint unused = wctomb(NULL, L'\\0');",
        "\t\tif (1) return agentsh_case(s, fun_wc);\n\t\tint unused = wctomb(NULL, L'\\0');",
    ),
    (
        "run.c",
        "\t\t\tsnprintf(p, BUFSZ(p), fmt, t);\n\t\t\tbreak;\n\t\tcase 'c':\n\t\t\tif (isnum(x)) {",
        "\t\t\tn = 4 * (strlen(t) + agentsh_width(fmt)) + 1;\n"
        '\t\t\tadjbuf(&buf, &bufsize, 1+n+p-buf, recsize, &p, "format8");\n'
        "\t\t\tagentsh_format(p, BUFSZ(p), fmt, t);\n\t\t\tbreak;\n"
        "\t\tcase 'c':\n\t\t\tif (agentsh_char(p, BUFSZ(p), fmt, x)) ;\n\t\t\telse if (isnum(x)) {",
    ),
    (
        "run.c",
        "\t\tfor (n = 0; *s != '\\0'; s++) {\n\t\t\tchar buf[2];",
        "\t\tsize_t taken;\n\t\tfor (n = 0; *s != '\\0'; s += taken) {\n\t\t\tchar buf[8] = \"\";",
    ),
    (
        "run.c",
        "\t\t\tbuf[0] = *s;\n\t\t\tbuf[1] = '\\0';\n\t\t\tif (isdigit((uschar)buf[0]))\n\t\t\t\tsetsymtab(num, buf, atof(buf), STR|NUM, (Array *) ap->sval);\n\t\t\telse\n\t\t\t\tsetsymtab(num, buf, 0.0, STR, (Array *) ap->sval);\n\t\t}\n\t} else if (*s != '\\0') {\n",
        "\t\t\ttaken = agentsh_char_len(s);\n\t\t\tmemcpy(buf, s, taken);\n\t\t\tif (isdigit((uschar)buf[0]))\n\t\t\t\tsetsymtab(num, buf, atof(buf), STR|NUM, (Array *) ap->sval);\n\t\t\telse\n\t\t\t\tsetsymtab(num, buf, 0.0, STR, (Array *) ap->sval);\n\t\t}\n\t} else if (*s != '\\0') {\n",
    ),
    ("awk.h", "typedef struct fa {\n", "typedef struct fa {\n\tvoid *agentsh_re;\n"),
    ("b.c", '#include "awkgram.tab.h"\n', '#include "awkgram.tab.h"\n#include "extensions.h"\n'),
    (
        "b.c",
        "\tfirstbasestr = (const uschar *) s;\n\tbasestr = firstbasestr;\n\tp = reparse(s);\n",
        "\tchar *rewritten = tostring(agentsh_pattern(s));\n\tvoid *around = agentsh_compile(s);\n\tfirstbasestr = (const uschar *) rewritten;\n\tbasestr = firstbasestr;\n\tp = reparse(rewritten);\n",
    ),
    (
        "b.c",
        "\tf->restr = (uschar *) tostring(s);\n",
        "\tf->restr = (uschar *) tostring(s);\n\tf->agentsh_re = around;\n",
    ),
    (
        "b.c",
        "\tif (firstbasestr != basestr) {\n\t\tif (basestr)\n\t\t\txfree(basestr);\n\t}\n\treturn f;\n",
        "\tif (firstbasestr != basestr) {\n\t\tif (basestr)\n\t\t\txfree(basestr);\n\t}\n\tfree(rewritten);\n\treturn f;\n",
    ),
    ("b.c", "\txfree(f->restr);\n", "\txfree(f->restr);\n\tagentsh_forget(f->agentsh_re);\n"),
    (
        "b.c",
        "int match(fa *f, const char *p0)\t/* shortest match ? */\n{\n\tint s, ns;\n\tconst uschar *p = (const uschar *) p0;\n",
        "int match(fa *f, const char *p0)\t/* shortest match ? */\n{\n\tint s, ns;\n\tconst uschar *p = (const uschar *) p0;\n\tif (f->agentsh_re) return agentsh_matches(f, p0, 0);\n",
    ),
    (
        "b.c",
        "int pmatch(fa *f, const char *p0)\t/* longest match, for sub */\n{\n\tint s, ns;\n",
        "int pmatch(fa *f, const char *p0)\t/* longest match, for sub */\n{\n\tint s, ns;\n\tif (f->agentsh_re) return agentsh_matches(f, p0, 0);\n",
    ),
    (
        "b.c",
        "int nematch(fa *f, const char *p0)\t/* non-empty match, for sub */\n{\n\tint s, ns;\n",
        "int nematch(fa *f, const char *p0)\t/* non-empty match, for sub */\n{\n\tint s, ns;\n\tif (f->agentsh_re) return agentsh_matches(f, p0, 1);\n",
    ),
    (
        "b.c",
        "\ts = pfa->initstat;\n\tpatlen = 0;\n",
        '\tif (pfa->agentsh_re) FATAL("RS cannot look around");\n\ts = pfa->initstat;\n\tpatlen = 0;\n',
    ),
    # Brackets are parsed by calls that call each other.
    (
        "b.c",
        "Node *reparse(const char *p)\t",
        "static int agentsh_depth;\n\nNode *reparse(const char *p)\t",
    ),
    ("b.c", "\tlastre = prestr = (const uschar *) p;", "\tagentsh_depth = 0;\n\tlastre = prestr = (const uschar *) p;"),
    (
        "b.c",
        "\t\tnp = regexp();\n\t\tif (rtok == ')') {\n",
        "\t\tif (++agentsh_depth > 1000)\n"
        '\t\t\tFATAL("a regular expression with more than 1000 brackets in each other");\n'
        "\t\tnp = regexp();\n\t\tagentsh_depth--;\n\t\tif (rtok == ')') {\n",
    ),
    ("tran.c", '#include "awk.h"\n', '#include "awk.h"\n#include "extensions.h"\n'),
    (
        "tran.c",
        '\tp = (Cell *) malloc(sizeof(*p));\n\tif (p == NULL)\n\t\tFATAL("out of space for symbol table at %s", n);\n',
        '\tif (tp == symtab && n != NULL && agentsh_is_unsupported(n))\n\t\tFATAL("%s is GNU awk\'s, and not supported here", n);\n\tp = (Cell *) malloc(sizeof(*p));\n\tif (p == NULL)\n\t\tFATAL("out of space for symbol table at %s", n);\n',
    ),
    # GNU's functions.
    (
        "run.c",
        "\tt = ptoi(a[0]);\n\tx = execute(a[1]);",
        "\tt = ptoi(a[0]);\n\tif (t > FFLUSH) return agentsh_function(t, a[1]);\n\tx = execute(a[1]);",
    ),
    ("run.c", '#include "awkgram.tab.h"\n', '#include "awkgram.tab.h"\n#include "extensions.h"\n'),
    ("lex.c", '#include "awkgram.tab.h"\n', '#include "awkgram.tab.h"\n#include "extensions.h"\n'),
    (
        "lex.c",
        '\t{ "atan2",\tFATAN,',
        '\t{ "and",\tFAND,\t\tBLTIN },\n\t{ "asort",\tFASORT,\t\tBLTIN },\n\t{ "asorti",\tFASORTI,\tBLTIN },\n\t{ "atan2",\tFATAN,',
    ),
    ("lex.c", '\t{ "continue",', '\t{ "compl",\tFCOMPL,\t\tBLTIN },\n\t{ "continue",'),
    ("lex.c", '\t{ "getline",', '\t{ "gensub",\tFGENSUB,\tBLTIN },\n\t{ "getline",'),
    ("lex.c", '\t{ "match",', '\t{ "lshift",\tFLSHIFT,\tBLTIN },\n\t{ "match",'),
    ("lex.c", '\t{ "next",', '\t{ "mktime",\tFMKTIME,\tBLTIN },\n\t{ "next",'),
    ("lex.c", '\t{ "print",', '\t{ "or",\t\tFOR_,\t\tBLTIN },\n\t{ "print",'),
    ("lex.c", '\t{ "sin",', '\t{ "rshift",\tFRSHIFT,\tBLTIN },\n\t{ "sin",'),
    ("lex.c", '\t{ "sub",', '\t{ "strftime",\tFSTRFTIME,\tBLTIN },\n\t{ "strtonum",\tFSTRTONUM,\tBLTIN },\n\t{ "sub",'),
    ("lex.c", '\t{ "tolower",', '\t{ "systime",\tFSYSTIME,\tBLTIN },\n\t{ "tolower",'),
    (
        "lex.c",
        '\t{ "while",\tWHILE,\t\tWHILE },\n',
        '\t{ "while",\tWHILE,\t\tWHILE },\n\t{ "xor",\tFXOR,\t\tBLTIN },\n',
    ),
    # match() with a third argument: what the groups matched.
    (
        "awkgram.y",
        "\t| MATCHFCN '(' pattern comma reg_expr ')'\n",
        "\t| MATCHFCN '(' pattern comma reg_expr comma varname ')'\n"
        "\t\t{ $$ = op4(MATCHFCN, NIL, $3, (Node*)makedfa($5, 1), makearr($7)); }\n"
        "\t| MATCHFCN '(' pattern comma pattern comma varname ')'\n"
        "\t\t{ $$ = op4(MATCHFCN, (Node *)1, $3, $5, makearr($7)); }\n"
        "\t| MATCHFCN '(' pattern comma reg_expr ')'\n",
    ),
    (
        "awkgram.y",
        "$$ = op3(MATCHFCN, NIL, $3, (Node*)makedfa($5, 1)); }",
        "$$ = op4(MATCHFCN, NIL, $3, (Node*)makedfa($5, 1), NIL); }",
    ),
    (
        "awkgram.y",
        "$$ = op3(MATCHFCN, NIL, $3, (Node*)makedfa(strnode($5), 1));",
        "$$ = op4(MATCHFCN, NIL, $3, (Node*)makedfa(strnode($5), 1), NIL);",
    ),
    ("awkgram.y", "$$ = op3(MATCHFCN, (Node *)1, $3, $5); }", "$$ = op4(MATCHFCN, (Node *)1, $3, $5, NIL); }"),
    (
        "run.c",
        "\t\ti = (*mf)((fa *) a[2], s);\n",
        "\t\ti = (*mf)(pfa = (fa *) a[2], s);\n",
    ),
    (
        "run.c",
        "\t\ti = (*mf)(pfa, s);\n\t\ttempfree(y);\n\t}\n\ttempfree(x);\n\tif (n == MATCHFCN) {\n",
        "\t\ti = (*mf)(pfa, s);\n\t\ttempfree(y);\n\t}\n"
        "\tif (n == MATCHFCN && a[3]) agentsh_groups(execute(a[3]), s, (const char *) pfa->restr);\n"
        "\ttempfree(x);\n\tif (n == MATCHFCN) {\n",
    ),
    # What is not supported is an error.
    (
        "main.c",
        '\t\t\tWARNING("unknown option %s ignored", argv[1]);\n',
        '\t\t\tif (strcmp(argv[1], "--posix") && strcmp(argv[1], "--re-interval"))\n'
        '\t\t\t\tFATAL("unknown option %s; there are -F -f -v and --version", argv[1]);\n',
    ),
    # Commands.
    (
        "run.c",
        "\t\tfflush(stdout);\t\t/* in case something is buffered already */\n\t\tstatus = system(getsval(x));\n",
        ("\t\tfflush(NULL);\n\t\tu = agentsh_system(getsval(x));\n\t\tbreak;\n"),
    ),
    ("run.c", '\t\tfp = popen(s, "w");\n', '\t\tfp = agentsh_popen(s, "w");\n'),
    ("run.c", '\t\tfp = popen(s, "r");\n', '\t\tfflush(NULL);\n\t\tfp = agentsh_popen(s, "r");\n'),
    (
        "run.c",
        "stat = pclose(files[i].fp) == -1;\n\t\telse\n\t\t\tstat = fclose(files[i].fp) == EOF;\n\t\tif (stat)\n"
        '\t\t\tWARNING("i/o error occurred closing %s",',
        "stat = (fflush(stdout), agentsh_pclose(files[i].fp)) == -1;\n\t\telse\n\t\t\tstat = fclose(files[i].fp) == EOF;\n\t\tif (stat)\n"
        '\t\t\tWARNING("i/o error occurred closing %s",',
    ),
    (
        "run.c",
        "stat = pclose(files[i].fp) == -1;\n\t\telse\n\t\t\tstat = fclose(files[i].fp) == EOF;\n\t\tif (stat)\n"
        '\t\t\tWARNING("i/o error occurred while closing %s",',
        "stat = agentsh_pclose(files[i].fp) == -1;\n\t\telse\n\t\t\tstat = fclose(files[i].fp) == EOF;\n\t\tif (stat)\n"
        '\t\t\tWARNING("i/o error occurred while closing %s",',
    ),
    # What is still to be printed comes behind what the commands print, as with GNU's: standard output is the second file.
    (
        "run.c",
        "\tbool stat = false;\n\n\tfor (i = 0; i < nfiles; i++) {\n\t\tif (! files[i].fp)",
        "\tbool stat = false;\n\n\tfor (i = nfiles; i-- > 0;) {\n\t\tif (! files[i].fp)",
    ),
    ("run.c", "(Awkfloat) (stat ? -1 : 0)", "(Awkfloat) (stat ? -1 : agentsh_last_status())"),
    # Comparisons in what is printed, as in every other place; only > is where the output goes.
    (
        "awkgram.y",
        "\t| ppattern MATCHOP reg_expr\t",
        "".join(f"\t| ppattern {op} ppattern\t\t{{ $$ = op2($2, $1, $3); }}\n" for op in ("EQ", "GE", "LE", "LT", "NE"))
        + "\t| ppattern MATCHOP reg_expr\t",
    ),
    # Records that end with one byte, in pieces.
    ("lib.c", '#include "awk.h"\n', '#include "awk.h"\n#include "extensions.h"\n'),
    (
        "lib.c",
        "\t\tfor (rr = buf; ; ) {\n\t\t\tfor (; (c=getc(inf)) != sep && c != EOF; ) {",
        "\t\tif (*rs) {\n\t\t\tsize_t room = bufsize;\n\t\t\tssize_t got = getdelim(&buf, &room, sep, inf);\n"
        '\t\t\tif (got < 0 && ferror(inf) && errno != EISDIR && errno != EBADF) FATAL("cannot read: %s", strerror(errno));\n'
        "\t\t\tbufsize = room;\n\t\t\tc = got > 0 && buf[got-1] == (char) sep ? sep : EOF;\n"
        "\t\t\trr = buf + (got > 0 ? got - (c != EOF) : 0);\n\t\t} else\n"
        "\t\tfor (rr = buf; ; ) {\n\t\t\tfor (; (c=getc(inf)) != sep && c != EOF; ) {",
    ),
    ("lib.c", "\terrorflag = 2;\n\teprint();", "\terrorflag = 1;\n\teprint();"),
    ("lib.c", "\tr = strtod(s, &ep);", "\tr = agentsh_strtod(s, &ep);"),
    ("tran.c", "\tchar s[256];\n\tdouble dtemp;", "\tchar s[400];\n\tdouble dtemp;"),
    (
        "tran.c",
        '\t\t\tsnprintf(s, sizeof (s), "%.30g", vp->fval); \\\n',
        "\t\t\tagentsh_write_integer(s, sizeof (s), vp->fval); \\\n",
    ),
)


def units(tree: Path) -> list[Unit]:
    """Generate the parser and its table of functions; the translation units."""
    patch(tree, _CHANGES)
    byacc, tools = obtain(BYACC, WORK / "sources", say), WORK / "tools"
    yacc, table = tools / "yacc.wasm", tools / "maketab.wasm"
    shim = ("-include", str(PORTS_DIRECTORY / "byacc_shim.h"))
    build_tool([byacc / f"{name}.c" for name in _BYACC_FILES], yacc, *shim, *_BYACC_FLAGS)
    run_tool(yacc, ["-d", "-o", "awkgram.tab.c", "awkgram.y"], tree, tools / "yacc.out")
    build_tool([tree / "maketab.c"], table, "-D_WASI_EMULATED_SIGNAL")
    run_tool(table, ["awkgram.tab.h"], tree, tree / "proctab.c")
    names = "awkgram.tab.c b.c main.c parse.c proctab.c tran.c lib.c run.c lex.c".split()
    flags = ("-O2", *JUMPS, "-I", str(HERE))
    own = own_units(HERE.glob("*.c"), "-I", str(HERE), "-I", str(tree))
    return their_units(tree, names, *flags) + own + jump_units()


PORT = Port(
    name="awk",
    source=SOURCE,
    units=units,
    licence_texts=(("awk: SMLNJ-like (Lucent)", "LICENSE"),),
    tools=(BYACC,),
    link=(JUMP_TAG,),
)
