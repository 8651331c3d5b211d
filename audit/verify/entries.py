"""Streams the entries: contiguity, leaves, search columns, people handled, key rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from hashlib import sha256

from audit.canonical import NotCanonical, loads
from audit.dbapi import Row, Sql, places
from audit.errors import LeafMalformed
from audit.leaf import Columns, Parsed, parse, searchable
from audit.merkle import leaf_hash
from audit.ocsf import Outcome
from audit.restoration import RESTORED
from audit.verify.checkpoints import CheckpointCheck
from audit.verify.findings import Findings
from audit.verify.keys import ERASED, KEYS, KeyCheck
from audit.verify.pruned import PRUNED, PrunedCheck
from audit.verify.restores import RestoreCheck
from audit.verify.signed import VERIFIED, SignedCheck
from audit.verify.times import TimesCheck
from audit.verify.tree import TreeCheck

TABLE = "audit_entries"
SUBJECTS = "audit_subjects"
_PAGE = 1024
_REMEMBERED = 10_000
_FIELDS = Columns._fields
_SPECIAL = frozenset([RESTORED, ERASED, PRUNED, VERIFIED])
_UNREADABLE = (NotCanonical, KeyError, TypeError, AttributeError)


def _pages(sql: Sql) -> Iterator[list[Row]]:
    """Entries in order of index, a page at a time."""
    query = (
        "SELECT idx, event_id, time_ms, action, outcome, person, organisation, dataset, version, "
        "item, ref, leaf FROM audit_entries {} ORDER BY idx LIMIT ?"
    )
    page = sql.all(query.format(""), (_PAGE,))
    while page:
        yield page
        page = sql.all(query.format("WHERE idx > ?"), (page[-1][0], _PAGE))


class EntryCheck:
    """Reads every entry once, in constant memory, and feeds the tree.

    A page that follows on and whose columns are what its leaves say is done with few steps an
    entry. That its leaves are those that were logged is for the tree to say; only where
    something differs is an entry looked at by itself.
    """

    def __init__(
        self,
        sql: Sql,
        tree: TreeCheck,
        checkpoints: CheckpointCheck,
        keys: KeyCheck,
        findings: Findings,
        *,
        pruned: PrunedCheck,
        signed: SignedCheck,
        restores: RestoreCheck,
    ) -> None:
        self._sql = sql
        self._signed = signed
        self._restores = restores
        self._tree = tree
        self._pruned = pruned
        self._times = TimesCheck(sql, findings)
        self._checkpoints = checkpoints
        self._keys = keys
        self._findings = findings
        self._known_keys: OrderedDict[str, None] = OrderedDict()
        self._expected = 0
        self._broken = False
        self._last: int | None = None
        self.epoch = 1

    def run(self) -> None:
        """Check all entries and what hangs on them."""
        self._grow([])
        for page in _pages(self._sql):
            self._page(page)
        self._times.finish()
        self._strays()
        self._repeated_ids()

    def _page(self, page: list[Row]) -> None:
        start = self._expected
        subjects: set[tuple[int, str]] = set()
        sealed: dict[str, int] = {}
        odd = self._read(page, subjects, sealed)
        in_order = [row[0] for row in page] == list(range(start, start + len(page)))
        if in_order and not odd and not self._broken:
            self._last = page[-1][0]
            self._grow([sha256(b"\x00" + row[11]).digest() for row in page])
            self._times.feed([row[2] for row in page])
        else:
            self._one_by_one(page, odd)
        self._compare_subjects(start, self._expected, subjects)
        self._keys_exist(sealed)

    def _read(
        self, page: list[Row], subjects: set[tuple[int, str]], sealed: dict[str, int]
    ) -> dict[int, Parsed | None]:
        """Compare columns with leaves and gather what they say of people.

        Returns, by position in the page, the entries that must be looked at by themselves: None
        for a leaf that cannot be read.
        """
        odd: dict[int, Parsed | None] = {}
        for at, row in enumerate(page):
            try:
                document = loads(row[11])
                same = searchable(document) == row[1:11] and type(row[11]) is bytes
                plain = same and row[3] not in _SPECIAL
                for person in document["subjects"]:
                    subjects.add((row[0], person))
                for token in document["sealed"]:
                    if token not in sealed:
                        sealed[token] = row[0]
            except _UNREADABLE:
                plain = False
            if not plain:
                odd[at] = self._look(row[0], row)
        return odd

    def _look(self, index: int, row: Row) -> Parsed | None:
        """Read a leaf strictly and name each column that differs."""
        try:
            parsed = parse(_stored(row[11]))
        except LeafMalformed as error:
            self._findings.add(index, TABLE, "leaf", str(error))
            return None
        for name, stored, right in zip(_FIELDS, row[1:11], parsed.columns, strict=True):
            if stored != right:
                self._findings.add(index, TABLE, name, "the column is not what the leaf says")
        return parsed

    def _one_by_one(self, page: list[Row], odd: dict[int, Parsed | None]) -> None:
        for at, row in enumerate(page):
            index = int(row[0])
            self._place(index)
            stamp = row[2]
            if at in odd:
                parsed = odd[at]
                stamp = None if parsed is None else parsed.columns.time_ms
                self._special(index, parsed)
            if not self._broken and index == self._expected:
                self._grow([leaf_hash(_stored(row[11]))])
                self._times.feed([stamp])

    def _place(self, index: int) -> None:
        """Check that this index follows; bridge a gap with the hashes that the tiles hold."""
        if index == self._last:
            self._findings.add(index, TABLE, "idx", "two entries have this index")
        self._last = index
        if self._broken or index == self._expected:
            return
        if index < self._expected:
            self._findings.add(index, TABLE, "idx", "the index is out of order")
            return
        missing = self._pruned.gap(self._expected, index)
        if missing < index:
            self._findings.add(missing, TABLE, "idx", f"entries are missing before {index}")
        while self._expected < index:
            stored = self._tree.stored_hashes(self._expected, index)
            if not stored:
                self._findings.add(index, TABLE, "idx", "the entry does not follow on the log")
                self._broken = True
                return
            self._grow(stored)
            self._times.feed([None] * len(stored))

    def _grow(self, hashes: list[bytes]) -> None:
        """Add leaves to the tree and show the checkpoints every size they want to see."""
        end, start = self._expected + len(hashes), self._expected
        while True:
            wanted = self._checkpoints.next_size()
            until = end if wanted is None else max(self._expected, min(wanted, end))
            self._tree.feed(hashes[self._expected - start : until - start])
            self._expected = until
            if wanted != until:
                return
            self._checkpoints.at(until, self._tree.edge.root(), self.epoch)

    def _special(self, index: int, parsed: Parsed | None) -> None:
        """Take in what changes how the next entries are judged."""
        if parsed is None:
            return
        action = parsed.columns.action
        if action == RESTORED:
            self.epoch += 1
            self._restores.expect(index, parsed, self.epoch, self._tree.edge.root())
        elif action == ERASED:
            for person in parsed.subjects:
                self._keys.must_be_destroyed(index, person)
        elif action == PRUNED:
            self._pruned.expect(index, parsed.document["detail"])
        elif parsed.columns.outcome == Outcome.SUCCESS:
            self._signed.expect(index, parsed.document["detail"])

    def _compare_subjects(self, start: int, end: int, right: set[tuple[int, str]]) -> None:
        rows = self._sql.all(
            "SELECT idx, person FROM audit_subjects WHERE idx >= ? AND idx < ?", (start, end)
        )
        stored = {(int(row[0]), str(row[1])) for row in rows}
        inside = {one for one in right if start <= one[0] < end}
        for index, _ in sorted(stored ^ inside):
            what = "the people handled are not those of the leaf"
            self._findings.add(index, SUBJECTS, "person", what)
        if len(rows) != len(stored):
            self._findings.add(start, SUBJECTS, "idx", "a person is listed twice for one entry")

    def _keys_exist(self, sealed: dict[str, int]) -> None:
        """Every sealed box needs its key row, alive or destroyed."""
        for token, index in sealed.items():
            self._keys.concerns(token, index)
        unknown = [token for token in sealed if token not in self._known_keys]
        for token in self._missing(unknown):
            what = f"the key row of {token} is missing"
            self._findings.add(sealed[token], KEYS, "person_token", what)
        for token in unknown:
            self._known_keys[token] = None
        while len(self._known_keys) > _REMEMBERED:
            self._known_keys.popitem(last=False)

    def _missing(self, tokens: list[str]) -> list[str]:
        if not tokens:
            return []
        query = "SELECT person_token FROM audit_person_keys WHERE person_token IN ({})"
        found = {row[0] for row in self._sql.all(query.format(places(len(tokens))), tokens)}
        return [token for token in tokens if token not in found]

    def _strays(self) -> None:
        """People listed for entries that do not exist."""
        query = "SELECT idx FROM audit_subjects WHERE idx < 0 OR idx >= ? LIMIT 100"
        for row in self._sql.all(query, (self._expected,)):
            self._findings.add(int(row[0]), SUBJECTS, "idx", "there is no such entry")

    def _repeated_ids(self) -> None:
        query = (
            "SELECT MAX(idx), event_id FROM audit_entries GROUP BY event_id "
            "HAVING COUNT(*) > 1 LIMIT 100"
        )
        for index, event_id in self._sql.all(query):
            self._findings.add(int(index), TABLE, "event_id", f"event {event_id} is there twice")


def _stored(leaf: object) -> bytes:
    """The bytes of a leaf; none for what a table without its types may hold instead."""
    return leaf if isinstance(leaf, bytes) else b""
