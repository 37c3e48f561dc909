"""Runs in a pod of the image that is looked into, and prints one line: MARK and a JSON object.

Sent whole as `python3 -S -c`. The standard library alone, and nothing newer than Python 3.6: what
is in the image is not known yet. Whatever cannot be read is one sentence in `unknown`.
"""

import hashlib
import json
import os
import re
import subprocess
import sys

MARK = "gantry-contents:"
BIGGEST = 32 << 20  # bytes of one file; a dpkg status of 2,000 packages has 3 MB
COMMAND_TIME = 45
COLLECTION_ROOTS = (
    "/usr/share/ansible/collections",
    "/usr/share/automation-controller/collections",
)
RPM_HOMES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
RPM_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
RPM_FIELDS = ("NAME", "EPOCHNUM", "VERSION", "RELEASE", "ARCH", "LICENSE")
RPM_BINDINGS = (
    "import rpm, sys\n"
    "rpm.addMacro('_dbpath', sys.argv[1])\n"
    "def text(v): return v.decode() if isinstance(v, bytes) else str(v or 0)\n"
    "for h in rpm.TransactionSet().dbMatch():\n"
    " print('\\t'.join(text(h[k]) for k in (1000, 1003, 1001, 1002, 1022, 1014)))\n"
)
WHERE = "import json,sys;print(json.dumps([sys.version.split()[0],sys.path]))"
unknown = []  # type: list[str]


def read(path: str, most: int = BIGGEST) -> bytes:
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError("it is larger than %d bytes" % most)
    return data


def entries(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        if os.path.isdir(folder):
            unknown.append("%s could not be listed: %s." % (folder, error.strerror))
        return []


def start(command: "list[str]") -> "subprocess.Popen[bytes] | None":
    """Begun early and waited for late, so that several run beside the reading of files."""
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        unknown.append("%s could not be started: %s." % (command[0], error.strerror))
        return None


def outcome(process: "subprocess.Popen[bytes]") -> "tuple[str, str]":
    """What it printed, and why it failed: "" when it did not."""
    try:
        out, said = process.communicate(timeout=COMMAND_TIME)
    except subprocess.TimeoutExpired:
        process.kill()
        return "", "it did not end in %d s" % COMMAND_TIME
    failed = said.decode("utf-8", "replace").strip()[-300:] or "exit code %d" % process.returncode
    return out.decode("utf-8", "replace"), failed if process.returncode else ""


# -- the distribution and its packages ---------------------------------------------------------


def distribution() -> str:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = read(path, 65536).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        found = dict(re.findall(r"(?m)^([A-Z_]+)=[\"']?(.*?)[\"']?\s*$", text))
        return found.get("PRETTY_NAME") or " ".join(
            filter(None, [found.get("NAME"), found.get("VERSION_ID")])
        )
    unknown.append("The distribution is not known: there is no readable os-release.")
    return ""


def debs() -> "list[dict[str, str]]":
    """From dpkg's status file, or its parts in status.d as images without dpkg have them."""
    home, found = "/var/lib/dpkg", []
    parts = [p for p in entries(home + "/status.d") if not p.endswith(".md5sums")]
    for path in [home + "/status"] + [home + "/status.d/" + p for p in parts]:
        try:
            text = read(path).decode("utf-8", "replace")
        except OSError as error:
            if os.path.exists(path):
                unknown.append("%s could not be read: %s." % (path, error.strerror))
            continue
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"(?m)^(Package|Version|Architecture|Status): *(.*)$", stanza))
            there = fields.get("Status", "installed").endswith(" installed")
            if fields.get("Package") and (there or "Status" not in fields):
                found.append({
                    "kind": "deb", "name": fields["Package"], "version": fields.get("Version", ""),
                    "arch": fields.get("Architecture", ""),
                })  # fmt: skip
    return found


def rpm_database() -> str:
    paths = [os.path.join(home, name) for home in RPM_HOMES for name in RPM_FILES]
    return next(filter(os.path.exists, paths), "")


