"""Text to tokens and back; conversations to prompts.

What others wrote never becomes a control token: only the chat template's own text is searched for them.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from agentsh_models import chat
from agentsh_models.errors import BadRequest, BadWeights, MissingPart, UnknownArchitecture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agentsh_models.gguf_file import GgufFile

_CONTROL, _USER_DEFINED = 3, 4
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_END_NAMES = ("<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "</s>")


class Tokenizer:
    """A byte-level BPE (or SentencePiece-like) tokenizer with its chat template.

    Args:
        base: of the ``tokenizers`` package.
        control: control tokens by their text.
        template: Jinja source of the chat template; empty for none.
        eos: the tokens that end an answer.
        bos: put before a conversation when the template does not write it; None for none.

    Attributes:
        base: of the ``tokenizers`` package; knows no control tokens.
        control: control tokens by their text.
        eos_ids: the tokens that end an answer.
        pad_id: fills rows; never looked at.
    """

    def __init__(
        self, base: Any, control: Mapping[str, int], template: str, eos: Sequence[int], bos: int | None = None
    ) -> None:
        self.base = base
        self.control = dict(control)
        self.eos_ids = frozenset(eos)
        self.pad_id = min(eos)
        self._bos = bos
        self._template = template
        self._compiled: chat.Template | None = None
        longest_first = sorted(self.control, key=len, reverse=True)
        self._split = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._names = {i: t for t, i in self.control.items()}

    @property
    def vocab_size(self) -> int:
        """Tokens, control tokens included."""
        return int(self.base.get_vocab_size())

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """The tokens of ``text``.

        Args:
            text: any text; lone surrogates become question marks.
            special: take the texts of control tokens for what they name. Never for text that others wrote.
        """
        text = text.encode("utf-8", "replace").decode()
        if not special or self._split is None:
            return list(self.base.encode(text, add_special_tokens=False).ids)
        ids: list[int] = []
        at = 0
        for found in self._split.finditer(text):
            if found.start() > at:
                ids += self.base.encode(text[at : found.start()], add_special_tokens=False).ids
            ids.append(self.control[found.group()])
            at = found.end()
        return ids + (list(self.base.encode(text[at:], add_special_tokens=False).ids) if at < len(text) else [])

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of ``ids``; bytes that are no UTF-8 become U+FFFD; control tokens go unless ``special``."""
        if not special:
            return str(self.base.decode([i for i in ids if i not in self._names], skip_special_tokens=False))
        parts: list[str] = []
        run: list[int] = []
        for i in ids:
            if i in self._names:
                parts += [self.base.decode(run, skip_special_tokens=False), self._names[i]]
                run = []
            else:
                run.append(i)
        return "".join([*parts, self.base.decode(run, skip_special_tokens=False)])

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        if token in self._names:
            return self._names[token].encode()
        text = self.base.id_to_token(token)
        if text is None:
            raise BadRequest(f"There is no token {token}.")
        try:
            return bytes(_BYTE_OF[c] for c in text)
        except KeyError:  # SentencePiece: a blank is U+2581, a byte is <0x0A>
            byte = re.fullmatch(r"<0x([0-9A-F]{2})>", text)
            return bytes([int(byte[1], 16)]) if byte else text.replace("\u2581", " ").encode()

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        generation_prompt: bool = True,
    ) -> list[int]:
        """The prompt of a conversation.

        Args:
            messages: as the OpenAI-compatible APIs have them, tool calls and results included.
            tools: in the API's ``tools`` form.
            generation_prompt: ends with the assistant's turn begun.

        Raises:
            BadRequest: the messages are malformed, or the template refuses them.
        """
        return [i for ids, _ in self._pieces(messages, tools, generation_prompt=generation_prompt) for i in ids]

    def chat_spans(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[list[int], list[bool]]:
        """A conversation's tokens, and True for each that the assistant says (its end of turn too): to train on.

        What it says in a message with ``"weight": 0`` counts as said by another.
        """
        ids: list[int] = []
        mask: list[bool] = []
        before = ""
        for piece, role in self._pieces(messages, tools, generation_prompt=False):
            ids += piece
            said = [role == "assistant"] * len(piece)
            if before == "assistant" and piece and piece[0] in self.eos_ids:
                said[0] = True
            mask += said
            before = role
        return ids, mask

    def render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> str:
        """The prompt as text, for eyes: encoded again, what others wrote might become control tokens."""
        return self.decode(self.chat(messages, tools), special=True)

    def _pieces(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], *, generation_prompt: bool
    ) -> list[tuple[list[int], str]]:
        """Tokens piece by piece, with the role of whoever wrote them; empty for the template's own."""
        if self._compiled is None:
            self._compiled = chat.Template(self._template)
        plain = chat.flatten(messages, tools)
        mark = secrets.token_hex(8)  # nobody who writes a message can know it
        marked = [{"role": m.role, "content": f"\ue000{mark}:{n}\ue001"} for n, m in enumerate(plain)]
        text = self._compiled.render(
            marked,
            generation_prompt=generation_prompt,
            bos=self._names.get(self._bos, "") if self._bos is not None else "",
            eos=self._names.get(self.pad_id, ""),
        )
        pieces: list[tuple[list[int], str]] = []
        for k, part in enumerate(re.split(f"\ue000{mark}:([0-9]+)\ue001", text)):
            if k % 2:
                m = plain[int(part)]
                pieces.append((self.encode(m.content), m.role if m.learn else ""))
            elif part:
                pieces.append((self.encode(part, special=True), ""))
        if self._bos is not None and pieces and pieces[0][0][:1] != [self._bos]:
            pieces.insert(0, ([self._bos], ""))
        return pieces


