"""Loading: what is refused, and with which words; files of deltas."""

import json
import random
import struct
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from agentsh_models import Config, Loaded, MoD, Model, MoE, load, load_deltas, save_deltas
from agentsh_models.errors import BadWeights, MissingPart, ModelFault, OutOfMemory, UnknownArchitecture
from agentsh_models.gguf_file import F32, GgufFile
from agentsh_models.loading import file_sha256, memory_guard

TINY = {
    "block_count": 2,
    "context_length": 32,
    "embedding_length": 16,
    "feed_forward_length": 24,
    "attention.head_count": 2,
    "attention.head_count_kv": 1,
    "rope.freq_base": 10000.0,
    "attention.layer_norm_rms_epsilon": 1e-5,
}


def gguf_bytes(arch="llama", extra_tensor=None, quantised=None, **changes):
    """A small GGUF file, written from the format's description."""
    texts = ["<|im_end|>", *(chr(c) for c in range(33, 127)), "\u0120"]
    fields = {
        "general.architecture": arch,
        **{f"{arch}.{k}": v for k, v in TINY.items()},
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": [3] + [1] * (len(texts) - 1),
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": 0,
        **changes,
    }

    def text(s):
        raw = s.encode()
        return struct.pack("<Q", len(raw)) + raw

    def value(v):
        if isinstance(v, str):
            return struct.pack("<I", 8) + text(v)
        if isinstance(v, int):
            return struct.pack("<II", 4, v)
        if isinstance(v, float):
            return struct.pack("<If", 6, v)
        body = b"".join(text(x) if isinstance(x, str) else struct.pack("<i", x) for x in v)
        return struct.pack("<IIQ", 9, 8 if not v or isinstance(v[0], str) else 5, len(v)) + body

    fields = {k: v for k, v in fields.items() if v is not None}
    shapes = {"token_embd.weight": (len(texts), 16), "output_norm.weight": (16,)}
    for n in range(2):
        rows = {"attn_q": 16, "attn_k": 8, "attn_v": 8, "attn_output": 16, "ffn_gate": 24, "ffn_up": 24}
        shapes |= {f"blk.{n}.{k}.weight": (r, 16) for k, r in rows.items()}
        shapes |= {f"blk.{n}.ffn_down.weight": (16, 24)}
        shapes |= {f"blk.{n}.attn_norm.weight": (16,), f"blk.{n}.ffn_norm.weight": (16,)}
    if extra_tensor:
        shapes[extra_tensor] = (16,)
    header = struct.pack("<IIQQ", 0x46554747, 3, len(shapes), len(fields))
    header += b"".join(text(k) + value(v) for k, v in fields.items())
    draw = torch.Generator().manual_seed(5)
    offset, body = 0, b""
    for name, shape in shapes.items():
        kind = F32 if quantised is None else quantised
        header += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1])
        header += struct.pack("<IQ", kind, offset)
        body += (torch.randn(shape, generator=draw) * 0.3).numpy().tobytes()
        offset = len(body)
    return header + b"\0" * (-len(header) % 32) + body


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.gguf"
    path.write_bytes(gguf_bytes())
    return path


def test_a_small_file(weights):
    loaded = load(weights, sha256=file_sha256(weights))
    assert loaded.config == Config(
        vocab_size=96, d_model=16, n_layers=2, n_heads=2, n_kv_heads=1, d_head=8, d_ff=24, rope_base=1e4, context=32
    )
    with torch.no_grad():
        assert torch.isfinite(loaded.model(torch.tensor([loaded.tokenizer.encode("ls -l")])).logits).all()


def test_rows_of_queries_are_put_back(weights):
    """GGUF stores rows 2i and 2i+1 of a head next to each other; the rotation here pairs i and i + D/2."""
    stored = GgufFile(weights).tensor("blk.0.attn_k.weight")
    ours = load(weights).source.tensor("layers.0.self_attn.k_proj.weight")
    assert torch.equal(ours, stored[[0, 2, 4, 6, 1, 3, 5, 7]])


