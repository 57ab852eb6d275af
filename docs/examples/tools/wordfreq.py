"""wordfreq [FILE...]: how often each word is in the files, or in stdin; the most frequent first."""

import re
import sys
from collections import Counter

counts = Counter()
status = 0
if len(sys.argv) < 2:
    counts.update(re.findall("[a-z]+", sys.stdin.read().lower()))
for name in sys.argv[1:]:
    try:
        with open(name, encoding="utf-8", errors="replace") as file:
            counts.update(re.findall("[a-z]+", file.read().lower()))
    except OSError as error:
        print(f"wordfreq: {name}: {error.strerror}", file=sys.stderr)
        status = 1
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
    print(count, word)
sys.exit(status)
