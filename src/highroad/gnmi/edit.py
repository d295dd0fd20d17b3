"""A Set made of what a router is told: the edits in, the new intention out, or every finding. Pure.

Only the entries that an edit touches are looked at, so that a Set costs what it changes, not what is there; the
others are the very objects that they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from highroad.errors import Finding, Invalid, did_you_mean
from highroad.gnmi.check import check, check_entry, key_value, node_at
from highroad.gnmi.nodes import Container, Entries, Leaf, LeafList, Node
from highroad.gnmi.path import WILDCARD, Elem, Path
from highroad.gnmi.router import (
    Attachment,
    Intended,
    Policy,
    Protection,
    attachment_from_json,
    attachment_to_json,
    policy_from_json,
    policy_to_json,
    protection_from_json,
    protection_to_json,
)
from highroad.gnmi.schema import ROUTER, TREE
from highroad.gnmi.target import Delete, Edit, Replace
from highroad.gnmi.tree import bare, text_of


def resulting(intended: Intended, edits: Sequence[Edit]) -> Intended:
    """What a router is told after these edits, in their order. Raises Invalid, with all findings."""
    attachments = _List.of("attachment", intended.attachments, attachment_to_json)
    policies = _List.of("policy", intended.policies, policy_to_json)
    protections = _List.of("protection", _named(intended.protections), protection_to_json)
    lists = {one.name: one for one in (attachments, policies, protections)}
    findings: list[Finding] = []
    for one in edits:
        try:
            _apply(one, lists)
        except Invalid as error:
            findings += error.findings
    if findings:
        raise Invalid(findings)
    new_attachments = attachments.made(attachment_from_json, findings)
    new_policies = policies.made(policy_from_json, findings)
    new_protections = intended.protections
    if protections.is_edited:
        made = protections.made(protection_from_json, findings)
        new_protections = MappingProxyType({one.function: one for one in made.values()})
    if not findings:
        findings += _dangling(new_attachments, new_policies, policies.touched, attachments.gone)
    if findings:
        raise Invalid(findings)
    return Intended(attachments=new_attachments, policies=new_policies, protections=new_protections)


def changed(before: Intended, after: Intended) -> Iterator[tuple[Path, Any]]:
    """The entries that differ, with their JSON, or None for one that is gone: what a watcher is told of a Set."""
    lists: tuple[tuple[str, str, Mapping[Any, Any], Mapping[Any, Any], Callable[[Any], Any]], ...] = (
        ("attachment", "id", before.attachments, after.attachments, attachment_to_json),
        ("policy", "service", before.policies, after.policies, policy_to_json),
        ("protection", "function", before.protections, after.protections, protection_to_json),
    )
    for name, key, old, new, told in lists:
        for one in old:
            if one not in new:
                yield _path(name, key, str(one)), None
        for one, value in new.items():
            if (was := old.get(one)) is not value and was != value:
                yield _path(name, key, str(one)), told(value)


def _named(protections: Mapping[int, Protection]) -> dict[str, Protection]:
    return {str(function): one for function, one in protections.items()}


def _path(name: str, key: str, value: str) -> Path:
    return Path((Elem("router"), Elem(name, ((key, value),))))


@dataclass(slots=True, kw_only=True)
class _List:
    """One of the lists while it is edited: as it was, and as JSON what was touched."""

    name: str
    key: str
    node: Entries
    have: Mapping[str, Any]
    to_json: Callable[[Any], dict[str, Any]]
    docs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    sound: set[str] = field(default_factory=set)
    """The entries that were looked at whole, and are as they were then."""
    cleared: bool = False

    @classmethod
    def of(cls, name: str, have: Mapping[str, Any], to_json: Callable[[Any], dict[str, Any]]) -> _List:
        node = ROUTER.members[name]
        assert isinstance(node, Entries)  # noqa: S101 - the table says so
        return cls(name=name, key=node.keys[0], node=node, have=have, to_json=to_json)

    @property
    def is_edited(self) -> bool:
        return bool(self.docs) or self.cleared

    @property
    def touched(self) -> frozenset[str]:
        return frozenset(self.docs)

    @property
    def gone(self) -> bool:
        """Whether any entry went away."""
        return self.cleared or any(doc is None for doc in self.docs.values())

    def names(self) -> list[str]:
        kept = [] if self.cleared else [one for one in self.have if one not in self.docs]
        return kept + [one for one, doc in self.docs.items() if doc is not None]

    def doc(self, name: str) -> dict[str, Any] | None:
        """The JSON of an entry as it is by now, to be changed in place; None when there is none."""
        if name not in self.docs:
            if self.cleared or name not in self.have:
                return None
            self.docs[name] = self.to_json(self.have[name])
        self.sound.discard(name)
        return self.docs[name]

    def key_of(self, name: str) -> Any:
        """The key as it stands in JSON."""
        return key_value(name, _type(self.node, self.key))

    def clear(self) -> None:
        self.docs, self.cleared = {}, True

    def place(self, name: str) -> str:
        return str(_path(self.name, self.key, name))

    def made(self, from_json: Callable[[Mapping[str, Any]], Any], findings: list[Finding]) -> Mapping[str, Any]:
        if not self.is_edited:
            return self.have
        out = {} if self.cleared else dict(self.have)
        for name, doc in self.docs.items():
            if doc is None:
                out.pop(name, None)
                continue
            wrong = [] if name in self.sound else check_entry(doc, self.node, self.place(name))
            findings += wrong
            if not wrong:
                made = from_json(doc)
                # What is equal stays the object that it was.
                out[name] = self.have[name] if self.have.get(name) == made else made
        return MappingProxyType(out)


def _apply(edit: Edit, lists: Mapping[str, _List]) -> None:
    node, config = node_at(edit.path, TREE)
    if not config:
        raise _wrong("state", str(edit.path), "it is state: it can be read, not set")
    whole = not isinstance(edit, Delete) and _check_value(edit, node)
    steps = edit.path.elems
    if len(steps) <= 1:
        _apply_root(edit, lists, at_root=not steps)
        return
    one = lists[steps[1].bare]
    if not steps[1].keys and len(steps) == 2:
        _apply_list(one, edit)
        return
    for name in _chosen(one, steps[1], edit):
        if len(steps) == 2:
            _apply_entry(one, name, edit)
            if whole:
                one.sound.add(name)
        else:
            doc = one.doc(name)
            if doc is None and not isinstance(edit, Delete):
                doc = one.docs[name] = {one.key: one.key_of(name)}
            if doc is not None:
                _descend(doc, steps[2:], one.node, edit)


def _check_value(edit: Edit, node: Node) -> bool:
    """A value by itself, so that a finding names the path that was set; the entry is checked whole at the end, but for
    one that is put in whole and is found sound here: then it says so.
    """
    value = None if isinstance(edit, Delete) else edit.value
    keyed = bool(edit.path.elems) and bool(edit.path.elems[-1].keys)
    if isinstance(node, Entries) and keyed:
        keys = dict(edit.path.elems[-1].keys)
        if isinstance(value, Mapping):
            plain = {bare(name): one for name, one in value.items()}
            for key, text in keys.items():
                if key in plain and text not in (WILDCARD, text_of(plain[key])):
                    message = f"`{key}` is {plain[key]!r} in the value and {text!r} in the path"
                    raise _wrong("keys", str(edit.path), message)
            value = {**plain, **{key: plain.get(key, key_value(text, _type(node, key))) for key, text in keys.items()}}
        if isinstance(edit, Replace) and not check_entry(value, node, str(edit.path)):
            return True
        findings = check_entry(value, node, str(edit.path), whole=False)
    else:
        findings = check(value, node, str(edit.path), whole=False)
    if findings:
        raise Invalid(findings)
    return False


def _apply_root(edit: Edit, lists: Mapping[str, _List], *, at_root: bool) -> None:
    """An edit of / or of /router."""
    if isinstance(edit, Delete):
        for one in lists.values():
            one.clear()
        return
    content = {bare(name): below for name, below in edit.value.items()}
    if at_root:
        content = {bare(name): below for name, below in content.get("router", {}).items()}
    for name, one in lists.items():
        if name in content or isinstance(edit, Replace):
            _apply_list(one, type(edit)(path=edit.path, value=content.get(name, [])))


def _apply_list(one: _List, edit: Edit) -> None:
    if isinstance(edit, Delete | Replace):
        one.clear()
    if not isinstance(edit, Delete):
        for value in edit.value:
            entry = _plain(value)
            _apply_entry(one, str(entry[one.key]), type(edit)(path=edit.path, value=entry))


def _apply_entry(one: _List, name: str, edit: Edit) -> None:
    one.sound.discard(name)
    if isinstance(edit, Delete):
        one.docs[name] = None
        return
    value = {**_plain(edit.value), one.key: one.key_of(name)}
    have = None if isinstance(edit, Replace) else one.doc(name)
    one.docs[name] = value if have is None else _merged(have, value, one.node)


def _chosen(one: _List, step: Elem, edit: Edit) -> list[str]:
    wanted = step.key(one.key)
    if wanted != WILDCARD:
        return [wanted]
    if not isinstance(edit, Delete):
        raise _wrong("wildcard", str(edit.path), "only a delete may leave a key open")
    return one.names()


def _descend(doc: dict[str, Any], steps: Sequence[Elem], node: Container | Entries, edit: Edit) -> None:
    """An edit below an entry, made in place."""
    step, rest = steps[0], steps[1:]
    below = node.members[step.bare]
    if isinstance(below, Entries) and step.keys:
        _descend_entries(doc, step, rest, below, edit)
    elif rest:
        if not isinstance(below, Container):
            raise _wrong("keys", str(edit.path), f"`{step.bare}` is a list: its key has to be given")
        if step.bare not in doc and isinstance(edit, Delete):
            return
        _descend(doc.setdefault(step.bare, {}), rest, below, edit)
    elif isinstance(edit, Delete):
        doc.pop(step.bare, None)
    elif isinstance(edit, Replace) or step.bare not in doc:
        doc[step.bare] = _plain(edit.value)
    else:
        doc[step.bare] = _merged_node(doc[step.bare], _plain(edit.value), below)


def _descend_entries(doc: dict[str, Any], step: Elem, rest: Sequence[Elem], node: Entries, edit: Edit) -> None:
    entries: list[dict[str, Any]] = doc.setdefault(step.bare, [])
    keys = {key: key_value(step.key(key), _type(node, key)) for key in node.keys}
    if WILDCARD in keys.values() and not isinstance(edit, Delete):
        raise _wrong("wildcard", str(edit.path), "only a delete may leave a key open")
    found = [one for one in entries if all(value in (WILDCARD, one.get(key)) for key, value in keys.items())]
    if isinstance(edit, Delete) and not rest:
        doc[step.bare] = [one for one in entries if one not in found]
        return
    if not found and not isinstance(edit, Delete):
        found = [dict(keys)]
        entries.append(found[0])
    for one in found:
        if rest:
            _descend(one, rest, node, edit)
        elif not isinstance(edit, Delete):
            value = {**_plain(edit.value), **keys}
            merged = value if isinstance(edit, Replace) else _merged(one, value, node)
            one.clear()
            one.update(merged)


def _merged(have: Mapping[str, Any], value: Mapping[str, Any], node: Container | Entries) -> dict[str, Any]:
    out = dict(have)
    for name, below in value.items():
        out[name] = _merged_node(out[name], below, node.members[name]) if name in out else below
    return out


def _merged_node(have: Any, value: Any, node: Node) -> Any:
    match node:
        case Leaf():
            return value
        case LeafList():
            return [*have, *(one for one in value if one not in have)]
        case Container():
            return _merged(have, value, node)
        case Entries():
            out = {tuple(one.get(key) for key in node.keys): one for one in have}
            for one in value:
                at = tuple(one.get(key) for key in node.keys)
                out[at] = _merged(out[at], one, node) if at in out else one
            return list(out.values())


def _plain(value: Any) -> Any:
    """A copy without modules in the names."""
    if isinstance(value, Mapping):
        return {bare(name): _plain(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _type(node: Entries, key: str) -> Any:
    leaf = node.members[key]
    assert isinstance(leaf, Leaf)  # noqa: S101 - a key is one
    return leaf.type


def _dangling(
    attachments: Mapping[str, Attachment], policies: Mapping[str, Policy], touched: frozenset[str], gone: bool
) -> Iterator[Finding]:
    """Policies whose attachment is not there: of those touched, and of all when one went away."""
    for service in policies if gone else [one for one in touched if one in policies]:
        attachment = policies[service].attachment
        if attachment not in attachments:
            message = f"there is no attachment {attachment!r}{did_you_mean(attachment, attachments)}"
            yield Finding(code="reference", place=f"{_path('policy', 'service', service)}/attachment", message=message)


def _wrong(code: str, place: str, message: str) -> Invalid:
    return Invalid([Finding(code=code, place=place, message=message)])
