"""Tokenizers encode and decode as the public tokenizers library does.

Method: the library itself learns tokenizers of the kinds that published models have (GPT-2, Llama
3, Qwen, SmolLM and o200k patterns; SentencePiece BPE in three forms; unigram with and without
bytes) and encodes texts of every Unicode block, mixtures, and sources; the test binary then reads
its files and must give the same ids and the same text. The library is installed into a virtual
environment in the cache; without it the test is skipped.
"""

import glob
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("TESSERA_BUILD") or os.path.join(HERE, "../../build")
VERSION = "0.23.3"
SPACE = "\u2581"
QUICK = ("gpt2", "qwen", "sentencepiece_legacy", "unigram_bytes", "bert")  # the others in long runs
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = "|".join([
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])


def python_with_library():
    """A Python that has the library, or None."""
    cache = os.environ.get("TESSERA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tessera")
    folder = os.path.join(cache, f"tokenizers-{VERSION}")
    python = os.path.join(folder, "bin", "python")
    wanted = f"import tokenizers; assert tokenizers.__version__ == '{VERSION}'"
    if subprocess.run([sys.executable, "-c", wanted], capture_output=True).returncode == 0:
        return sys.executable
    if os.path.exists(python) and subprocess.run([python, "-c", wanted],
                                                 capture_output=True).returncode == 0:
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"tokenizers=={VERSION}"], check=True,
                       capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError):
        return None
    return python


def corpus():
    folder = os.path.dirname(os.__file__)
    texts = []
    for path in sorted(glob.glob(os.path.join(folder, "*.py")))[:40]:
        with open(path, encoding="utf-8", errors="ignore") as file:
            texts.append(file.read())
    return texts + ["".join(chr(c) for c in range(0x20, 0x3000))]


def byte_level(texts, pre_tokenizer, normalizer=None, special=()):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(special), show_progress=False))
    return tokenizer


def sentencepiece_bpe(texts, kind):
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    def model():
        return models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    learned = Tokenizer(model())
    learned.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    learned.train_from_iterator(texts[:-1], trainers.BpeTrainer(
        vocab_size=2500, special_tokens=special, limit_alphabet=300, show_progress=False))
    tokenizer = Tokenizer(model())
    if kind == "legacy":
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first",
                                                           split=kind == "split")
    described, source = json.loads(tokenizer.to_str()), json.loads(learned.to_str())
    for part in ("vocab", "merges"):
        described["model"][part] = source["model"][part]
    described["added_tokens"] = source["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    return tokenizer


def unigram(texts, with_bytes):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    if with_bytes:
        special += [f"<0x{i:02X}>" for i in range(256)]
    tokenizer.train_from_iterator(texts[:-1], trainers.UnigramTrainer(
        vocab_size=2000, special_tokens=special, unk_token="<unk>", show_progress=False))
    tokenizer.decoder = decoders.Metaspace()
    if with_bytes:
        described = json.loads(tokenizer.to_str())
        described["model"]["byte_fallback"] = True
        described["added_tokens"] = described["added_tokens"][:3]
        tokenizer = Tokenizer.from_str(json.dumps(described))
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return tokenizer


def word_piece(texts, normalizer, cleanup=True):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=cleanup)
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=9000, limit_alphabet=6000, special_tokens=["[UNK]", "[CLS]", "[MASK]"],
        show_progress=False))
    return tokenizer


