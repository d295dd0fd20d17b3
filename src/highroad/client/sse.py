"""Server-sent events from bytes: a parser that is fed lines, and knows where to resume (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One dispatched event."""

    event: str
    data: str


@dataclass(slots=True)
class Parser:
    """Feed it lines without their ends; `last_id` is what to send as Last-Event-ID."""

    last_id: str = ""
    _event: str = ""
    _data: list[str] = field(default_factory=list)
    _id: str = ""

    def __post_init__(self) -> None:
        self._id = self.last_id

    def feed(self, line: str) -> Message | None:
        """A message if this line completes one."""
        if not line:
            self.last_id = self._id
            message = Message(event=self._event or "message", data="\n".join(self._data)) if self._data else None
            self._event, self._data = "", []
            return message
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case _:
                pass  # a comment, or a field that we do not use
        return None

    def reset(self) -> None:
        """The connection broke: what was not complete is forgotten, and comes again."""
        self._event, self._data, self._id = "", [], self.last_id
