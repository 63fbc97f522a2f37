#!/usr/bin/env python3
"""Edit a file of named tensors, for tests that want to see the edit noticed.

tensors.py FILE drop NAME       without that tensor
tensors.py FILE add NAME        with one more: a number
tensors.py FILE unseal          as other programs write it, without digests
tensors.py FILE scale NAME F    that tensor, of floats, times F
tensors.py FILE put NAME I X    that tensor, of floats, with X (nan, inf) as number I
tensors.py FILE rename RE TO    every name as re.sub makes it
tensors.py FILE list            the names, one a line
tensors.py FILE hash PREFIX     what follows PREFIX in a name, and a digest of the tensor, one a line
"""
import hashlib
import json
import re
import struct
import sys

path, verb, *arguments = sys.argv[1:]
data = open(path, "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, data = json.loads(data[8:8 + size]), data[8 + size:]
extra = header.pop("__metadata__", None)
tensors = {name: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for name, t in header.items()}

if verb == "list":
    print("\n".join(tensors))
    sys.exit()
name = arguments[0] if arguments else ""
if verb == "hash":
    for key in sorted(k for k in tensors if k.startswith(name)):
        print(key[len(name):], hashlib.sha256(tensors[key][2]).hexdigest())
    sys.exit()
if verb == "drop":
    del tensors[name]
elif verb == "add":
    tensors[name] = ("F32", [1], struct.pack("<f", 1))
elif verb == "unseal":
    extra = {"format": "pt"}
elif verb == "scale":
    dtype, shape, raw = tensors[name]
    assert dtype == "F32"
    factor = float(arguments[1])
    values = struct.unpack(f"<{len(raw) // 4}f", raw)
    tensors[name] = (dtype, shape, struct.pack(f"<{len(values)}f", *(v * factor for v in values)))
elif verb == "put":
    dtype, shape, raw = tensors[name]
    assert dtype == "F32"
    at = 4 * int(arguments[1])
    tensors[name] = (dtype, shape, raw[:at] + struct.pack("<f", float(arguments[2])) + raw[at + 4:])
elif verb == "rename":
    tensors = {re.sub(arguments[0], arguments[1], old): t for old, t in tensors.items()}

header, at = {} if extra is None else {"__metadata__": extra}, 0
for name, (dtype, shape, raw) in tensors.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
    at += len(raw)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(path, "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + b"".join(raw for _, _, raw in tensors.values()))