def rpm_command(home: str, pythons: "list[str]") -> "list[str] | None":
    program = which("rpm")
    if program:
        fields = "\\t".join("%%{%s}" % field for field in RPM_FIELDS) + "\\n"
        return [program, "--dbpath", home, "-qa", "--qf", fields]
    python = next(filter(os.path.exists, ["/usr/libexec/platform-python", *pythons]), "")
    return [python, "-c", RPM_BINDINGS, home] if python else None


def rpms(process: "subprocess.Popen[bytes] | None", database: str) -> "list[dict[str, str]]":
    """What rpm itself says. It cannot open a database of SQLite in a read-only image that was left
    without its companions (-wal, -shm); such a one is read here."""
    text, failed = outcome(process) if process else ("", "there is no rpm command")
    rows = [line.split("\t") for line in text.splitlines()]
    if (failed or not rows) and database.endswith(".sqlite"):
        try:
            rows, failed = rpm_rows(database), ""
        except Exception as error:
            failed += "; %s" % error
    if failed:
        unknown.append("The rpm database %s could not be read: %s." % (database, failed))
    found = []
    for name, epoch, version, release, arch, licence in [r for r in rows if len(r) == 6]:
        if name != "gpg-pubkey":
            before = "" if epoch in ("0", "(none)") else epoch + ":"
            found.append({
                "kind": "rpm", "name": name, "version": "%s%s-%s" % (before, version, release),
                "arch": arch, "licence": licence,
            })  # fmt: skip
    return found


def rpm_rows(database: str) -> "list[list[str]]":
    """The headers as rpm keeps them: counts, an index of 16 bytes a tag, the values."""
    import sqlite3
    import struct

    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect("file:%s?%s" % (database, mode), uri=True)
        try:
            blobs = connection.execute("SELECT blob FROM Packages").fetchall()
            break
        except sqlite3.OperationalError as error:
            if "immutable" in mode:
                raise error
    rows = []
    for (blob,) in blobs:
        count = struct.unpack(">I", blob[:4])[0]
        values, base = {1003: "0"}, 8 + 16 * count
        for at in range(count):
            tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * at)
            where = base + offset
            if tag == 1003:
                values[tag] = str(struct.unpack_from(">I", blob, where)[0])
            elif tag in (1000, 1001, 1002, 1022, 1014) and kind in (6, 9):
                values[tag] = blob[where : blob.index(b"\0", where)].decode("utf-8", "replace")
        rows.append([values.get(tag, "") for tag in (1000, 1003, 1001, 1002, 1022, 1014)])
    return rows


# -- Python -------------------------------------------------------------------------------------


def which(program: str) -> str:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


def ansible_python() -> str:
    """The interpreter that ansible's own programs name in their first line; "" for none."""
    for program in ("ansible-playbook", "ansible", "ansible-runner"):
        path = which(program)
        if path:
            with open(path, "rb") as file:
                head = file.read(1024).decode("utf-8", "replace")
            # pip writes a path that is too long for the kernel into a second line, for sh.
            found = re.match(r"#!\s*(\S*python\S*)|#!/bin/sh\n'''exec' \"?([^\" \n]+)", head)
            named = re.match(r"#!\s*\S*/env\s+(?:-S\s+)?(\S*python\S*)", head)
            if named:
                return which(named.group(1))
            if found:
                return found.group(1) or found.group(2)
    return ""


def same_python(one: str, other: str) -> bool:
    """A virtual environment's python3 is a link to the system's, yet another one."""
    folders = {os.path.realpath(os.path.dirname(p)) for p in (one, other)}
    alone = not any(os.path.exists(os.path.join(f, "..", "pyvenv.cfg")) for f in folders)
    return os.path.realpath(one) == os.path.realpath(other) and (alone or len(folders) == 1)


def own_path() -> "list[str]":
    try:
        import site

        site.main()
    except BaseException as error:
        unknown.append("Python's own start is broken (%s): %s." % (type(error).__name__, error))
    return [path for path in sys.path if path]


def python_packages(folders: "list[str]") -> "list[dict[str, str]]":
    found = []
    for folder in folders:
        for entry in entries(folder) if os.path.isdir(folder) else []:
            path = os.path.join(folder, entry)
            if entry.endswith(".dist-info") and not entry.startswith("~"):
                found.append(python_package(path, os.path.join(path, "METADATA")))
            elif entry.endswith(".egg-info"):
                inner = os.path.join(path, "PKG-INFO")
                found.append(python_package(path, inner if os.path.isdir(path) else path))
    return found


