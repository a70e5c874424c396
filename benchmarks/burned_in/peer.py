"""The peer, in a venv of its own: RapidOCR with PP-OCRv6, which detects and reads; it is the independent reader, too.

Started by the benchmark; a line of JSON on standard input asks, a line on standard output answers.
"""

import json
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from rapidocr import RapidOCR


def main() -> None:
    """Answer `{"file": picture.npy, "read": bool}`: the boxes of a picture, or what a cut out line says."""
    single = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    engine = RapidOCR(params={**single, "Global.log_level": "critical"})
    for line in sys.stdin:
        asked = json.loads(line)
        picture = np.load(asked["file"])
        before = sum(os.times()[:2])
        if asked["read"]:
            result = engine(picture, use_det=False, use_cls=False, use_rec=True)
            scored = zip(result.txts or (), result.scores or (), strict=True)
            answer = {"text": " ".join(text for text, score in scored if score >= 0.5)}
        else:
            result = engine(picture, use_det=True, use_cls=True, use_rec=True)
            boxes = [] if result.boxes is None else np.asarray(result.boxes).tolist()
            answer = {"boxes": boxes, "texts": [*(result.txts or ())]}
        answer["cpu"] = sum(os.times()[:2]) - before
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