def all_tokenizers(texts):
    from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers as pre
    bert = normalizers.BertNormalizer
    wide = texts + [" ".join(chr(c) for c in range(low, low + 0x1800) if not 0xD800 <= c <= 0xDFFF)
                    for low in range(0, 0x12000, 0x1800)]
    def split(pattern):
        return pre.Sequence([pre.Split(Regex(pattern), "isolated"),
                             pre.ByteLevel(add_prefix_space=False, use_regex=False)])
    plain = pre.ByteLevel(add_prefix_space=False)
    def gpt2():
        tokenizer = byte_level(texts, plain, special=["<|endoftext|>"])
        tokenizer.add_tokens([
            AddedToken("def ", lstrip=True), AddedToken("import", single_word=True),
            AddedToken("  self", rstrip=True, normalized=False)])
        return tokenizer
    digits = pre.Sequence([pre.Digits(individual_digits=True), plain])
    return {
        "gpt2": gpt2,
        "gpt2_prefix": lambda: byte_level(texts, pre.ByteLevel(add_prefix_space=True)),
        "llama3": lambda: byte_level(texts, split(LLAMA3)),
        "qwen": lambda: byte_level(texts, split(QWEN), normalizers.NFC()),
        "o200k": lambda: byte_level(texts, split(O200K)),
        "smollm": lambda: byte_level(texts, digits, special=["<|im_start|>", "<|im_end|>"]),
        "sentencepiece_legacy": lambda: sentencepiece_bpe(texts, "legacy"),
        "sentencepiece_first": lambda: sentencepiece_bpe(texts, "first"),
        "sentencepiece_split": lambda: sentencepiece_bpe(texts, "split"),
        "nfkc": lambda: byte_level(texts, plain, normalizers.NFKC()),
        "nfkd_lower": lambda: byte_level(texts, plain, normalizers.Sequence(
            [normalizers.NFKD(), normalizers.Lowercase()])),
        "bert": lambda: word_piece(wide, bert()),
        "bert_cased": lambda: word_piece(wide, bert(lowercase=False), cleanup=False),
        "bert_bare": lambda: word_piece(wide, bert(clean_text=False, handle_chinese_chars=False,
                                                   strip_accents=False)),
        "unigram": lambda: unigram(texts, False),
        "unigram_bytes": lambda: unigram(texts, True),
    }


def all_texts(texts):
    rng = random.Random(1)
    yield from ["", "a", " ", "  ", "\n", "hello world", "I'm we'll 'S '\u017f DON'T",
                "def f(self): import os importance import", "<|endoftext|>x<|endoftext|>",
                "1234567 \u0661\u0662 \u2177 \u00bd", "\u65e5\u672c\u8a9e",
                "e\u0301 \u00e9 \u1e9b\u0323 \uac00\uac01 \u1100\u1161\u11a8",
                "\u00a0x\u2003y\u3000z", "a\r\n\r\n  b\n \n", "\U0001F469\u200d\U0001F466",
                "\x00\x01", SPACE + "a" + SPACE + " <0x41> <unk> <s>"]
    for block in range(0, 0x110000, 0x80):
        # Of the large planes of one kind every so many are enough.
        sparse = block >= 0x20000 and block % (0x4000 if block >= 0xF0000 else 0x2000)
        if 0xD800 <= block <= 0xDFFF or (sparse and not 0xE0000 <= block < 0xF0000):
            continue
        characters = [chr(c) for c in range(block, block + 0x80)]
        yield "".join(characters)
        yield " ".join(characters)
        yield "a".join(rng.sample(characters, 40))
    many = [chr(c) for low, high in ((0x20, 0x3100), (0xAC00, 0xB000), (0x1F300, 0x1F700))
            for c in range(low, high)]
    for _ in range(400):
        yield "".join(rng.choice(many if rng.random() < 0.5 else "ab '\n\t.1S")
                      for _ in range(rng.randrange(1, 60)))
    yield from (text[:20000] for text in texts)


def write_cases(folder):
    texts = corpus()
    for name, make in all_tokenizers(texts).items():
        if name not in QUICK and not os.environ.get("TESSERA_LONG"):
            continue
        tokenizer = make()
        tokenizer.save(os.path.join(folder, f"{name}.json"))
        with open(os.path.join(folder, f"{name}.cases"), "w", encoding="ascii") as file:
            for text in all_texts(texts):
                ids = tokenizer.encode(text, add_special_tokens=False).ids
                decoded = tokenizer.decode(ids).encode().hex()
                file.write(f"{text.encode().hex()}|{' '.join(map(str, ids))}|{decoded}\n")


def main():
    if len(sys.argv) > 1:
        write_cases(sys.argv[1])
        return 0
    python = python_with_library()
    if python is None:
        print(f"skipped: tokenizers {VERSION} is not there and cannot be installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="tessera-tokenizers-") as folder:
        subprocess.run([python, os.path.abspath(__file__), folder], check=True)
        return subprocess.run(
            [os.path.join(BUILD, "bin", "data_test"), "--gtest_filter=*AgreesWithThePublicLibrary"],
            env={**os.environ, "TESSERA_TOKENIZER_CASES": folder, "GTEST_OUTPUT": ""},
            check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