def python_package(path: str, metadata: str) -> "dict[str, str]":
    """Name, version and licence by the core metadata specification, from the head alone."""
    try:
        with open(metadata, "rb") as file:
            head = file.read(65536).decode("utf-8", "replace").replace("\r", "").split("\n\n")[0]
    except OSError:
        head = ""
    pairs = re.findall(r"(?m)^([A-Za-z-]+): *(.*)$", head)
    fields = {key.lower(): value.strip() for key, value in reversed(pairs)}
    name, version = fields.get("name", ""), fields.get("version", "")
    if not name or not version:
        stem = os.path.basename(path).rsplit(".", 1)[0]
        name = name or stem.split("-")[0]
        version = version or [*stem.split("-"), ""][1]
        unknown.append("%s has no readable metadata: its folder's name had to do." % path)
    classified = [v.split(" :: ")[-1] for k, v in pairs if v.startswith("License :: ")]
    licence = fields.get("license-expression") or fields.get("license", "")
    if not licence or licence == "UNKNOWN" or len(licence) > 100:
        licence = " AND ".join(classified)
    return {"kind": "python", "name": name, "version": version, "licence": licence, "path": path}


# -- Ansible ------------------------------------------------------------------------------------


def collection_roots(python_folders: "list[str]") -> "list[str]":
    """In the order in which Ansible looks: the first of a name is the one that runs."""
    chosen = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or os.environ.get(
        "ANSIBLE_COLLECTIONS_PATHS", ""
    )
    if not chosen:
        try:
            text = read(os.environ.get("ANSIBLE_CONFIG", "/etc/ansible/ansible.cfg"), 1 << 20)
            lines = re.findall(rb"(?m)^\s*collections_paths?\s*=\s*(.+)$", text)
            chosen = lines[0].decode("utf-8", "replace").strip() if lines else ""
        except (OSError, ValueError):
            pass
    roots = [os.path.expanduser(p) for p in chosen.split(os.pathsep) if p]
    try:
        lines = read("/etc/passwd", 1 << 20).decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        lines = []
    homes = [os.environ.get("HOME", "")] + [s.split(":")[5] for s in lines if s.count(":") == 6]
    roots += [os.path.join(home, ".ansible/collections") for home in homes if home]
    roots += list(COLLECTION_ROOTS) + python_folders
    inner = [p if p.endswith("ansible_collections") else p + "/ansible_collections" for p in roots]
    return list(dict.fromkeys(os.path.normpath(p) for p in inner))


def collections(python_folders: "list[str]") -> "list[dict[str, object]]":
    found = []  # type: list[dict[str, object]]
    seen = set()
    for root in filter(os.path.isdir, collection_roots(python_folders)):
        for namespace in entries(root):
            folder = os.path.join(root, namespace)
            if not re.match(r"[A-Za-z_]\w*$", namespace) or not os.path.isdir(folder):
                continue
            for name in entries(folder):
                path = os.path.join(folder, name)
                if re.match(r"[A-Za-z_]\w*$", name) and name != "__pycache__" \
                        and os.path.isdir(path):  # fmt: skip
                    row = collection(namespace + "." + name, path)
                    if row["name"] in seen:
                        row["shadowed"] = True
                    seen.add(row["name"])
                    found.append(row)
    return found


