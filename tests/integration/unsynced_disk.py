#!/usr/bin/python3
"""A disk that forgets what was not synced: a file system in memory (FUSE), for tests of a loss of power.

    unsynced_disk.py FOLDER [--lies]     serves FOLDER until its stdin ends; says `ready`, then answers lines on stdin:
    cut SEED                             the power goes: what nobody synced is lost, or a part of it, by the seed

What a cut leaves. Of a file: what it held at its last fsync or fdatasync; each page of 4 KiB written since is the new one or the
old one, the size is any between. Of the folders: their entries at their own last fsync, and the first few of the changes since
then, in order. A file that was synced in a folder that was not is gone: harsher than ext4, as POSIX allows. With --lies no sync
does anything.

Python of Debian with python3-fusepy, on its own: the tests' python may be another one.
"""
import argparse
import errno
import json
import os
import random
import stat
import sys
import threading
import time

import fusepy as fuse

PAGE = 4096
BLOCKS = 4 << 20  # of a page each: 16 GiB, nobody runs out of room


class File:
    def __init__(self, mode):
        self.mode = stat.S_IFREG | mode
        self.links = 1
        self.changed_s = time.time()
        self.data, self.synced = bytearray(), bytearray()
        self.dirty = set()  # pages that differ

    def touch(self, begin, end):
        self.dirty.update(range(begin // PAGE, (end + PAGE - 1) // PAGE))
        self.changed_s = time.time()

    def write(self, data, offset):
        if offset > len(self.data):
            self.resize(offset)
        self.data[offset:offset + len(data)] = data
        self.touch(offset, offset + len(data))

    def resize(self, size):
        old = len(self.data)
        if size < old:
            del self.data[size:]
        else:
            self.data.extend(bytes(size - old))
        self.touch(min(old, size), max(old, size))

    def sync(self):
        self.settle(self.dirty, len(self.data))
        self.dirty.clear()

    def settle(self, pages, size):
        """These pages, and this size, reach the disk."""
        if len(self.synced) < size:
            self.synced.extend(bytes(size - len(self.synced)))
        del self.synced[size:]
        for page in pages:
            begin, end = page * PAGE, min((page + 1) * PAGE, size, len(self.data))
            if begin < end:
                self.synced[begin:end] = self.data[begin:end]

    def cut(self, chance):
        lost = len(self.dirty)
        low, high = sorted((len(self.synced), len(self.data)))
        reached = {page for page in self.dirty if chance.random() < 0.5}
        self.settle(reached, chance.choice((len(self.synced), len(self.data), chance.randint(low, high))))
        self.data = bytearray(self.synced)
        self.dirty.clear()
        return lost - len(reached)


class Folder:
    def __init__(self, mode):
        self.mode = stat.S_IFDIR | mode
        self.links = 2
        self.changed_s = time.time()
        self.entries, self.synced = {}, {}


class Link:
    """Symbolic; whole as soon as its folder is."""

    def __init__(self, target):
        self.mode = stat.S_IFLNK | 0o777
        self.links = 1
        self.changed_s = time.time()
        self.target = target


class Disk(fuse.Operations):
    """Called by the one thread of FUSE; cut() by the one that reads stdin."""

    def __init__(self, lies):
        self.lies = lies
        self.root = Folder(0o700)
        self.changes = []  # of folders, not yet synced: [(folder, name, what is there then or None), ...] each
        self.open_files, self.last_handle = {}, 0
        self.guard = threading.Lock()

    def __call__(self, operation, *arguments):
        with self.guard:
            return super().__call__(operation, *arguments)

    # --- finding

    def at(self, path):
        found = self.root
        for name in filter(None, path.split("/")):
            if not isinstance(found, Folder) or name not in found.entries:
                raise fuse.FuseOSError(errno.ENOENT)
            found = found.entries[name]
        return found

    def place(self, path):
        folder, _, name = path.rpartition("/")
        return self.at(folder), name

    def change(self, *entries):
        for folder, name, what in entries:
            folder.changed_s = time.time()
            if what is None:
                del folder.entries[name]
            else:
                folder.entries[name] = what
        self.changes.append(entries)

    def opened(self, file):
        self.last_handle += 1
        self.open_files[self.last_handle] = file
        return self.last_handle

    # --- what FUSE asks for

    def init(self, path):
        print("ready", flush=True)

    def getattr(self, path, fh=None):
        found = self.open_files[fh] if fh in self.open_files else self.at(path)
        return {"st_mode": found.mode, "st_nlink": found.links, "st_size": len(getattr(found, "data", b"")),
                "st_uid": os.getuid(), "st_gid": os.getgid(), "st_mtime": found.changed_s, "st_ctime": found.changed_s,
                "st_atime": found.changed_s, "st_blocks": len(getattr(found, "data", b"")) // 512}

    def readdir(self, path, fh):
        return [".", "..", *self.at(path).entries]

    def statfs(self, path):
        return {"f_bsize": PAGE, "f_frsize": PAGE, "f_blocks": BLOCKS, "f_bfree": BLOCKS, "f_bavail": BLOCKS, "f_files": BLOCKS,
                "f_ffree": BLOCKS, "f_namemax": 255}

    def mkdir(self, path, mode):
        self.change((*self.place(path), Folder(mode)))

    def create(self, path, mode, fi=None):
        file = File(stat.S_IMODE(mode))
        self.change((*self.place(path), file))
        return self.opened(file)

    def open(self, path, flags):
        return self.opened(self.at(path))

    def release(self, path, fh):
        del self.open_files[fh]

    def read(self, path, size, offset, fh):
        return bytes(self.open_files[fh].data[offset:offset + size])

    def write(self, path, data, offset, fh):
        self.open_files[fh].write(data, offset)
        return len(data)

    def truncate(self, path, length, fh=None):
        (self.open_files[fh] if fh in self.open_files else self.at(path)).resize(length)

    def unlink(self, path):
        self.at(path).links -= 1
        self.change((*self.place(path), None))

    def rmdir(self, path):
        if self.at(path).entries:
            raise fuse.FuseOSError(errno.ENOTEMPTY)
        self.change((*self.place(path), None))

    def rename(self, old, new):
        moved = self.at(old)
        self.change((*self.place(new), moved), (*self.place(old), None))

    def link(self, target, source):
        linked = self.at(source)
        linked.links += 1
        self.change((*self.place(target), linked))

    def symlink(self, target, source):
        self.change((*self.place(target), Link(source)))

    def readlink(self, path):
        return self.at(path).target

    def chmod(self, path, mode):
        found = self.at(path)
        found.mode = stat.S_IFMT(found.mode) | stat.S_IMODE(mode)

    def chown(self, path, uid, gid):
        pass

    def utimens(self, path, times=None):
        pass

    def fsync(self, path, datasync, fh):
        if not self.lies:
            self.open_files[fh].sync()

    def fsyncdir(self, path, datasync, fh):
        if self.lies:
            return
        folder = self.at(path)
        of_it = [change for change in self.changes if any(where is folder for where, _, _ in change)]
        self.settle(of_it)
        self.changes = [change for change in self.changes if change not in of_it]

    # --- the power goes

    @staticmethod
    def settle(changes):
        for change in changes:
            for folder, name, what in change:
                if what is None:
                    folder.synced.pop(name, None)
                else:
                    folder.synced[name] = what

    def cut(self, seed):
        chance = random.Random(seed)
        with self.guard:
            kept = chance.randint(0, len(self.changes))
            lost = {"changes": len(self.changes) - kept, "pages": 0}
            self.settle(self.changes[:kept])
            self.changes = []
            folders, seen = [self.root], set()
            while folders:
                folder = folders.pop()
                folder.entries = dict(folder.synced)
                for _, what in sorted(folder.entries.items()):
                    if isinstance(what, Folder):
                        folders.append(what)
                    elif isinstance(what, File) and id(what) not in seen:
                        seen.add(id(what))
                        lost["pages"] += what.cut(chance)
            return lost


def obey(disk):
    for line in sys.stdin:
        words = line.split()
        print(json.dumps(disk.cut(int(words[1])) if words[:1] == ["cut"] else {"error": "cut SEED"}), flush=True)
    os._exit(0)  # not with the mount: a namespace that another test made meanwhile may still have it


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--lies", action="store_true")
    options = parser.parse_args()
    disk = Disk(options.lies)
    threading.Thread(target=obey, args=(disk,), daemon=True).start()
    # Nothing is kept by the kernel: after a cut it would answer from before.
    fuse.FUSE(disk, options.folder, foreground=True, nothreads=True, direct_io=True, attr_timeout=0, entry_timeout=0,
              hard_remove=True, big_writes=True, fsname="unsynced")


if __name__ == "__main__":
    main()
