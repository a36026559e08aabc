"""Makes the 8-bit form of an exported model as a version of its own: about half the processor time of ONNX Runtime on a CPU.

    python training/quantise.py --model models/pcb-pair-synth/1/model.onnx --data /tmp/boards-4004 --out models/pcb-pair-synth --version 2

Static quantisation of every convolution, QDQ form: weights a channel each, activations of 8 bits whose ranges come from pairs of our own simulated
boards. Weights keep to 7 bits, because processors without VNNI add two products in 16 bits and would saturate: so every x86-64 counts the same whole
numbers (test/contract/runtime.kernels.test.ts shows it). The result is another model: calibrate.py --quantised-from gives it calibration and thresholds of its own. Needs onnx and
ml_dtypes beside what README.md names.
"""
import argparse
import os
import tempfile

import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import data
from export import said, write_golden


class Pairs(CalibrationDataReader):
    def __init__(self, boards):
        self.boards, self.at = boards, 0

    def get_next(self):
        if self.at == len(self.boards):
            return None
        self.at += 1
        return {"pair": self.boards.pair(self.at - 1)[None]}


def quantise(model, folder, pairs, out, whole=False):
    """`whole`: weights of 8 bits, which is no portable model; there to show what 7 bits are for."""
    with tempfile.TemporaryDirectory() as scratch:
        folded = os.path.join(scratch, "folded.onnx")
        quant_pre_process(model, folded, skip_symbolic_shape=True)  # sizes are free: nothing symbolic to infer
        quantize_static(folded, out, Pairs(data.load(folder, pairs)), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=not whole,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Add", "Relu"])


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--data", required=True, help="a folder of tools/make-boards.ts")
    p.add_argument("--pairs", type=int, default=60, help="pairs that set the ranges, spread evenly")
    p.add_argument("--out", required=True, help="the folder of the model, which gets VERSION/model.onnx and golden.json")
    p.add_argument("--version", type=int, required=True)
    p.add_argument("--whole-weights", action="store_true", help="8 bits a weight: for trials alone, it saturates without VNNI")
    a = p.parse_args()
    folder = os.path.join(a.out, str(a.version))
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    quantise(a.model, a.data, a.pairs, path, a.whole_weights)
    peak = write_golden(ort.InferenceSession(path, providers=["CPUExecutionProvider"]), folder)
    said(path, golden_peak=peak)