def collection(name: str, path: str) -> "dict[str, object]":
    row = {"kind": "collection", "name": name, "version": "", "path": path}  # type: dict[str, object]
    try:
        data = read(path + "/MANIFEST.json", 4 << 20)
        row["manifest_sha256"] = hashlib.sha256(data).hexdigest()
        told = json.loads(data.decode())["collection_info"]
        row["version"] = str(told["version"])
        row["licence"] = " AND ".join(map(str, told.get("license") or []))
    except Exception as error:
        try:
            text = read(path + "/galaxy.yml", 1 << 20).decode("utf-8", "replace")
            lines = re.findall(r"(?m)^version:\s*[\"']?([^\s\"'#]+)", text)
            row["version"] = lines[0]
        except (OSError, ValueError, IndexError):
            why = error.strerror if isinstance(error, OSError) else "it is damaged"
            unknown.append(
                "The version of collection %s in %s is not known: no galaxy.yml tells it, and "
                "MANIFEST.json neither (%s)." % (name, path, why)
            )
    info = "%s/%s-%s.info/GALAXY.yml" % (
        os.path.dirname(os.path.dirname(path)),
        name,
        row["version"],
    )
    try:
        # ansible-galaxy writes it for what it took from a server.
        lines = re.findall(
            r"(?m)^download_url: *(\S+)", read(info, 1 << 20).decode("utf-8", "replace")
        )
        row["source"] = lines[0] if lines else ""
    except (OSError, ValueError):
        pass
    try:
        text = read(path + "/meta/runtime.yml", 4 << 20).decode("utf-8", "replace")
        lines = re.findall(r"(?m)^requires_ansible:\s*[\"']?([^\"'#\n]+)", text)
        row["requires_ansible"] = lines[0].strip() if lines else ""
    except (OSError, ValueError):
        pass
    row["requires_python"] = required_python(path)
    return row


def required_python(path: str) -> "list[str]":
    """What the collection asks of Python, where ansible-builder looks: the file or the list that
    meta/execution-environment.yml names, else requirements.txt. YAML is read by its shape alone."""
    named = "requirements.txt"
    for ending in ("yml", "yaml"):
        try:
            meta = read("%s/meta/execution-environment.%s" % (path, ending), 1 << 20)
        except (OSError, ValueError):
            continue
        found = re.search(
            r"(?m)^\s+python:[ \t]*([^\s#]*)[^\n]*\n((?:\s*-[^\n]*\n?)*)",
            meta.decode("utf-8", "replace") + "\n",
        )
        named = found.group(1).strip("\"'") if found else ""
        if not named:
            listed = re.findall(r"(?m)^\s*- *(.+)$", found.group(2)) if found else []
            return [line.strip().strip("\"'") for line in listed][:100]
        break
    try:
        text = read("%s/%s" % (path, named), 1 << 20).decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and line[0] not in "#-"][:100]


def ansible_core(packages: "list[dict[str, str]]", folders: "list[str]") -> str:
    version = version_of(packages, "ansible-core", "ansible-base")
    for folder in [] if version else folders:
        try:
            text = read(folder + "/ansible/release.py", 65536).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        lines = re.findall(r"(?m)^__version__ *= *[\"'](.+?)[\"']", text)
        if lines:
            return str(lines[0])
    if not version:
        unknown.append("ansible-core was not found in any Python of the image.")
    return version


def version_of(packages: "list[dict[str, str]]", *names: str) -> str:
    for package in packages:
        if re.sub(r"[-_.]+", "-", package["name"]).lower() in names:
            return package["version"]
    return ""


def look() -> "dict[str, object]":
    other, version, folders = ansible_python(), sys.version.split()[0], []
    asked = (
        start([other, "-c", WHERE]) if other and not same_python(other, sys.executable) else None
    )
    database = rpm_database()
    home = os.path.dirname(database)
    command = rpm_command(home, [other or sys.executable]) if database else None
    rpm = start(command) if command else None
    own = own_path()
    name = distribution()
    system = debs()
    if asked:
        told, failed = outcome(asked)
        try:
            version, folders = json.loads(told)
        except ValueError:
            unknown.append("%s, which ansible runs with, does not work: %s." % (other, failed))
    real = list(dict.fromkeys(os.path.realpath(p) for p in folders + own if p))
    packages = python_packages(real)
    system += rpms(rpm, database) if database else []
    if not system:
        unknown.append("System packages are not known: no database of dpkg or rpm tells them.")
    return {
        "ansible_core": ansible_core(packages, real),
        "ansible_runner": version_of(packages, "ansible-runner"),
        "python": version,
        "distribution": name,
        "packages": collections(real) + packages + system,
        "unknown": unknown,
    }


def main() -> None:
    # Whatever the image's own start-up files print must not stand in the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    text = "\n%s%s\n" % (MARK, json.dumps(look()))
    with os.fdopen(out, "wb") as file:
        file.write(text.encode("ascii"))


if __name__ == "__main__":
    main()
