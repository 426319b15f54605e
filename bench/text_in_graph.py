# ruff: noqa: RUF001 - full-width letters are what is measured
"""Are skl2onnx's own text converters faithful over Unicode? The figures of docs/TEXT.md.

A scikit-learn ``CountVectorizer`` is fitted on texts of one kind, converted with skl2onnx, and both count the same texts.
Printed by kind of text and analyser: the share of rows with the very same counts. The last line is one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import CountVectorizer

from training.onnx_export import use_plain_locale

TEXTS = {
    "plain English": ["where is my order", "the parcel is late again", "I forgot my password", "refund please"],
    "punctuation": ["Hello, world!", "what?! no... yes", "a-b c_d e'f", "(one) [two] {three}; done:"],
    "spaces, line ends": ["a  b", "first line\nsecond line", " tabs\tand\r\nends ", "no\u00a0break here"],
    "accents": ["café crème", "naïve façade", "Ångström über", "señor mañana"],
    "combining marks": ["cafe\u0301 cre\u0300me", "u\u0308ber o\u0308l", "हिन्दी में लिखा", "ใช้ภาษาไทย"],
    "upper case": ["STRASSE ÄÖÜ", "ПРИВЕТ МИР", "ΟΔΟΣ ΣΟΦΟΣ", "İstanbul IĞDIR"],
    "full-width": ["ＨＥＬＬＯ　Ｗｏｒｌｄ", "１２３　ａｂｃ", "ﾊﾝｶｸ ｶﾅ ﾃｷｽﾄ", "①②③ ㈱会社"],
    "Japanese": ["注文した商品が届きません", "パスワードを忘れました", "返品したいのですが。", "請求書の金額が違う"],
    "emoji": ["great 👍🏽 thanks", "family 👨‍👩‍👧 here", "flag 🇯🇵 flag", "love ❤️ it"],
    "empty": ["", " ", "a", "word"],
}  # fmt: skip
ANALYSERS: dict[str, dict[str, Any]] = {
    "word": {"analyzer": "word"},
    "word, \\w+": {"analyzer": "word", "token_pattern": r"\w+"},
    "char 1-3": {"analyzer": "char", "ngram_range": (1, 3)},
    "char_wb 1-3": {"analyzer": "char_wb", "ngram_range": (1, 3)},
}


def main() -> int:
    """Measure and print."""
    found = {
        kind: {name: faithful(texts, options) for name, options in ANALYSERS.items()}
        for kind, texts in TEXTS.items()
    }
    print(f"{'rows with the same counts':<28}" + "".join(f"{name:>14}" for name in ANALYSERS))
    for kind, row in found.items():
        print(f"{kind:<28}" + "".join(f"{shown(value):>14}" for value in row.values()))
    print(json.dumps({name: sum(row[name] == 1.0 for row in found.values()) for name in ANALYSERS}))
    return 0


def shown(value: float | str) -> str:
    """Show one cell."""
    return value if isinstance(value, str) else f"{value:.0%}"


def faithful(texts: list[str], options: dict[str, Any]) -> float | str:
    """Give the share of rows counted alike; or where the attempt ended."""
    known = CountVectorizer(**options)
    try:
        wanted = known.fit_transform(texts).toarray()
    except ValueError:
        return "no tokens"
    try:
        graph = use_plain_locale(to_onnx(known, initial_types=[("text", StringTensorType([None, 1]))]))
    except RuntimeError:  # skl2onnx says that it has no converter for this analyser
        return "none"
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = [session.run(None, {"text": np.array([[text]], dtype=object)})[0][0] for text in texts]
    return float(np.mean([np.array_equal(one, other) for one, other in zip(rows, wanted, strict=True)]))


if __name__ == "__main__":
    sys.exit(main())