def from_gguf(file: GgufFile) -> Tokenizer:
    """The tokenizer that a GGUF file holds.

    Raises:
        UnknownArchitecture: it is of a kind that is not known.
        BadWeights: it is damaged.
    """
    m = file.metadata
    model, pre = m.get("tokenizer.ggml.model"), m.get("tokenizer.ggml.pre", "default")
    texts, kinds = m.get("tokenizer.ggml.tokens"), m.get("tokenizer.ggml.token_type")
    if not isinstance(texts, list) or not texts or not isinstance(kinds, list) or len(kinds) != len(texts):
        raise BadWeights(f"The weights file {file.path} has no usable vocabulary.")
    if len(set(texts)) != len(texts):
        raise BadWeights(f"The weights file {file.path} is damaged: its vocabulary has the same token twice.")
    if model == "gpt2":
        base = _byte_level(file, str(pre), texts)
    elif model == "llama":
        base = _sentencepiece(file, texts)
    else:
        raise UnknownArchitecture(f"The weights file {file.path} has a tokenizer of the unknown kind {model!r}.")
    control = {t: i for i, (t, k) in enumerate(zip(texts, kinds, strict=True)) if k in (_CONTROL, _USER_DEFINED)}
    ends = {m.get(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")}
    eos = sorted({*(i for i in ends if isinstance(i, int)), *(control[t] for t in _END_NAMES if t in control)})
    if not eos or eos[-1] >= len(texts):
        raise BadWeights(f"The weights file {file.path} names no token that ends an answer.")
    bos = m.get("tokenizer.ggml.bos_token_id") if m.get("tokenizer.ggml.add_bos_token", model == "llama") else None
    return Tokenizer(base, control, str(m.get("tokenizer.chat_template", "")), eos, bos)


def from_directory(path: Path) -> Tokenizer:
    """The tokenizer of a directory with ``tokenizer.json`` and ``tokenizer_config.json``, as Hugging Face writes them.

    Raises:
        MissingPart: a file is not there.
        BadWeights: a file is damaged.
    """
    from tokenizers import Tokenizer as Base

    try:
        data = json.loads((path / "tokenizer.json").read_text("utf-8"))
        config = json.loads((path / "tokenizer_config.json").read_text("utf-8"))
        control = {str(t["content"]): int(t["id"]) for t in data.get("added_tokens", [])}
        for t in data.get("added_tokens", []):
            data["model"]["vocab"].setdefault(t["content"], t["id"])
        data["added_tokens"] = []
        base = Base.from_str(json.dumps(data))
        template = config.get("chat_template", "")
        if (path / "chat_template.jinja").exists():
            template = (path / "chat_template.jinja").read_text("utf-8")
        named = {
            k: v["content"] if isinstance(v, dict) else v for k, v in config.items() if k in ("eos_token", "bos_token")
        }
    except OSError as e:
        raise MissingPart(f"The tokenizer of {path} cannot be read: {e}.") from e
    except Exception as e:  # the package raises Exception itself
        raise BadWeights(f"The tokenizer of {path} is damaged: {e}.") from e
    eos = sorted(
        {*(control[t] for t in _END_NAMES if t in control)} | {control[t] for t in [named.get("eos_token")] if t}
    )
    if not eos:
        raise BadWeights(f"The tokenizer of {path} names no token that ends an answer.")
    bos = control.get(named.get("bos_token") or "") if config.get("add_bos_token") else None
    return Tokenizer(base, control, template if isinstance(template, str) else "", eos, bos)


def _byte_level(file: GgufFile, pre: str, texts: list[str]) -> Any:
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Base

    merges = file.metadata.get("tokenizer.ggml.merges")
    if not isinstance(merges, list) or any(m.count(" ") != 1 for m in merges):
        raise BadWeights(f"The weights file {file.path} has no usable merges.")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    first: Any
    match pre:
        case "smollm":
            first = pre_tokenizers.Digits(individual_digits=True)
            byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        case "default" | "gpt-2":
            first = None
            byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        case "llama-bpe" | "llama3" | "llama-v3":
            first = pre_tokenizers.Split(Regex(_LLAMA3), "isolated")
        case "qwen2":
            first = pre_tokenizers.Split(Regex(_QWEN2), "isolated")
        case _:
            raise UnknownArchitecture(f"The weights file {file.path} splits words in the unknown way {pre!r}.")
    try:
        base = Base(models.BPE(vocab={t: i for i, t in enumerate(texts)}, merges=[tuple(m.split(" ")) for m in merges]))
    except Exception as e:  # the package raises Exception itself
        raise BadWeights(f"The weights file {file.path} is damaged: its merges do not fit its vocabulary ({e}).") from e
    base.pre_tokenizer = byte_level if first is None else pre_tokenizers.Sequence([first, byte_level])
    base.decoder = decoders.ByteLevel()
    return base


def _sentencepiece(file: GgufFile, texts: list[str]) -> Any:
    """BPE by scores: a pair merges when its text is a token, the higher score first."""
    from tokenizers import Tokenizer as Base
    from tokenizers import decoders, models, normalizers

    scores = file.metadata.get("tokenizer.ggml.scores")
    if not isinstance(scores, list) or len(scores) != len(texts):
        raise BadWeights(f"The weights file {file.path} has no usable scores.")
    vocab = {t: i for i, t in enumerate(texts)}
    merges = []
    for text in sorted(texts, key=lambda t: (-scores[vocab[t]], vocab[t])):
        pairs = [(text[:n], text[n:]) for n in range(1, len(text)) if text[:n] in vocab and text[n:] in vocab]
        merges += sorted(pairs, key=lambda p: (vocab[p[0]], vocab[p[1]]))
    base = Base(models.BPE(vocab=vocab, merges=merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))  # noqa: S106 - a token of a vocabulary
    steps: list[Any] = [normalizers.Replace(" ", "\u2581")]
    if file.metadata.get("tokenizer.ggml.add_space_prefix", True):
        steps.insert(0, normalizers.Prepend("\u2581"))
    base.normalizer = normalizers.Sequence(steps)
    base.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    return base


def _byte_table() -> dict[str, int]:
    """The characters that byte-level BPE writes bytes as: printable ones as they are, others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(b): b for b in printable}
    for n, b in enumerate(b for b in range(256) if b not in set(printable)):
        table[chr(0x100 + n)] = b
    return table


_BYTE_OF = _byte_table()
