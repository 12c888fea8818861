"""A real SLURM of one node on this machine for tests, without systemd: start it, stop it.

It needs root and the programs of Debian's packages slurmctld, slurmd, slurm-client and munge.
All its files are in a folder of its own, but for one link: what runs inside a job finds its
SLURM by /etc/slurm/slurm.conf alone, because Snakemake's plugin clears SLURM_CONF there.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol"]
SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
PARTITION = "main"
PREFIX = "emcflow-slurm-"
# More than there are: jobs of a test mostly wait for one another, and four tiles run side by side.
CPUS = 8
CONF = """\
ClusterName=emcflow
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,bf_interval=1
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName={partition} Nodes={host} Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
"""


def why_not() -> str | None:
    """Return why this machine cannot run the node, or None if it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "slurmd has to be started by root"
    if SYSTEM_CONF.exists() and not _left_behind():
        return f"{SYSTEM_CONF} is there: this machine has, or runs, a SLURM already"
    try:
        socket.gethostbyname(_host())
    except OSError:
        return f"the name of this machine, {_host()}, has no address: add it to /etc/hosts"
    return None


@contextmanager
def slurm_node() -> Iterator[Path]:
    """Run SLURM with one node, this machine; yield the folder of its logs.

    Raises
    ------
    RuntimeError
        The machine cannot run it, or it is not up within 30 s: then with the ends of the logs.
    """
    if reason := why_not():
        raise RuntimeError(reason)
    # A short path: that of a socket has to fit into 107 characters.
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    daemons = []
    try:
        _configure(folder)
        for command in _commands(folder):
            daemons.append(_start(folder, command))
        _wait_until_idle(folder, daemons)
        yield folder
    finally:
        _stop(folder, daemons)
        shutil.rmtree(folder)


def jobs() -> list[dict[str, str]]:
    """Return what SLURM knows of every job since its start: JobId, JobState, Comment, ..."""
    lines = _ask("scontrol", "--oneliner", "show", "job").splitlines()
    return [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in lines
        if line.startswith("JobId=")
    ]


def cancel(job: str) -> None:
    """Cancel a job as a user does."""
    subprocess.run(["scancel", job], check=True)


def _left_behind() -> bool:
    """Whether the link is that of a test that was killed: nothing runs from its folder any more."""
    if not SYSTEM_CONF.is_symlink():
        return False
    folder = SYSTEM_CONF.readlink().parent
    ours = folder.name.startswith(PREFIX)
    return ours and subprocess.run(["pgrep", "-f", f"slurmctld .*{folder}"]).returncode == 1


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _configure(folder: Path) -> None:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    controller_port, node_port = _free_ports(2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    conf = CONF.format(
        host=_host(),
        folder=folder,
        controller_port=controller_port,
        node_port=node_port,
        cpus=CPUS,
        memory_mb=int(0.9 * memory / 2**20),
        partition=PARTITION,
    )
    (folder / "slurm.conf").write_text(conf)
    SYSTEM_CONF.parent.mkdir(exist_ok=True)
    # Only a link that a killed run left can be here.
    SYSTEM_CONF.unlink(missing_ok=True)
    SYSTEM_CONF.symlink_to(folder / "slurm.conf")


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _commands(folder: Path) -> list[list[str]]:
    munged = ["munged", "--foreground", "--force"]
    munged += [f"--key-file={folder}/munge.key", f"--socket={folder}/munge.sock"]
    munged += [f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed"]
    return [
        munged,
        ["slurmctld", "-D", "-c", "-f", f"{folder}/slurm.conf"],
        ["slurmd", "-D", "-c", "-f", f"{folder}/slurm.conf", "-N", _host()],
    ]


def _start(folder: Path, command: list[str]) -> subprocess.Popen:
    """Start a daemon in the foreground, as a child that ends when the test does."""
    with open(folder / f"{command[0]}.log", "w") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command], stdout=log, stderr=subprocess.STDOUT
        )


def _wait_until_idle(folder: Path, daemons: list[subprocess.Popen]) -> None:
    end = time.monotonic() + 30
    while _ask("sinfo", "--noheader", "--format=%T").strip() != "idle":
        if time.monotonic() > end or any(daemon.poll() is not None for daemon in daemons):
            logs = [
                f"{log.name}:\n" + "\n".join(log.read_text().splitlines()[-10:])
                for log in sorted(folder.glob("*.log"))
            ]
            raise RuntimeError("SLURM did not start\n" + "\n".join(logs))
        time.sleep(0.1)


def _ask(*command: str) -> str:
    """Return what a command of SLURM prints; nothing while the controller does not answer."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except subprocess.TimeoutExpired:
        return ""


def _stop(folder: Path, daemons: list[subprocess.Popen]) -> None:
    """End the jobs first, so that none is left behind, then the daemons, last started first."""
    if len(daemons) == 3 and all(daemon.poll() is None for daemon in daemons):
        for job in _ask("squeue", "--noheader", "--format=%A").split():
            subprocess.run(["scancel", job])
        end = time.monotonic() + 20
        while _ask("squeue", "--noheader").strip() and time.monotonic() < end:
            time.sleep(0.1)
    for daemon in reversed(daemons):
        daemon.terminate()
        try:
            daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    if SYSTEM_CONF.is_symlink() and SYSTEM_CONF.readlink() == folder / "slurm.conf":
        SYSTEM_CONF.unlink()
