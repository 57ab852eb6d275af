"""The schema, as a list of steps: ``user_version`` counts those that a file has had."""

from __future__ import annotations

from agentsh.store.schema_grants import GRANTS
from agentsh.store.schema_listings import LISTINGS
from agentsh.store.schema_seals import SEALS
from agentsh.store.schema_xattrs import XATTRS

APPLICATION_ID = 0x61677368  # 'agsh'

_STATE = """
  {p}mode INTEGER,
  {p}blob INTEGER REFERENCES blobs(id),
  {p}target BLOB,
  {p}mtime INTEGER"""

# A path's state is four columns: type and permission bits as in st_mode (NULL: nothing there), the content's blob, the
# link's text, the time. Only a regular file has content, and must have it.
_STATE_CHECK = "CHECK ((coalesce({p}mode >> 12, 0) = 8) = ({p}blob IS NOT NULL))"


_PAIR = ",".join(_STATE.format(p=p) for p in ("before_", "after_"))
_PAIR_NAMES = ", ".join(f"{p}{c}" for p in ("before_", "after_") for c in ("mode", "blob", "target", "mtime"))
_PAIR_CHECK = ",".join(_STATE_CHECK.format(p=p) for p in ("before_", "after_"))

_FIRST = (
    # Content. A blob is kept plain (0), zstd-compressed (1), or as a list of other blobs, its pieces (2): equal pieces
    # of large files are kept once, and nothing larger than a piece is ever in memory.
    """CREATE TABLE blobs (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  codec INTEGER NOT NULL CHECK (codec IN (0, 1, 2)),
  data BLOB NOT NULL
) STRICT""",
    """CREATE TABLE pieces (
  blob INTEGER NOT NULL REFERENCES blobs(id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  piece INTEGER NOT NULL REFERENCES blobs(id),
  PRIMARY KEY (blob, n)
) STRICT, WITHOUT ROWID""",
    "CREATE TABLE paths (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE) STRICT",
    """CREATE TABLE sessions (
  number INTEGER PRIMARY KEY,
  task TEXT NOT NULL,
  model TEXT NOT NULL,
  policy TEXT NOT NULL,
  status TEXT NOT NULL,
  started_at REAL NOT NULL,
  ended_at REAL
) STRICT""",
    """CREATE TABLE messages (
  session INTEGER NOT NULL REFERENCES sessions(number),
  n INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (session, n)
) STRICT""",
    """CREATE TABLE commits (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  nonce TEXT NOT NULL,
  prepared INTEGER NOT NULL DEFAULT 0,
  outcome TEXT,
  started_at REAL NOT NULL,
  ended_at REAL,
  snapshot_before INTEGER REFERENCES snapshots(number)
) STRICT""",
    "CREATE INDEX commits_open ON commits(number) WHERE outcome IS NULL",
    """CREATE TABLE actions (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  arguments TEXT NOT NULL,
  origin TEXT NOT NULL,
  status TEXT NOT NULL,
  session INTEGER REFERENCES sessions(number),
  verdict TEXT,
  rule TEXT,
  reason TEXT,
  exit_code INTEGER,
  stopped TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  started_at REAL NOT NULL,
  duration REAL NOT NULL DEFAULT 0,
  stdout INTEGER REFERENCES blobs(id),
  stdout_size INTEGER NOT NULL DEFAULT 0,
  stdout_truncated INTEGER NOT NULL DEFAULT 0,
  stderr INTEGER REFERENCES blobs(id),
  stderr_size INTEGER NOT NULL DEFAULT 0,
  stderr_truncated INTEGER NOT NULL DEFAULT 0,
  landed INTEGER REFERENCES commits(number),
  owner TEXT NOT NULL
) STRICT""",
    "CREATE INDEX actions_status ON actions(status)",
    "CREATE INDEX actions_session ON actions(session) WHERE session IS NOT NULL",
    f"""CREATE TABLE effects (
  action INTEGER NOT NULL REFERENCES actions(number),
  path INTEGER NOT NULL REFERENCES paths(id),{_PAIR},
  flags TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  landed INTEGER REFERENCES commits(number),
  PRIMARY KEY (action, path),
  {_PAIR_CHECK}
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE approvals (
  action INTEGER PRIMARY KEY REFERENCES actions(number),
  change_set TEXT NOT NULL,
  paths BLOB,
  comment TEXT NOT NULL,
  at REAL NOT NULL
) STRICT""",
    """CREATE TABLE commit_actions (
  "commit" INTEGER NOT NULL REFERENCES commits(number),
  action INTEGER NOT NULL REFERENCES actions(number),
  PRIMARY KEY ("commit", action)
) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE commit_effects (
  "commit" INTEGER NOT NULL REFERENCES commits(number),
  path INTEGER NOT NULL REFERENCES paths(id),{_PAIR},
  PRIMARY KEY ("commit", path),
  {_PAIR_CHECK}
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE snapshots (
  number INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  origin TEXT NOT NULL,
  "commit" INTEGER REFERENCES commits(number),
  changed INTEGER NOT NULL
) STRICT""",
    # Delta rows: a path's state at snapshot N is its newest row not after N.
    f"""CREATE TABLE states (
  path INTEGER NOT NULL REFERENCES paths(id),
  snapshot INTEGER NOT NULL REFERENCES snapshots(number),{_STATE.format(p="")},
  PRIMARY KEY (path, snapshot),
  {_STATE_CHECK.format(p="")}
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE signatures (
  path INTEGER PRIMARY KEY REFERENCES paths(id),
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  ino INTEGER NOT NULL,
  mode INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  data TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT""",
    "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal: append only'); END",
    "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal: append only'); END",
)