@pytest.mark.parametrize("cut", [0, 3, 20, 200, 3000, -1])
def test_truncated(weights, cut):
    weights.write_bytes(weights.read_bytes()[:cut])
    with pytest.raises((BadWeights, MissingPart)) as e:
        load(weights).model  # noqa: B018
    assert str(weights) in e.value.what
    assert e.value.next_step


def test_tampered(weights):
    digest = file_sha256(weights)
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(data)
    with pytest.raises(BadWeights, match="SHA-256"):
        load(weights, sha256=digest)


def test_any_flipped_byte_of_the_header_ends_in_an_error_of_ours_or_loads(weights):
    data = weights.read_bytes()
    draw = random.Random(11)
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            changed[draw.randrange(4000)] = draw.randrange(256)
        weights.write_bytes(changed)
        try:
            load(weights).source.names()
        except ModelFault as e:
            assert e.next_step  # noqa: PT017


REFUSED = {
    "gpt2": (gguf_bytes(arch="gpt2"), UnknownArchitecture),
    "bias": (gguf_bytes(extra_tensor="blk.0.attn_q.bias"), UnknownArchitecture),
    "number format": (gguf_bytes(quantised=250), UnknownArchitecture),
    "tokenizer": (gguf_bytes(**{"tokenizer.ggml.model": "rwkv"}), UnknownArchitecture),
    "words": (gguf_bytes(**{"tokenizer.ggml.pre": "tekken"}), UnknownArchitecture),
    "experts": (gguf_bytes(**{"llama.expert_count": 8}), UnknownArchitecture),
    "no heads": (gguf_bytes(**{"llama.attention.head_count": 0}), BadWeights),
    "no context": (gguf_bytes(**{"llama.context_length": None}), BadWeights),
    "no vocabulary": (gguf_bytes(**{"tokenizer.ggml.tokens": []}), BadWeights),
    "merges": (gguf_bytes(**{"tokenizer.ggml.merges": ["a b c"]}), BadWeights),
    "end": (gguf_bytes(**{"tokenizer.ggml.eos_token_id": 9999}), BadWeights),
    "archive": (b"PK\x03\x04 not at all, but long enough", BadWeights),
    "pickle": (b"\x80\x04\x95 a pickle, or what begins as one does", BadWeights),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(tmp_path, kind):
    file, error = REFUSED[kind]
    path = tmp_path / "w.gguf"
    path.write_bytes(file)
    with pytest.raises(error) as e:
        load(path)
    assert e.value.next_step


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingPart):
        load(tmp_path / "none.gguf")
    with pytest.raises(MissingPart):
        load(tmp_path)


def test_a_want_of_memory_says_so():
    with pytest.raises(OutOfMemory), memory_guard():
        torch.empty(1 << 60)


def test_deltas_round_trip(weights, tmp_path):
    base = load(weights)
    config = replace(
        base.config,
        mod=MoD(blocks=(1,), capacity=0.5, predictor_hidden=4, gate="offset"),
        moe=MoE(blocks=(0,), kind="delta", n_experts=2, rank=2),
    )
    model = base.build(config)
    a, b = torch.randn(2, 16), torch.randn(24, 2)
    with torch.no_grad():
        model.layers[0].mlp.deltas.up_b.normal_()
        model.norm.weight += 1
        model.layers[1].mlp.up_proj.weight += b @ a
    path = tmp_path / "d.safetensors"
    low = {"layers.1.mlp.up_proj.weight": (a, b)}
    digest = save_deltas(path, model, base, dtype=torch.float32, low_rank=low, extra={"note": "x"})
    again = load_deltas(path, base, sha256=digest)
    assert again.config == config
    t = torch.randint(0, 96, (1, 20))
    with torch.no_grad():
        assert torch.allclose(again.model(t).logits, model(t).logits, atol=1e-5)
    assert path.stat().st_size < 40_000
    from safetensors import safe_open

    keys = set(safe_open(path, "pt").keys())
    assert keys > {"norm.weight", "layers.1.mlp.up_proj.weight.low_a"}
    assert not keys & {"embed_tokens.weight", "layers.1.mlp.up_proj.weight"}


