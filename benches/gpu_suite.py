"""Verifies, times and trains on the machine at hand, and writes down what it found.

    python3 run.py [--device cuda] [--python python3] [--minutes 3] [--rounds 3] [--workloads NAME...] [--output results]

`cargo xtask gpu-suite` packs this beside what it needs: the program, reference cases, a prepared store and peers.py. It
needs Python alone; where the interpreter of --python has PyTorch and transformers, the same work is timed in them, in
turn. results.json has every line, report.md the tables. A part that fails is told, and the others go on. On CUDA the
program links its kernels with a file of NVIDIA's; where no toolkit is installed, that of the interpreter's packages will do.
"""
import argparse
import json
import lzma
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What a processor can do in minutes, and what GPUs are asked.
OF_PROCESSORS = ["matmul", "electra-small-pretrain-step", "t5-small-greedy-b1"]
OF_GPUS = ["matmul", "t5-base-train-step", "electra-base-pretrain-step", "electra-small-pretrain-step-b128",
           "t5-small-greedy-b1", "t5-small-greedy-b8", "t5-base-greedy-b1", "t5-base-greedy-b8"]
PEERS = ["torch", "torch-compile"]
PROJECTED, PROJECTED_STEPS = "electra-small-pretrain-step-b128", 62_500
LIMIT_S = 900
# What CUDA's kernels are linked with: in a toolkit, and in the folders of Python's packages.
MATH_LIBRARY = "nvvm/libdevice/libdevice.10.bc"
TOOLKITS = ["/usr/local/cuda", "/opt/cuda", "/usr/lib/cuda", "/usr"]
IN_PACKAGES = ["nvidia/*/" + MATH_LIBRARY, "triton/backends/nvidia/lib/libdevice.10.bc"]
# The exit status for what cannot be done as it was asked for.
REFUSED = 2


class Suite:
    def __init__(self, arguments):
        self.arguments = arguments
        self.is_processor = arguments.device in ("flex", "ndarray")
        # What the device turns out to compute in.
        self.dtypes = []
        self.program = unpacked()
        self.environment = environment(arguments)
        self.results = {"device": arguments.device, "failures": []}

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def run(self, what, command, allowed=(0,)):
        """The standard output; None where the command failed, which is written down unless its exit status is allowed."""
        self.say(what)
        # Peers keep to their own folders.
        variables = self.environment if command[0] == self.program else None
        try:
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT_S,
                                  env=variables)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.fail(what, str(error))
            return None
        if done.returncode not in allowed:
            self.fail(what, f"exit {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout if done.stdout and done.returncode in allowed else None

    def fail(self, what, reason):
        self.say(f"{what} FAILED: {reason.strip().splitlines()[-1] if reason.strip() else ''}")
        self.results["failures"].append({"what": what, "reason": reason})

    def look_around(self):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
        has_gpu = shutil.which("nvidia-smi") is not None
        versions = "import torch, transformers; print(torch.__version__, torch.version.cuda, transformers.__version__)"
        self.results["machine"] = {
            "date": time.strftime("%Y-%m-%d"),
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "gpus": self.run("GPUs", query) if has_gpu else None,
            "devices": self.run("devices", [self.program, "devices"]),
            "torch cuda transformers": self.run("PyTorch", [self.arguments.python, "-c", versions], (0, 1)),
        }

    def verify(self):
        self.results["verify"] = {}
        for dtype in ["f32", "bf16"]:
            output = self.run(f"verify in {dtype}", [self.program, "verify", HERE / "cases", "--device",
                              self.arguments.device, "--dtype", dtype, "--json"],
                              (0, 1, REFUSED) if dtype == "bf16" else (0, 1))
            if dtype == "bf16" and output is None:
                self.say("the device does not compute in bf16")
                continue
            lines = objects(output)
            self.dtypes.append(dtype)
            far = [line for line in lines if not line["is_close"]]
            self.results["verify"][dtype] = {"tensors": len(lines), "far": len(far), "worst": lines[:20]}
            if far or not lines:
                self.fail(f"verify in {dtype}", f"{len(far)} of {len(lines)} tensors are too far off")

    def bench(self):
        self.results["bench"] = []
        dtype = "f32" if self.is_processor else self.dtypes[-1]
        known = self.run("peers", [self.arguments.python, HERE / "peers.py", "--list"])
        known = json.loads(known) if known else {}
        where = "cpu" if self.is_processor else "cuda"
        for workload in self.arguments.workloads or (OF_PROCESSORS if self.is_processor else OF_GPUS):
            sides = {"lamplight": [self.program, "bench", workload, "--device", self.arguments.device, "--json"]}
            sides |= {peer: [self.arguments.python, HERE / "peers.py", peer, workload, "--device", where]
                      for peer in PEERS if workload in known.get(peer, [])}
            for number in range(self.arguments.rounds):
                for side, command in sides.items():
                    output = self.run(f"{workload}, {side}, round {number + 1}", [*command, "--dtype", dtype])
                    self.results["bench"] += [{"side": side, "round": number, **line} for line in objects(output)]

    def train(self):
        recipe = "electra_tiny" if self.is_processor else "electra_small"
        folder = self.arguments.output / "run"
        command = [self.program, "train", recipe, "--data", HERE / "store", "--device", self.arguments.device,
                   "--output", folder, "--set", "training.log_every=20", "--set", "training.evaluate_every=100000",
                   "--set", "training.checkpoint_every=100000"]
        self.say(f"train {recipe} for {self.arguments.minutes} minutes")
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, env=self.environment)
        try:
            _, errors = process.communicate(timeout=60 * self.arguments.minutes)
        except subprocess.TimeoutExpired:
            # As Ctrl-C does: the program writes a checkpoint and ends.
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
        if process.returncode not in (0, 130):
            self.fail("train", f"exit {process.returncode}: {errors[-2000:]}")
            return
        lines = [line for line in objects((folder / "metrics.jsonl").read_text()) if line["kind"] == "training"]
        self.results["train"] = {"recipe": recipe, "lines": lines}

    def write(self):
        output = self.arguments.output
        (output / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")
        (output / "report.md").write_text(report(self.results))


def environment(arguments):
    """What the program is run with: kernels that were compiled and tuned are kept in the folder, to be carried on with it."""
    own = {"XDG_CACHE_HOME": str(HERE / "cache")}
    if arguments.device.startswith("cuda"):
        own |= toolkit(arguments.python)
    return os.environ | own


def toolkit(python):
    """Names the folder with CUDA's math library, made of that of Python's packages where no toolkit has it."""
    folders = [os.environ["CUDA_PATH"]] if "CUDA_PATH" in os.environ else TOOLKITS
    if any((Path(folder) / MATH_LIBRARY).is_file() for folder in folders):
        return {}
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", where], capture_output=True, text=True).stdout.strip())
    found = [path for pattern in IN_PACKAGES for path in packages.glob(pattern)]
    if not found:
        return {}
    library = HERE / "cuda" / MATH_LIBRARY
    library.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found[0], library)
    return {"CUDA_PATH": str(HERE / "cuda")}


