"""Archives with the same bytes whenever their files have the same: sorted, one date, no owner."""

import gzip
import os
import stat
import tarfile
import zipfile


def files_below(folder):
    """Paths of files and links relative to a folder, sorted."""
    found = []
    for at, folders, names in os.walk(folder):
        linked = [name for name in folders if os.path.islink(os.path.join(at, name))]
        found += [os.path.relpath(os.path.join(at, name), folder) for name in names + linked]
    return sorted(found)


def write_tar(path, folder, top, epoch):
    """path.tar.gz of the files below a folder, under the name `top`."""
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=epoch) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in files_below(folder):
            entry = archive.gettarinfo(os.path.join(folder, name), f"{top}/{name}")
            is_run = bool(entry.mode & stat.S_IXUSR)
            entry.mode = 0o755 if is_run else 0o644
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = epoch
            if entry.isfile():
                with open(os.path.join(folder, name), "rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)


def write_zip(path, contents, date):
    """A zip file of {name: bytes}; `date` is a datetime."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, date.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3
            archive.writestr(entry, contents[name])
