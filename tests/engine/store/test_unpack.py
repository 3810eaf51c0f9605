#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/unpack.py against archives that the store wrote: everything comes out byte for byte, from a stopped and from a killed server,
and damage costs one object and is named. usage: test_unpack.py MAKE_ARCHIVE UNPACK"""
import os
import subprocess
import sys
import tempfile

make_archive, unpack = sys.argv[1:3]


def run_unpack(*arguments):
    return subprocess.run([sys.executable, unpack, *arguments], capture_output=True, text=True)


def data_set(path):
    """What follows the file meta information."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[128:132] == b"DICM", path
    assert data[132:140] == b"\2\0\0\0UL\4\0", path
    return data[144 + int.from_bytes(data[140:144], "little"):]


def names(out):
    return {name[:-4]: os.path.join(folder, name) for folder, _, files in os.walk(out) for name in files}


def make(top, *more):
    archive, payloads = os.path.join(top, "archive"), os.path.join(top, "payloads")
    os.mkdir(payloads)
    subprocess.run([make_archive, archive, payloads, *more], check=True, stderr=subprocess.DEVNULL)
    return archive, payloads


def check_all(archive, payloads, top):
    out = os.path.join(top, "out")
    result = run_unpack(archive, out)
    assert result.returncode == 0, result.stderr
    files = names(out)
    assert len(files) == 199, len(files)
    for uid, path in files.items():
        sequence = "151" if uid == "1.2.3.4" else uid.split(".")[-1]
        with open(os.path.join(payloads, sequence), "rb") as file:
            assert data_set(path) == file.read(), uid
    every = os.path.join(top, "every")
    assert run_unpack(archive, every, "--all").returncode == 0
    assert len(names(every)) == 200
    listed = run_unpack(archive, "--list", "--all").stdout.splitlines()
    assert len(listed) == 200 and all(len(line.split("\t")) == 7 for line in listed)
    return files


def check_damage(archive, payloads, top):
    """One flipped byte in the first bulk payload: that object fails, all others come out."""
    lines = [line.split("\t") for line in run_unpack(archive, "--list", "--all").stdout.splitlines()]
    victim = next(line for line in lines if 500000 < int(line[1]) < 2000000)
    segment, offset = int(victim[6].split()[1]), int(victim[6].split()[3])
    with open(os.path.join(archive, "segments", "%010d.seg" % segment), "r+b") as file:
        file.seek(offset + 4096 + 300000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 4]))
    result = run_unpack(archive, os.path.join(top, "damaged"), "--all")
    assert result.returncode == 1 and victim[5] in result.stderr and "CRC" in result.stderr, result.stderr
    assert len(names(os.path.join(top, "damaged"))) == 199
    with open(os.path.join(archive, "segments", "%010d.seg" % segment), "r+b") as file:
        file.seek(offset + 40)
        file.write(b"\0")
    result = run_unpack(archive, os.path.join(top, "damaged2"), "--all")
    assert result.returncode == 1 and "damaged from offset %d" % offset in result.stderr, result.stderr
    assert len(names(os.path.join(top, "damaged2"))) == 199


with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
    data, wanted = make(folder)
    check_all(data, wanted, folder)
    check_damage(data, wanted, folder)
with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
    check_all(*make(folder, "killed"), folder)
with tempfile.TemporaryDirectory() as folder:
    assert run_unpack(folder, "--list").returncode == 2
    assert run_unpack(folder).returncode == 2
print("unpack.py: all objects, twice")
