"""Project files as zip archives: written, looked into, and written otherwise."""

import json
import zipfile

from annstudio.document.network import Network
from annstudio.formats.studio import save


def store(project, path, **options) -> None:
    save(project, path, Network(project, path.parent).weights(), **options)


def members_of(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members, method=zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def changed_file(project, tmp_path, **said):
    """A saved project with other entries in its project.json."""
    path = tmp_path / "changed.annstudio"
    store(project, path)
    members = members_of(path)
    members["project.json"] = json.dumps({**json.loads(members["project.json"]), **said}).encode()
    write_members(path, members)
    return path