def test_deltas_refused(weights, tmp_path):
    base = load(weights)
    path = tmp_path / "d.safetensors"
    digest = save_deltas(path, base.model, base)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if len(whole) > 300 else whole + b"x")
    with pytest.raises(BadWeights, match="changed"):
        load_deltas(path, base, sha256=digest)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadWeights, match="damaged"):
        load_deltas(path, base)
    path.write_bytes(whole)
    other = Loaded(base.config, base.tokenizer, base.source, base.path, "0" * 64, "other")
    with pytest.raises(BadWeights, match="another base"):
        load_deltas(path, other)
    from safetensors.torch import save_file

    save_file({"x": torch.ones(2)}, path)
    with pytest.raises(BadWeights, match="no deltas"):
        load_deltas(path, base)


def test_safetensors_of_hugging_face(weights, tmp_path):
    from safetensors.torch import save_file

    source = load(weights)
    directory = tmp_path / "hf"
    directory.mkdir()
    save_file({f"model.{k}": v.clone() for k, v in source.model.state_dict().items()}, directory / "model.safetensors")
    config = {
        "model_type": "llama",
        "hidden_size": 16,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "num_hidden_layers": 2,
        "intermediate_size": 24,
        "vocab_size": 96,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "max_position_embeddings": 32,
        "tie_word_embeddings": True,
    }
    (directory / "config.json").write_text(json.dumps(config))
    data = json.loads(source.tokenizer.base.to_str())
    data["added_tokens"] = [{"id": 0, "content": "<|im_end|>", "special": True}]
    (directory / "tokenizer.json").write_text(json.dumps(data))
    (directory / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    loaded = load(directory)
    t = torch.tensor([loaded.tokenizer.encode("ls -l <|im_end|>")])
    assert t.tolist() == [source.tokenizer.encode("ls -l <|im_end|>")]
    with torch.no_grad():
        assert torch.equal(loaded.model(t).logits, source.model(t).logits)
    for change in ({"model_type": "gpt2"}, {"attention_bias": True}, {"rope_scaling": {"rope_type": "yarn"}}):
        (directory / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(UnknownArchitecture):
            load(directory)
    (directory / "config.json").write_text("{")
    with pytest.raises(BadWeights):
        load(directory)


def test_build_of_another_config_keeps_what_fits(weights):
    base = load(weights)
    model = base.build(replace(base.config, moe=MoE(blocks=(0,), kind="delta", n_experts=2, rank=2)))
    t = torch.randint(0, 96, (1, 9))
    with torch.no_grad():
        assert torch.allclose(model(t).logits, base.model(t).logits, atol=1e-5)
    with pytest.raises(BadWeights, match="not"):
        base.build(replace(base.config, d_ff=48))


def test_llama3_positions_are_those_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    from agentsh_models.kernels.qkv import rope_table
    from agentsh_models.weights import huggingface_config

    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
        "rope_theta": 10000.0,
    }
    theirs = transformers.LlamaConfig(
        hidden_size=64, num_attention_heads=2, intermediate_size=8, max_position_embeddings=512, rope_parameters=scaling
    )
    (tmp_path / "config.json").write_text(theirs.to_json_string())
    ours = huggingface_config(tmp_path / "config.json")
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    cos, _ = LlamaRotaryEmbedding(theirs)(torch.zeros(1), torch.arange(200).unsqueeze(0))
    table, _ = rope_table(200, ours.d_head, ours.rope_base, ours.rope_factors)
    assert torch.allclose(cos[0, :, :16], table, atol=1e-4)
    assert Model(replace(ours, vocab_size=8, n_layers=1)).cos.shape == (512, 16)
