"""Runs model.onnx of a version inside Triton's Python backend: the same repository and config.pbtxt as the ONNX Runtime backend serves."""
import json
import os

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", "1"))
        options.inter_op_num_threads = 1
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [one["name"] for one in config["input"]]
        self.outputs = [one["name"] for one in config["output"]]

    def execute(self, requests):
        answers, alike = [None] * len(requests), {}
        for at, request in enumerate(requests):
            if request.is_cancelled():
                answers[at] = pb.InferenceResponse(error=pb.TritonError("cancelled", pb.TritonError.CANCELLED))
                continue
            given = [pb.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs]
            alike.setdefault(tuple(array.shape[1:] for array in given), []).append((at, given))
        for group in alike.values():
            try:
                feeds = {name: np.concatenate([given[k] for _, given in group]) for k, name in enumerate(self.inputs)}
                results = self.session.run(self.outputs, feeds)
            except Exception as error:
                for at, _ in group:
                    answers[at] = pb.InferenceResponse(error=pb.TritonError(str(error), pb.TritonError.INTERNAL))
                continue
            first = 0
            for at, given in group:
                last = first + given[0].shape[0]
                answers[at] = pb.InferenceResponse([pb.Tensor(name, y[first:last]) for name, y in zip(self.outputs, results)])
                first = last
        return answers
