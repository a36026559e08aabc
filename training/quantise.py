"""Makes the 8-bit form of an exported model: about half the processor time of ONNX Runtime on a CPU.

    python training/quantise.py --model models/pcb-pair-synth/1/model.onnx --data /tmp/boards-4004 --out /tmp/int8.onnx

Static quantisation of every convolution, QDQ form: weights a channel each, activations of 8 bits whose ranges come from pairs of our own simulated
boards. Weights keep to 7 bits, because processors without VNNI add two products in 16 bits and would saturate. The result is another model: it needs a
version, calibration and thresholds of its own (calibrate.py). Needs onnx and ml_dtypes beside what README.md names.
"""
import argparse
import os
import tempfile

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import data


class Pairs(CalibrationDataReader):
    def __init__(self, boards):
        self.boards, self.at = boards, 0

    def get_next(self):
        if self.at == len(self.boards):
            return None
        self.at += 1
        return {"pair": self.boards.pair(self.at - 1)[None]}


def quantise(model, folder, pairs, out):
    with tempfile.TemporaryDirectory() as scratch:
        folded = os.path.join(scratch, "folded.onnx")
        quant_pre_process(model, folded, skip_symbolic_shape=True)  # sizes are free: nothing symbolic to infer
        quantize_static(folded, out, Pairs(data.load(folder, pairs)), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Add", "Relu"])


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, help="a folder of tools/make-boards.ts")
    p.add_argument("--pairs", type=int, default=60, help="pairs that set the ranges, spread evenly")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    quantise(a.model, a.data, a.pairs, a.out)
