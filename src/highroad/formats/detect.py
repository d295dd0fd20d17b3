"""Any file that may hold a network: what it is, by what is in it, and then read."""

from __future__ import annotations

import json

from highroad.formats import gnpy, jsonform, native
from highroad.formats.loaded import MAX_BYTES, Loaded, refused


def read(text: str, *, name: str = "network") -> Loaded:
    """The network of a file in any format that we know. `name` is for formats that have none of their own.

    What starts with `{` is JSON: a GNPy topology if it has `elements` and `connections`, else our own form. All
    else is our YAML. Never raises on bad input.
    """
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith("{"):
        return native.read(text)
    if len(text) > MAX_BYTES:
        return refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return refused("bad-json", f"this is not JSON: {error.msg}", line=error.lineno)
    except RecursionError:
        return refused("too-deep", "this JSON is nested far deeper than a network is")
    except ValueError:
        return refused("bad-json", "this JSON holds a number of thousands of digits")
    return gnpy.read(document, name=name) if gnpy.is_gnpy(document) else jsonform.from_plain(document)