_HEAD: tuple[str, ...] = ()
# The second format has the same tables, and beside the file a head (agentsh.store.head) that may not be missing.

# An effect can be approved in part: a path may have several of one action, each starting where the one before it ends.
_PARTS = (
    f"""CREATE TABLE effects_in_parts (
  action INTEGER NOT NULL REFERENCES actions(number),
  path INTEGER NOT NULL REFERENCES paths(id),
  part INTEGER NOT NULL,{_PAIR},
  flags TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  landed INTEGER REFERENCES commits(number),
  PRIMARY KEY (action, path, part),
  {_PAIR_CHECK}
) STRICT, WITHOUT ROWID""",
    f"INSERT INTO effects_in_parts SELECT action, path, 0, {_PAIR_NAMES}, flags, state, landed FROM effects",  # noqa: S608
    "DROP TABLE effects",
    "ALTER TABLE effects_in_parts RENAME TO effects",
)

# Requests that are held until they are committed. What a row says of itself down to 'undoes' never changes; the rest
# is where it stands. A body that was not put becomes NULL, which a request with a size may not have.
_REQUESTS = (
    """CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  action INTEGER NOT NULL REFERENCES actions(number),
  method TEXT NOT NULL,
  url TEXT NOT NULL,
  headers TEXT NOT NULL,
  secret TEXT NOT NULL,
  carried TEXT NOT NULL,
  body INTEGER REFERENCES blobs(id),
  size INTEGER NOT NULL CHECK (size >= 0),
  key TEXT NOT NULL UNIQUE,
  undo TEXT,
  undoes INTEGER REFERENCES requests(number),
  state TEXT NOT NULL,
  status INTEGER,
  answer INTEGER REFERENCES blobs(id),
  note TEXT NOT NULL DEFAULT '',
  "commit" INTEGER REFERENCES commits(number),
  CHECK ((size > 0) = (body IS NOT NULL))
) STRICT""",
    "CREATE INDEX requests_action ON requests(action)",
    "CREATE INDEX requests_state ON requests(state)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _HEAD, _PARTS, _REQUESTS, XATTRS, LISTINGS, GRANTS, SEALS)
"""Step n brings a file from ``user_version`` n to n + 1. Never edit a step that was released: add one.

A new step changes the schema, be it by an index: by that a newer file is told from one with a damaged header.
"""

VERSION = len(MIGRATIONS)
