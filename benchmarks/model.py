"""How fast the local model writes, on two threads, one sequence at a time: with and without skipped blocks.

``python -m benchmarks.model``, or ``python -m benchmarks.run --only model``. All subjects, others' engines too, go on
from the same prompt by the same number of tokens, in turns. The program ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import peers
from benchmarks.measure import Row, Samples, interleaved, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh_models import Loaded
    from agentsh_models.packed import PackedModel

THREADS = 2
RSS_GOAL = 600 << 20
WITHIN = 0.1
_PROMPT = 64
_STREAM_BYTES = 512 << 20

_LLAMA_SERVER = """
import json, sys
import llama_cpp, numpy
model = llama_cpp.Llama(sys.argv[1], n_ctx=2048, n_threads=2, n_threads_batch=2, verbose=False, logits_all=False)
prompt = json.loads(sys.argv[2])
model.eval(prompt)
for line in sys.stdin:
    many = int(json.loads(line))
    model.n_tokens = len(prompt)
    token = prompt[-1]
    model.n_tokens -= 1
    for _ in range(many):
        model.eval([token])
        token = int(model.sample(temp=0.0))
    print(json.dumps([0, str(token)]), flush=True)
"""


@dataclass
class Settings:
    """What is measured.

    Attributes:
        tokens: that each subject writes in a round.
        rounds: of all subjects.
        weights: a file of ``agentsh model train``; None for routers that are drawn, which skip as many tokens.
        capacity: the share of tokens that drawn routers let a routed block take.
        peers: where the peers are.
    """

    tokens: int = 64
    rounds: int = 5
    weights: Path | None = None
    capacity: float = 0.5
    peers: Path = Path(".peers")


class Ours:
    """The packed form of a model, ready behind the prompt."""

    def __init__(self, loaded: Loaded, prompt: list[int]) -> None:
        from agentsh_models.packed import PackedModel

        self.model: PackedModel = PackedModel(loaded)
        self._prompt = prompt
        self._state = self.model.new_state()
        self.model.extend([(self._state, prompt[:-1])])
        self._before = list(self._state.count)
        self.taken = 1.0

    def write(self, many: int) -> list[int]:
        """Go on from the prompt; greedy."""
        self._state.truncate(len(self._prompt) - 1)
        token, said = self._prompt[-1], []
        for _ in range(many):
            token = int(self.model.extend([(self._state, [token])])[0].argmax())
            said.append(token)
        blocks = self.model.config.mod.blocks
        if blocks:
            used = sum(self._state.count[b] - self._before[b] for b in blocks)
            self.taken = used / (many * len(blocks))
        return said

    @property
    def bytes_a_token(self) -> float:
        """Of weights that were read for a token, with what was skipped left out."""
        routed = sum(self.model._blocks[b].read_bytes for b in self.model.config.mod.blocks)  # noqa: SLF001
        return self.model.read_bytes - (1 - self.taken) * routed


def _overlaid(loaded: Loaded, config: Any, tensors: dict[str, Any]) -> Loaded:
    """A model with some tensors in place of its own."""
    from agentsh_models.weights import Weights

    source = loaded.source

    class Overlaid(Weights):
        def names(self) -> Any:
            return [*source.names(), *tensors]

        def tensor(self, name: str) -> Any:
            return tensors[name] if name in tensors else source.tensor(name)

        def blocks_q4_1(self, name: str) -> Any:
            return None if name in tensors else source.blocks_q4_1(name)

    return replace(loaded, config=config, source=Overlaid())


def _routed(base: Loaded, capacity: float, prompt: list[int]) -> Loaded:
    """The base with drawn routers on the blocks that can be spared, which let that share of the tokens in."""
    import torch

    from agentsh_models.architecture import DepthRouter
    from agentsh_models.upcycle import CHEAP_BLOCKS, upcycle, upcycled_config

    config = upcycled_config(base.config, experts=0, depth_blocks=CHEAP_BLOCKS, capacity=capacity)
    model = upcycle(base, config)
    draw = torch.Generator().manual_seed(0)
    seen: dict[int, torch.Tensor] = {}
    for number in config.mod.blocks:
        depth = model.layers[number].depth
        assert isinstance(depth, DepthRouter)
        with torch.no_grad():
            depth.router.weight.normal_(0, 0.002, generator=draw)
        score = depth.score

        def kept(x: torch.Tensor, number: int = number, score: Any = score) -> torch.Tensor:
            seen[number] = score(x)
            return seen[number]

        depth.score = kept  # type: ignore[method-assign]
    with torch.inference_mode():
        model(torch.tensor([prompt]))
    tensors: dict[str, torch.Tensor] = {}
    for number in config.mod.blocks:
        at = f"layers.{number}.depth."
        tensors[at + "router.weight"] = model.layers[number].depth.router.weight.detach().clone()
        tensors[at + "threshold"] = seen[number].flatten().quantile(1 - capacity)
    return _overlaid(base, config, tensors)


def _all_taken(loaded: Loaded) -> Loaded:
    """The same weights with every token in every block: what skipping is measured against."""
    import torch

    from agentsh_models.architecture import TAKES_ALL

    names = [f"layers.{n}.depth.threshold" for n in loaded.config.mod.blocks]
    return _overlaid(loaded, loaded.config, {n: torch.tensor(TAKES_ALL) for n in names})


def _transformers(base: Loaded, prompt: list[int]) -> Callable[[int], object]:
    """The same shape in bfloat16. Its weights are drawn: from this file it would take them packed, and far slower."""
    import torch
    import transformers

    c = base.config
    shape = transformers.LlamaConfig(
        vocab_size=c.vocab_size,
        hidden_size=c.d_model,
        intermediate_size=c.d_ff,
        num_hidden_layers=c.n_layers,
        num_attention_heads=c.n_heads,
        num_key_value_heads=c.n_kv_heads,
        tie_word_embeddings=c.tied,
    )
    model = transformers.LlamaForCausalLM(shape).to(torch.bfloat16).eval()
    cache = transformers.DynamicCache()
    with torch.inference_mode():
        model(torch.tensor([prompt[:-1]]), past_key_values=cache, use_cache=True)

    def write(many: int) -> list[int]:
        token, said = prompt[-1], []
        with torch.inference_mode():
            for _ in range(many):
                out = model(torch.tensor([[token]]), past_key_values=cache, use_cache=True)
                token = int(out.logits[0, -1].argmax())
                said.append(token)
        cache.crop(-many)
        assert cache.get_seq_length() == len(prompt) - 1
        return said

    return write


@contextmanager
def _llama(at: Path, base: Loaded, prompt: list[int]) -> Iterator[Callable[[int], object]]:
    """llama.cpp on the base's own file, in a process of the peers' Python."""
    python = at / "venv" / "bin" / "python"
    if not python.exists():
        raise peers.Missing("not installed: make bench-peers")
    if subprocess.run([str(python), "-c", "import llama_cpp, numpy"], capture_output=True, check=False).returncode:
        raise peers.Missing("not installed: docs/benchmarks.md says how it is built")
    command = [str(python), "-c", _LLAMA_SERVER, str(base.path), json.dumps(prompt)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, text=True, **pipes))
        stack.callback(process.kill)
        peer = peers.Peer("llama.cpp", process)
        peer.run("1")  # it has loaded
        yield lambda many: peer.run(str(many))


def stream_bandwidth() -> float:
    """Bytes a second that a sum over a large tensor reads, at best of five."""
    import torch

    data = torch.ones(_STREAM_BYTES // 8, dtype=torch.int64)
    best = min(_timed(data.sum) for _ in range(5))
    return _STREAM_BYTES / best


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def served_rss(weights: Path | None) -> int:
    """The most memory that ``agentsh model serve`` had after it answered, bytes; Linux alone."""
    command = [sys.executable, "-m", "agentsh", "model", "serve", "--port", "0"]
    command += ["--weights", str(weights)] if weights else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise peers.Missing(f"agentsh model serve ended with {process.wait()}")
            ask = {"model": "local", "messages": [{"role": "user", "content": "Count to ten. " * 40}], "max_tokens": 32}
            request = urllib.request.Request(  # noqa: S310 - our own server
                f"{url}/chat/completions", json.dumps(ask).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                assert json.load(answer)["choices"]
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        finally:
            process.terminate()
    (line,) = [part for part in status.splitlines() if part.startswith("VmHWM:")]
    return int(line.split()[1]) << 10


def speed(settings: Settings) -> list[Row]:
    """The table: seconds a token."""
    try:
        import torch

        from agentsh_models import load_base, load_deltas
    except ImportError as e:
        return [Row("model", "ours", note=f"not installed: {e.name}")]
    torch.set_num_threads(THREADS)
    base = load_base()
    prompt = list(range(1000, 1000 + _PROMPT))
    loaded = load_deltas(settings.weights, base) if settings.weights else _routed(base, settings.capacity, prompt)
    ours = {"ours, dense base": Ours(base, prompt)}
    if loaded.config.mod.blocks:
        ours["ours, MoD off"] = Ours(_all_taken(loaded), prompt)
        ours["ours, MoD on"] = Ours(loaded, prompt)
    calls: dict[str, Callable[[int], object]] = {name: one.write for name, one in ours.items()}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        try:
            calls["transformers, bfloat16"] = _transformers(base, prompt)
        except ImportError as e:
            missing["transformers, bfloat16"] = f"not installed: {e.name}"
        try:
            calls["llama.cpp, the same file"] = stack.enter_context(_llama(settings.peers, base, prompt))
        except peers.Missing as e:
            missing["llama.cpp, the same file"] = str(e)
        many = settings.tokens
        timed = {name: (lambda call=call: call(many)) for name, call in calls.items()}
        samples = interleaved(timed, rounds=settings.rounds)
    print(f"{many} tokens by each of {len(timed)}, {settings.rounds} times", file=sys.stderr)
    bandwidth = stream_bandwidth()
    each = {name: Samples([t / many for t in s.times]) for name, s in samples.items()}
    reference = each["ours, dense base"].median
    rows = []
    for name, sample in each.items():
        row = Row("model", name, sample.median, sample.spread, sample.median / reference, note=_speed(sample))
        if name in ours:
            read = ours[name].bytes_a_token
            share = read / sample.median / bandwidth
            note = f"{_speed(sample)}, {read / 1e6:.1f} MB a token, {share:.0%} of {bandwidth / 1e9:.1f} GB/s"
            row = replace(row, note=note)
        rows.append(row)
    rows += [Row("model", name, note=why) for name, why in missing.items()]
    return [*_held(rows, each, ours), _memory(settings.weights)]


def _speed(sample: Samples) -> str:
    return f"{1 / sample.median:.1f} tokens/s"


def _held(rows: list[Row], each: dict[str, Samples], ours: dict[str, Ours]) -> list[Row]:
    """The rows with what they are held to."""
    llama = each.get("llama.cpp, the same file")
    held = []
    for row in rows:
        told = row
        if row.name == "ours, dense base":
            met = row.seconds <= llama.median if llama and row.seconds is not None else None
            told = replace(row, goal="not slower than llama.cpp", met=met)
        elif row.name == "ours, MoD on" and row.seconds is not None:
            off, on = ours["ours, MoD off"], ours["ours, MoD on"]
            saved = each["ours, MoD off"].median / row.seconds
            formula = off.bytes_a_token / on.bytes_a_token
            note = f"{row.note}; {on.taken:.0%} taken, {saved:.2f} x MoD off, by bytes {formula:.2f} x"
            met = abs(saved / formula - 1) <= WITHIN
            told = replace(row, goal=f"the formula within {WITHIN:.0%}", met=met, note=note)
        held.append(told)
    return held


def _memory(weights: Path | None) -> Row:
    goal = f"at most {RSS_GOAL >> 20} MB"
    if not Path("/proc/self/status").exists():
        return Row("model", "serving, peak memory", goal=goal, note="measured on Linux alone")
    try:
        most = served_rss(weights)
    except (OSError, peers.Missing) as e:
        return Row("model", "serving, peak memory", goal=goal, note=str(e))
    return Row("model", "serving, peak memory", goal=goal, met=most <= RSS_GOAL, note=f"{most / (1 << 20):.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=64, help="that each writes in a round (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, help="of all (default: 5)")
    parser.add_argument("--weights", type=Path, help="a file of 'agentsh model train'; drawn routers without")
    parser.add_argument("--capacity", type=float, default=0.5, help="of drawn routers (default: 0.5)")
    parser.add_argument("--peers", type=Path, default=Path(".peers"), help="where 'make bench-peers' put the peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentsh-bench-") as place:
        os.environ["AGENTSH_DATA_DIR"] = place
        rows = speed(Settings(given.tokens, given.rounds, given.weights, given.capacity, given.peers.absolute()))
    print(table(rows))
    if given.json:
        text = json.dumps({"schema": 1, "rows": [vars(r) for r in rows]}, indent=1)
        given.json.write_text(text, encoding="utf-8")
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
