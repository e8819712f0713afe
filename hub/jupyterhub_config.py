"""A JupyterHub for the course on one server: `jupyterhub -f hub/jupyterhub_config.py`; hub/README.md leads through it.

Every student has an account of the system, a server of their own with the lessons in it, and nbgrader's exchange. Who
may log in is the instructor's decision: the authenticator is the one line that is left open (see the end). What can be
set is read from the environment, so that this file stays the same for every course:

HUB_FOLDER     where the hub keeps its state (default: the folder it is started in)
HUB_PORT       the port that students' browsers reach (8000)
HUB_TEACHERS   names of those who may see everybody's servers, with spaces between them
HUB_EXCHANGE   nbgrader's exchange (/srv/nbgrader/exchange)
HUB_MEMORY_GB  the memory of a student's process (4), HUB_CORES the processors of one (2)
HUB_IDLE_MINUTES   how long a server may be idle before it is stopped (60)
HUB_TRIAL      a password that lets everybody in: to try the hub out, on a machine that nobody else reaches
"""

import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner

HERE = Path(__file__).resolve().parent
COURSE = HERE.parent
FOLDER = Path(os.environ.get("HUB_FOLDER", ".")).resolve()
EXCHANGE = Path(os.environ.get("HUB_EXCHANGE", "/srv/nbgrader/exchange"))
MEMORY_GB = float(os.environ.get("HUB_MEMORY_GB", "4"))
CORES = float(os.environ.get("HUB_CORES", "2"))
IDLE_MINUTES = float(os.environ.get("HUB_IDLE_MINUTES", "60"))

c = get_config()  # type: ignore[name-defined]  # noqa: F821


# -- a student's server ------------------------------------------------------------------------------------------------
class LimitedSpawner(LocalProcessSpawner):
    """A process of the student's own account; each of its processes may hold so much memory and use so many threads.

    The limits are the system's own for a process (its private data), so several kernels have them several times. Where
    there is systemd, its spawner limits all of a student's processes together: see the end of this file.
    """

    def make_preexec_fn(self, name: str) -> Any:
        become = super().make_preexec_fn(name)

        def limited() -> None:
            most = int(MEMORY_GB * 2**30)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
            resource.setrlimit(resource.RLIMIT_NPROC, (1000, 1000))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            become()

        return limited


def bring_lessons(spawner: Any) -> None:
    """Copy the lessons that a student does not have yet. Nothing of theirs is overwritten; it runs as the student."""
    account = pwd.getpwnam(spawner.user.name)
    copy = [
        "cp",
        "--recursive",
        "--no-clobber",
        "--no-preserve=mode",
        f"{COURSE / 'notebooks'}/.",
        f"{account.pw_dir}/lessons",
    ]
    subprocess.run(
        ["mkdir", "-p", f"{account.pw_dir}/lessons"],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        check=True,
    )
    subprocess.run(copy, user=account.pw_uid, group=account.pw_gid, extra_groups=[], check=True)


c.JupyterHub.spawner_class = LimitedSpawner
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.pre_spawn_hook = bring_lessons
c.Spawner.default_url = "/lab/tree/lessons/00_start_here.ipynb"
c.Spawner.start_timeout = 120
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(HERE / "jupyter"),  # nbgrader's settings
    "HUB_EXCHANGE": str(EXCHANGE),
    "COURSE_WEIGHTS": "course",  # the same numbers for all; the kit's files are mapped, so they are in memory once
    "OMP_NUM_THREADS": str(max(1, int(CORES))),
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}

# -- the hub -----------------------------------------------------------------------------------------------------------
teachers = set(os.environ.get("HUB_TEACHERS", "").split())
c.JupyterHub.bind_url = f"http://:{os.environ.get('HUB_PORT', '8000')}"
c.JupyterHub.db_url = f"sqlite:///{FOLDER / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(FOLDER / "jupyterhub_cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(FOLDER / "proxy.pid")
c.JupyterHub.active_server_limit = 250
c.JupyterHub.concurrent_spawn_limit = 20  # a class that logs in at ten o'clock
c.Authenticator.admin_users = teachers
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={int(60 * IDLE_MINUTES)}"],
    }
]
EXCHANGE.mkdir(parents=True, exist_ok=True)
EXCHANGE.chmod(0o777)  # nbgrader wants it so: everybody hands in there, and nobody sees what others handed in

# -- yours to decide ---------------------------------------------------------------------------------------------------
# Who may log in. JupyterHub has authenticators for GitHub, Google, LTI (Moodle, Canvas), LDAP and the system's own
# passwords (PAM, its default): https://jupyterhub.readthedocs.io/en/stable/reference/authenticators.html
if os.environ.get("HUB_TRIAL"):
    c.JupyterHub.authenticator_class = "dummy"
    c.DummyAuthenticator.password = os.environ["HUB_TRIAL"]
c.Authenticator.allow_all = True

# With systemd, all processes of a student together: pip install jupyterhub-systemdspawner, then
# c.JupyterHub.spawner_class = "systemd"; c.SystemdSpawner.mem_limit = "4G"; c.SystemdSpawner.cpu_limit = 2.0
