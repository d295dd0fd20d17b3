"""gNMI's protobufs, which pygnmi ships without types: the one place that touches them untyped."""

from __future__ import annotations

from typing import Any

from pygnmi.spec.v080 import gnmi_ext_pb2, gnmi_pb2  # type: ignore[import-untyped]

from highroad.errors import Finding, Invalid
from highroad.gnmi.path import Elem, Path

VERSION = "0.8.0"
SERVICE = "gnmi.gNMI"

Message = Any
"""A protobuf message."""

CapabilityRequest: Any = gnmi_pb2.CapabilityRequest
CapabilityResponse: Any = gnmi_pb2.CapabilityResponse
GetRequest: Any = gnmi_pb2.GetRequest
GetResponse: Any = gnmi_pb2.GetResponse
SetRequest: Any = gnmi_pb2.SetRequest
SetResponse: Any = gnmi_pb2.SetResponse
UpdateResult: Any = gnmi_pb2.UpdateResult
SubscribeRequest: Any = gnmi_pb2.SubscribeRequest
SubscribeResponse: Any = gnmi_pb2.SubscribeResponse
SubscriptionList: Any = gnmi_pb2.SubscriptionList
Subscription: Any = gnmi_pb2.Subscription
Notification: Any = gnmi_pb2.Notification
Update: Any = gnmi_pb2.Update
TypedValue: Any = gnmi_pb2.TypedValue
Path_: Any = gnmi_pb2.Path
ModelData: Any = gnmi_pb2.ModelData
Poll: Any = gnmi_pb2.Poll
Extension: Any = gnmi_ext_pb2.Extension

JSON: int = gnmi_pb2.JSON
PROTO: int = gnmi_pb2.PROTO
JSON_IETF: int = gnmi_pb2.JSON_IETF
ENCODINGS = {0: "JSON", 1: "BYTES", 2: "PROTO", 3: "ASCII", 4: "JSON_IETF"}

TARGET_DEFINED, ON_CHANGE, SAMPLE = 0, 1, 2
STREAM, ONCE, POLL = 0, 1, 2
DELETE, REPLACE, UPDATE = 1, 2, 3


def path_from_proto(message: Message) -> Path:
    """Our path of theirs. Raises Invalid for the form that gNMI gave up in 0.4 (`element`)."""
    if message.element and not message.elem:
        where = "/" + "/".join(message.element)
        raise Invalid(
            [Finding(code="path", place=where, message="the deprecated field `element` is not read; use `elem`")]
        )
    return Path(tuple(Elem(one.name, tuple(sorted(one.key.items()))) for one in message.elem))


def path_to_proto(path: Path, target: str = "") -> Message:
    """Their path of ours."""
    message = gnmi_pb2.Path(target=target)
    for one in path.elems:
        message.elem.add(name=one.name, key=dict(one.keys))
    return message


def arbitration(role: str, election_id: int) -> Message:
    """The extension that says on whose behalf a Set is, and who is newer."""
    extension = gnmi_ext_pb2.Extension()
    extension.master_arbitration.role.id = role
    extension.master_arbitration.election_id.high = election_id >> 64
    extension.master_arbitration.election_id.low = election_id & (2**64 - 1)
    return extension


def arbitration_of(request: Message) -> tuple[str, int] | None:
    """The role and the election id that a request bears, if it does."""
    for extension in request.extension:
        if extension.HasField("master_arbitration"):
            said = extension.master_arbitration
            return said.role.id, (said.election_id.high << 64) | said.election_id.low
    return None