def unpacked():
    program = HERE / "lamplight"
    if not program.exists():
        with lzma.open(HERE / "lamplight.xz") as packed, open(program, "wb") as file:
            shutil.copyfileobj(packed, file)
        program.chmod(0o755)
    return program


def objects(output):
    """The lines that are objects; libraries may say something of their own."""
    return [json.loads(line) for line in (output or "").splitlines() if line.startswith("{")]


def median_of(lines, key):
    values = [line[key] for line in lines if key in line]
    return statistics.median(values) if values else None


def report(results):
    parts = ["# Report", "", "```json", json.dumps(results["machine"], indent=1), "```", "", "## Parity", "",
             "| type | tensors | too far off | worst | off by | of what is allowed |", "|---|---|---|---|---|---|"]
    for dtype, found in results.get("verify", {}).items():
        worst = found["worst"][0] if found["worst"] else {"case": "", "tensor": "", "difference": 0, "share": 0}
        parts.append(f"| {dtype} | {found['tensors']} | {found['far']} | {worst['case']} {worst['tensor']} | "
                     f"{worst['difference']} | {worst['share']} |")
    parts += ["", *table_of(results.get("bench", []))]
    if "train" in results and results["train"]["lines"]:
        parts += ["", *training_of(results["train"])]
    if results["failures"]:
        parts += ["", "## Failures", ""] + [f"- {one['what']}: {one['reason']}" for one in results["failures"]]
    return "\n".join(parts) + "\n"


def table_of(lines):
    peak = max((line["gflops_per_second"] for line in lines if line["workload"] == "matmul"), default=None)
    parts = ["## Speed", "", f"Best matrix product of all sides: {peak or 0:.0f} GFLOP/s. Ratios are of medians: above 1 "
             "lamplight is faster.", "",
             "| workload | side | median s | tokens/s | share of the best product | device MiB | ratio |",
             "|---|---|---|---|---|---|---|"]
    for workload in dict.fromkeys(line["workload"] for line in lines if line["workload"] != "matmul"):
        of_it = [line for line in lines if line["workload"] == workload]
        ours = [line for line in of_it if line["side"] == "lamplight"]
        own, rate = median_of(ours, "median_s"), median_of(ours, "gflops_per_second")
        for side in dict.fromkeys(line["side"] for line in of_it):
            of_side = [line for line in of_it if line["side"] == side]
            seconds, memory = median_of(of_side, "median_s"), median_of(of_side, "device_memory_bytes")
            share = rate * own / seconds / peak if rate and peak else None
            parts.append(f"| {workload} | {side} | {seconds:.4g} | {median_of(of_side, 'tokens_per_second'):.0f} | "
                         f"{'' if share is None else f'{share:.3f}'} | {'' if memory is None else round(memory / 2**20)} | "
                         f"{'' if own is None else f'{seconds / own:.2f}'} |")
        if workload == PROJECTED and own:
            parts.append(f"\n{PROJECTED_STEPS} steps of {workload}: {PROJECTED_STEPS * own / 60:.1f} minutes.")
    return parts


def training_of(train):
    lines = train["lines"]
    first, last = lines[0], lines[-1]
    rates = [line["tokens_per_second"] for line in lines[1:]] or [first["tokens_per_second"]]
    parts = ["## Training", "", f"`{train['recipe']}`, {last['step']} steps, median {statistics.median(rates):.0f} "
             f"tokens/s; loss {first['loss']:.3f} at step {first['step']}, {last['loss']:.3f} at the end.", "",
             "| step | loss | tokens/s |", "|---|---|---|"]
    every = max(1, len(lines) // 20)
    return parts + [f"| {line['step']} | {line['loss']:.3f} | {line['tokens_per_second']:.0f} |" for line in lines[::every]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", nargs="+", metavar="NAME", help="of lamplight bench, in place of all")
    parser.add_argument("--output", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True)
    suite = Suite(arguments)
    for part in (suite.look_around, suite.verify, suite.bench, suite.train):
        part()
        # What is there stays, whatever comes next.
        suite.write()
    print(f"\n{report(suite.results)}\nwritten to {arguments.output}")
    return 1 if suite.results["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
