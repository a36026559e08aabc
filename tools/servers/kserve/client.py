"""Uses the platform as any KServe server is used, with NVIDIA's tritonclient, and prints what came of it as JSON.

usage: client.py URL TOKEN MODEL VERSION GOLDEN_JSON

VERSION is the one in production, which answers where none is named, and GOLDEN_JSON its known answer.
"""

import base64
import json
import sys
from importlib.metadata import version

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, triton_to_np_dtype


def unpacked(packed):
    kind = triton_to_np_dtype(packed["datatype"])
    return np.frombuffer(base64.b64decode(packed["base64"]), dtype=kind).reshape(packed["shape"])


def refusal(call):
    try:
        call()
        return None
    except InferenceServerException as fault:
        return {"status": fault.status(), "message": fault.message()}


def main(url, token, model, number, golden_file):
    with open(golden_file, encoding="utf-8") as file:
        golden = json.load(file)
    pair = unpacked(golden["inputs"]["pair"])
    wanted = {name: unpacked(packed) for name, packed in golden["outputs"].items()}

    def headers():
        # Fresh each time: tritonclient writes the length of its JSON into what it is given, and would send it again with the next request.
        return {"Authorization": f"Bearer {token}"}

    client = http.InferenceServerClient(url=url, concurrency=4, network_timeout=60, connection_timeout=60)

    def ask(boards, binary_in=True, binary_out=True, names=("heat", "ltrb"), version="", **more):
        given = http.InferInput("pair", list(boards.shape), "UINT8")
        given.set_data_from_numpy(boards, binary_data=binary_in)
        outputs = [http.InferRequestedOutput(name, binary_data=binary_out) for name in names] if names else None
        return client.infer(model, [given], outputs=outputs, model_version=version, headers=headers(), **more)

    def off(result, name, want):
        got = result.as_numpy(name)
        assert got.shape == want.shape and got.dtype == want.dtype, (name, got.shape, got.dtype)
        return float(np.max(np.abs(got - want) / np.maximum(np.abs(want), 1)))

    said = {"tritonclient": version("tritonclient")}
    said["live"] = client.is_server_live()
    said["ready"] = client.is_server_ready()
    said["model_ready"] = [client.is_model_ready(model), client.is_model_ready(model, number), client.is_model_ready("nobody")]
    said["server"] = client.get_server_metadata(headers=headers())
    said["model"] = client.get_model_metadata(model, headers=headers())
    said["index"] = client.get_model_repository_index(headers=headers())
    client.load_model(model, headers=headers())
    said["unload"] = refusal(lambda: client.unload_model(model, headers=headers()))

    binary = ask(pair, request_id="golden-1", priority=1, timeout=20_000_000)
    said["answered"] = {key: binary.get_response().get(key) for key in ("id", "model_name", "model_version")}
    said["tolerance"] = golden["tolerance"]
    said["worst"] = {name: off(binary, name, want) for name, want in wanted.items()}
    in_json = ask(pair, binary_in=False, binary_out=False)
    said["json_differs"] = {name: float(np.max(np.abs(in_json.as_numpy(name) - binary.as_numpy(name)))) for name in wanted}
    unnamed = ask(pair, names=None, version=number)
    said["unnamed"] = sorted(output["name"] for output in unnamed.get_response()["outputs"])
    batch = ask(np.concatenate([pair, np.zeros_like(pair), pair]), names=("ltrb", "heat"))
    said["batch_differs"] = max(
        float(np.max(np.abs(batch.as_numpy(name)[at : at + 1] - binary.as_numpy(name)))) for name in wanted for at in (0, 2)
    )
    given = http.InferInput("pair", list(pair.shape), "UINT8")
    given.set_data_from_numpy(pair)
    waiting = [client.async_infer(model, [given], headers=headers()) for _ in range(8)]
    together = [one.get_result() for one in waiting]
    said["parallel_differs"] = max(float(np.max(np.abs(one.as_numpy(name) - binary.as_numpy(name)))) for one in together for name in wanted)

    said["refused"] = {
        "shape": refusal(lambda: ask(pair[:, :, :12, :])),
        "batch": refusal(lambda: ask(np.concatenate([pair] * 9))),
        "version": refusal(lambda: ask(pair, version="7")),
        "output": refusal(lambda: ask(pair, names=("boxes",))),
        "late": refusal(lambda: ask(np.zeros((8, 2, 1024, 1024), np.uint8), timeout=1000)),
        "token": refusal(lambda: client.infer(model, [given])),
    }
    stats = client.get_inference_statistics(model, number, headers=headers())["model_stats"][0]
    said["stats"] = {key: stats[key] for key in ("version", "inference_count", "execution_count")}
    client.close()
    print(json.dumps(said))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
