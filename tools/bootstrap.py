"""Make a fresh clone ready to run: .venv, front-end packages, translations; `--dev`: to test too.

Needs nothing but Python. What has not changed since the last time is skipped, so that it costs a
moment. Each way to fail ends with one sentence that says what to do.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
ROOM = 400 * 1024 * 1024  # bytes that a first installation takes, with some to spare

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
NODE_VENV = VENV / "node"
STAMPS = VENV / "stamps"
LOCK = VENV / "setup.lock"  # not .lock, for which uv would wait
PYTHON = VENV / "bin" / "python"
PACKAGE = ROOT / "sentinelweb"

# For a Python without ensurepip, as on a fresh Debian.
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

OFFLINE = re.compile(
    r"name resolution|dns error|timed out|connection refused|network is unreachable"
    r"|could not connect|NewConnectionError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH",
    re.IGNORECASE,
)
FULL = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded|EDQUOT")
NO_VENV = "install python3-venv, for example: sudo apt install python3-venv"


class SetUpError(Exception):
    """Set-up cannot go on; the message is for whoever typed the command."""


def main() -> int:
    require_python()
    try:
        with translated_errors(), locked():
            dev = "--dev" in sys.argv[1:]
            make_environment()
            install_requirements(dev)
            install_front_end(dev)
            compile_translations()
    except (SetUpError, OSError) as error:
        print(f"SentinelWeb cannot be set up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def require_python() -> None:
    """Go on with a newer Python of this machine if this one is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(15, 10, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer and Path(newer).resolve() != Path(sys.executable).resolve():
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - a Python found on the PATH
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(
        f"SentinelWeb needs Python 3.11 or newer, and this is {found} ({sys.executable}). "
        "Install a newer one, or name it: make run PYTHON=/path/to/python3.11"
    )


@contextlib.contextmanager
def locked():
    """`make run` and `make test` at once must not install at once."""
    VENV.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def translated_errors():
    try:
        yield
    except OSError as error:
        if FULL.search(str(error)):
            raise SetUpError(f"the disk of {ROOT} is full; make room and try again.") from error
        if isinstance(error, PermissionError):
            raise SetUpError(f"{error.filename} may not be written by this user.") from error
        raise


def make_environment() -> None:
    """A virtual environment, made anew for another Python, and in another place, which it knows."""
    identity = f"{VENV} {Path(sys.executable).resolve()}".encode()
    with stamped("environment", identity) as needed:
        outdated = needed and stamp_of("environment")
        if not PYTHON.exists() or outdated:
            begin_anew()
            make_venv(VENV)
    if not (VENV / "bin" / "pip").exists():
        install_pip()


def begin_anew() -> None:
    """Empty .venv, if there is room for a new one."""
    free = shutil.disk_usage(ROOT).free
    if free < ROOM:
        raise SetUpError(
            f"it takes about {ROOM >> 20} MB, and the disk of {ROOT} has {free >> 20} MB left."
        )
    say("Making a virtual environment in .venv")
    for old in VENV.iterdir():
        if old != LOCK:
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()


def make_venv(path: Path) -> None:
    """With pip if this Python can."""
    try:
        has_pip = not run_quietly([sys.executable, "-c", "import ensurepip"]).returncode
        command = [sys.executable, "-m", "venv", path]
        run("making the virtual environment", command + ([] if has_pip else ["--without-pip"]))
    except SetUpError as failure:
        if "No module named" in str(failure):  # Debian without even the venv module
            raise SetUpError(NO_VENV) from failure
        raise


def install_pip() -> None:
    """Fetch pip's wheel, whose content is known by its hash, and let it install itself."""
    say("Fetching pip")
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    try:
        links = re.findall(r'href="([^"#]+)', download(index).decode())
        wheel = next(link for link in links if link.endswith(PIP_WHEEL))
        content = download(urljoin(index, wheel))
    except (StopIteration, OSError) as error:
        raise SetUpError(f"pip cannot be fetched from {index}; {NO_VENV}") from error
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        raise SetUpError(f"{PIP_WHEEL} from {index} is not what it should be; {NO_VENV}")
    path = VENV / PIP_WHEEL
    path.write_bytes(content)
    run("installing pip", [PYTHON, path / "pip", "install", "--quiet", "--no-index", path])
    path.unlink()


def download(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise OSError(f"{url} is no web address")
    request = urllib.request.Request(url, headers={"Accept": "text/html"})  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - checked
        return response.read()


def install_requirements(dev: bool) -> None:
    """The locked packages, by hash. The development ones include those of the program."""
    runtime, development = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
    content = runtime.read_bytes()
    if not dev and digest(content + development.read_bytes()) == stamp_of("dev-requirements"):
        return
    if dev:
        content += development.read_bytes()
    with stamped("dev-requirements" if dev else "requirements", content) as needed:
        if needed:
            say("Installing Python packages" + (" for development" if dev else ""))
            pip_install(PYTHON, development if dev else runtime)


def pip_install(python: Path, requirements: Path) -> None:
    """With uv, which is many times quicker, else with pip."""
    arguments = ["--require-hashes", "-r", requirements]
    pip = [PYTHON, "-m", "pip", "--python", python, "install", "--quiet", "--retries=2"]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        installer = ROOT / "tools" / "installer.txt"
        run_quietly([PYTHON, "-m", "pip", "install", "--require-hashes", "-r", installer])
    if uv.exists():
        environment = dict(os.environ, UV_SYSTEM_CERTS="1")
        if "PIP_INDEX_URL" in os.environ:
            environment["UV_DEFAULT_INDEX"] = os.environ["PIP_INDEX_URL"]
        command = [uv, "pip", "install", "--python", python, *arguments]
        if not run_quietly(command, environment).returncode:
            return
    run(f"installing {requirements.name}", [*pip, *arguments])


def install_front_end(dev: bool) -> None:
    """htmx, the font and the icons, from npm."""
    lock, builder = ROOT / "package-lock.json", ROOT / "tools" / "build_static.py"
    content = lock.read_bytes()
    if dev or digest(content) != stamp_of("dev-front-end"):
        name = "dev-front-end" if dev else "front-end"
        with stamped(name, content) as needed:
            if needed or not (ROOT / "node_modules").is_dir():
                say("Installing front-end packages")
                npm_ci(dev)
    sources = sorted([*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.py"), lock, builder])
    with stamped("static", b"".join(path.read_bytes() for path in sources)) as needed:
        if needed or not (PACKAGE / "static" / "vendor").is_dir():
            run("building the static files", [PYTHON, builder])


def npm_ci(dev: bool) -> None:
    environment = dict(os.environ)
    if not has_node():
        with stamped("node", (ROOT / "tools" / "node.txt").read_bytes()) as needed:
            if needed:
                say("There is no Node 20 here: fetching one")
                run(
                    "making a place for Node",
                    [sys.executable, "-m", "venv", "--without-pip", NODE_VENV],
                )
                pip_install(NODE_VENV / "bin" / "python", ROOT / "tools" / "node.txt")
        environment["PATH"] = (
            f"{NODE_VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        )
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    run("npm ci", command + ([] if dev else ["--omit=dev"]), environment)


def has_node() -> bool:
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    version = re.match(r"v(\d+)\.", run_quietly(["node", "--version"]).stdout)
    return bool(version) and int(version.group(1)) >= OLDEST_NODE


def compile_translations() -> None:
    """messages.po to messages.mo."""
    catalogs = sorted((PACKAGE / "translations").glob("*/LC_MESSAGES/messages.po"))
    missing = any(not path.with_suffix(".mo").exists() for path in catalogs)
    with stamped("translations", b"".join(path.read_bytes() for path in catalogs)) as needed:
        if catalogs and (needed or missing):
            babel = [PYTHON, "-m", "babel.messages.frontend", "--quiet", "compile"]
            run("compiling the translations", [*babel, "-d", PACKAGE / "translations"])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stamp_of(name: str) -> str:
    """The digest of what the step `name` was last done for; "" if it never was."""
    with contextlib.suppress(OSError):
        return (STAMPS / name).read_text("ascii")
    return ""


@contextlib.contextmanager
def stamped(name: str, content: bytes):
    """Whether the step `name` is to be done for `content`; remembered if the block succeeds."""
    wanted = digest(content)
    needed = stamp_of(name) != wanted
    yield needed
    if needed:
        STAMPS.mkdir(exist_ok=True)
        (STAMPS / name).write_text(wanted, "ascii")


def run(what: str, command: list, environment: "dict | None" = None) -> None:
    """Run `command`; raise SetUpError with a sentence if it fails."""
    result = run_quietly(command, environment)
    if not result.returncode:
        return
    output = (result.stdout + result.stderr).strip()
    if FULL.search(output):
        raise SetUpError(f"the disk is full ({what}); make room and try again.")
    if OFFLINE.search(output):
        raise SetUpError(f"there is no way to the package index ({what}); look at the network.")
    print("\n".join(output.splitlines()[-15:]), file=sys.stderr)
    raise SetUpError(f"{what} failed; see above: {(output.splitlines() or ['no output'])[-1]}")


def run_quietly(command: list, environment: "dict | None" = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def say(text: str) -> None:
    print(f"{text} …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
