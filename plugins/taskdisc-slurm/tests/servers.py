"""A Slurm of one node on this machine, in a folder of its own: munged, slurmctld and slurmd, without systemd."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobcomp.log
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge={min_job_age}
KillWait=2
SlurmdTimeout={node_timeout}
InactiveLimit=0
Waittime=0
MessageTimeout=5
MailProg=/bin/true
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:4 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO PriorityTier=1
PartitionName=short Nodes={host} MaxTime=5 State=UP PriorityTier=1
PartitionName=urgent Nodes={host} State=UP PriorityTier=9
{more}
"""


def install() -> None:
    """Install Slurm from the system's packages, unless it is there."""
    if all(map(shutil.which, PROGRAMS)):
        return
    for command in (("update",), ("install", "-y", "--no-install-recommends", *PACKAGES)):
        quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=quietly, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, f"Slurm cannot be installed: {done.stderr[-2000:]}"


def free_port() -> int:
    """Return a port that nobody listens at, and that the system gives to nobody who does not ask for it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {seconds:g} s"
        time.sleep(0.05)


class Slurm:
    """The cluster: `conf` is what SLURM_CONF must say for clients to find it."""

    def __init__(
        self,
        folder: Path,
        *,
        cpus: int = 8,
        memory: int = 4000,
        min_job_age: int = 300,
        node_timeout: int = 300,
        more: str = "",
    ) -> None:
        """After `node_timeout` seconds a node that is silent is down; `more` are lines of its configuration."""
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool", "munge"):
            (folder / name).mkdir(mode=0o755)
        folder.chmod(0o755)
        self.conf.write_text(
            CONF.format(
                folder=folder,
                host=self.host,
                controller_port=free_port(),
                node_port=free_port(),
                cpus=cpus,
                memory=memory,
                min_job_age=min_job_age,
                node_timeout=node_timeout,
                more=more,
            )
        )
        # Anything that is a file can pass for a GPU.
        (folder / "gres.conf").write_text("Name=gpu File=/dev/tty[0-3]\n")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def do(self, *command: str, check: bool = True) -> str:
        """Run a client to its end."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Start all of it, and wait until it takes jobs."""
        key = self.folder / "munge/munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        place = self.folder / "munge/munge"
        self.begin(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={place}.sock",
            f"--pid-file={place}.pid", f"--log-file={place}.log", f"--seed-file={place}.seed",
        )  # fmt: skip
        wait_for(Path(f"{place}.sock").exists, "munged")
        self.start_controller()
        self.start_node()

    def start_controller(self) -> None:
        self.begin("slurmctld", "-D", "-f", str(self.conf))
        wait_for(lambda: "UP" in self.do("scontrol", "ping", check=False), "slurmctld")

    def start_node(self) -> None:
        self.begin("slurmd", "-D", "-f", str(self.conf), "-N", self.host)
        wait_for(self.is_ready, "slurmd")

    def is_ready(self) -> bool:
        """Say whether the node takes jobs."""
        state = self.do("sinfo", "-h", "-p", "debug", "-o", "%t", check=False).strip()
        if state.startswith(("down", "drain")):
            self.do("scontrol", "update", f"nodename={self.host}", "state=resume", check=False)
        return state in ("idle", "mix", "alloc")

    def begin(self, name: str, *arguments: str) -> None:
        """Start a daemon."""
        with open(self.folder / f"{name}.out", "ab") as out:
            self.processes[name] = subprocess.Popen(
                [name, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={**os.environ, "SLURM_CONF": str(self.conf)},
            )  # fmt: skip

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a daemon, by SIGKILL if need be."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill_steps(self) -> None:
        """Kill all that runs for jobs, as the end of a node does: first what looks after them."""
        jobs, keepers = [], []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes().split(b"\0")
                if f"SLURM_CONF={self.conf}".encode() not in environment:
                    continue
                if any(text.startswith(b"SLURM_JOB_ID=") for text in environment):
                    jobs.append(int(process.name))
                    parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                    if b"slurmstepd" in Path(f"/proc/{parent}/cmdline").read_bytes():
                        keepers.append(parent)
            except OSError:
                continue
        for number in [*keepers, *jobs]:
            os.kill(number, signal.SIGKILL)

    def write_down(self) -> None:
        """Have the controller write down what it knows: that a job has begun is no reason for it."""
        began, known = time.time(), self.folder / "state/job_state"
        for line in self.jobs():
            self.do("scontrol", "update", f"jobid={line.split()[0]}", "timelimit=100")
        wait_for(lambda: known.exists() and known.stat().st_mtime > began, "what the controller knows on disk")

    def jobs(self) -> list[str]:
        """Return what is in the queue, a line an element: its number, state and name."""
        return self.do("squeue", "-h", "-r", "-o", "%i %T %j").splitlines()

    def stop(self) -> None:
        """End everything."""
        if "slurmctld" in self.processes:
            self.do("scancel", "--full", "-u", "root", check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            self.end(name)


@contextmanager
def slurm(folder: Path, **options: object) -> Iterator[Slurm]:
    """Have a cluster."""
    install()
    cluster = Slurm(folder, **options)  # type: ignore[arg-type]
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
