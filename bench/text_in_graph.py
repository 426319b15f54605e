# ruff: noqa: RUF001 - full-width letters are what is measured
"""Agreement of skl2onnx's text converters with scikit-learn over Unicode: the figures of docs/how-to/TEXT.md.

A scikit-learn ``CountVectorizer`` is fitted on texts of one kind and converted with skl2onnx; both count the
same texts. The table has the share of rows with equal counts, by kind of text and analyser. Then follows the
largest difference between the weights of ``TfidfTransformer`` and those of its conversion, for the same
counts.

The last line is one JSON object: ``kinds`` (number of kinds of text), ``faithful`` (by analyser, the number
of kinds of which every row was right) and ``weights_off`` (the difference, by weighting).
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from bench import arguments
from training.fitting.onnx_export import use_plain_locale

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
ANALYSERS: dict[str, tuple[dict[str, Any], str]] = {  # options, and a locale that slim images have
    "word": ({"analyzer": "word"}, "C.utf8"),
    "word, \\w+": ({"analyzer": "word", "token_pattern": r"\w+"}, "C.utf8"),
    "char 1-3": ({"analyzer": "char", "ngram_range": (1, 3)}, "C.utf8"),
    "the same, C": ({"analyzer": "char", "ngram_range": (1, 3)}, "C"),
    "char_wb 1-3": ({"analyzer": "char_wb", "ngram_range": (1, 3)}, "C.utf8"),
}
WEIGHTINGS: dict[str, dict[str, Any]] = {"tf-idf": {}, "tf-idf, sublinear_tf": {"sublinear_tf": True}}


def main() -> int:
    """Run the benchmark; print a table, then the figures as JSON. Return the exit code."""
    arguments.read(__doc__)  # takes seconds, so --small changes nothing
    onnxruntime.set_default_logger_severity(3)
    warnings.simplefilter("ignore")  # skl2onnx warns of the differences that are measured
    found = {
        kind: {name: faithful(texts, *how) for name, how in ANALYSERS.items()}
        for kind, texts in TEXTS.items()
    }
    print(f"{'rows with the same counts':<28}" + "".join(f"{name:>14}" for name in ANALYSERS))
    for kind, row in found.items():
        print(f"{kind:<28}" + "".join(f"{shown(value):>14}" for value in row.values()))
    faithful_kinds = {name: sum(row[name] == 1.0 for row in found.values()) for name in ANALYSERS}
    off = {name: weights_off(TfidfTransformer(**options)) for name, options in WEIGHTINGS.items()}
    for name, difference in off.items():
        print(f"weights of {name}, converted: off by up to {difference:.2g}")
    print(json.dumps({"kinds": len(TEXTS), "faithful": faithful_kinds, "weights_off": off}))
    return 0


def weights_off(weighting: TfidfTransformer) -> float:
    """Return the largest difference between scikit-learn's weights and those of its graph."""
    counts = np.random.default_rng(0).poisson(0.5, (200, 300)).astype(np.float32)
    wanted = weighting.fit_transform(counts).toarray()
    graph = to_onnx(weighting, initial_types=[("counts", FloatTensorType([None, counts.shape[1]]))])
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(None, {"counts": counts})[0] - wanted).max())


def shown(value: float | str) -> str:
    """Return the text of one cell."""
    return value if isinstance(value, str) else f"{value:.0%}"


def faithful(texts: list[str], options: dict[str, Any], locale: str) -> float | str:
    """Return the share of rows with equal counts; "no tokens" or, without a converter, "none"."""
    known = CountVectorizer(**options)
    try:
        wanted = known.fit_transform(texts).toarray()
    except ValueError:
        return "no tokens"
    try:
        graph = with_locale(to_onnx(known, initial_types=[("text", StringTensorType([None, 1]))]), locale)
    except RuntimeError:  # skl2onnx says that it has no converter for this analyser
        return "none"
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = [session.run(None, {"text": np.array([[text]], dtype=object)})[0][0] for text in texts]
    return float(np.mean([np.array_equal(one, other) for one, other in zip(rows, wanted, strict=True)]))


def with_locale(graph: onnx.ModelProto, locale: str) -> onnx.ModelProto:
    """Set the locale with which the graph lowers letters."""
    for node in use_plain_locale(graph).graph.node:
        for attribute in node.attribute:
            if attribute.name == "locale":
                attribute.s = locale.encode()
    return graph


if __name__ == "__main__":
    sys.exit(main())
