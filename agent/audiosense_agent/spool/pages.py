"""Rows straight from the pages of an SQLite file, where its own tree is damaged.

Every leaf page of a table is read by itself (https://www.sqlite.org/fileformat2.html), so that damage on one page costs
the rows of that page and no more. Whether a row is one that was written must be told by its checksum.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

Value = int | float | str | bytes | None
Row = tuple[int, list[Value]]
"""A rowid and the columns; the column that is the rowid is null in them."""

_MAGIC = b"SQLite format 3\0"
_LEAF = 0x0D
_DEFAULT_PAGE_BYTES = 4_096
_MOST_COLUMNS = 64
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_DAMAGE = (IndexError, ValueError, struct.error)


class PageReader:
    """A damaged file and what of its write-ahead log was committed, a page at a time.

    Args:
        path: the file; its log is beside it. Either may be missing.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb") if path.exists() else None
        head = b"" if self._file is None else self._file.read(100)
        size = struct.unpack(">H", head[16:18])[0] if head.startswith(_MAGIC) else 0
        self._page_bytes = {1: 65_536}.get(size, size)
        if self._page_bytes < 512 or self._page_bytes & (self._page_bytes - 1):
            self._page_bytes = _DEFAULT_PAGE_BYTES
        log = path.with_name(path.name + "-wal")
        self._log = log.open("rb") if log.exists() else None
        self._newer = {} if self._log is None else _committed(self._log, self._page_bytes)
        stored = 0 if self._file is None else -(-path.stat().st_size // self._page_bytes)
        self._pages = max([stored, *self._newer])

    def close(self) -> None:
        """Close the files."""
        for file in (self._file, self._log):
            if file is not None:
                file.close()

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all tables, page by page; what cannot be read is left out."""
        free = self._free_pages()
        for number in range(1, self._pages + 1):
            if number not in free:
                yield from self._leaf(number)

    def _page(self, number: int) -> bytes:
        """Return a page, short or empty where the file is cut."""
        place = self._newer.get(number)
        if place is not None and self._log is not None:
            self._log.seek(place)
            return self._log.read(self._page_bytes)
        if self._file is None or number < 1:
            return b""
        self._file.seek((number - 1) * self._page_bytes)
        return self._file.read(self._page_bytes)

    def _leaf(self, number: int) -> Iterator[Row]:
        page = self._page(number)
        start = 100 if number == 1 else 0
        if len(page) < start + 8 or page[start] != _LEAF:
            return
        (cells,) = struct.unpack_from(">H", page, start + 3)
        for index in range(min(cells, len(page) // 4)):
            try:
                (place,) = struct.unpack_from(">H", page, start + 8 + 2 * index)
                row = self._cell(page, place)
            except _DAMAGE:
                continue
            yield row

    def _cell(self, page: bytes, place: int) -> Row:
        size, place = _varint(page, place)
        rowid, place = _varint(page, place)
        usable = self._page_bytes
        if not 0 < size <= self._pages * usable:
            raise ValueError("no payload is so long")
        if size <= usable - 35:
            return rowid, _record(page[place : place + size])
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= usable - 35 else least
        payload = bytearray(page[place : place + local])
        (more,) = struct.unpack_from(">I", page, place + local)
        while len(payload) < size and more:
            overflow = self._page(more)
            if len(overflow) <= 4:
                raise ValueError("the chain of overflow pages is cut")
            payload += overflow[4 : 4 + size - len(payload)]
            (more,) = struct.unpack_from(">I", overflow, 0)
        return rowid, _record(bytes(payload))

    def _free_pages(self) -> set[int]:
        """Follow the list of free pages, whose rows were deleted, as far as it can be read."""
        free: set[int] = set()
        head = self._page(1)
        trunk = struct.unpack_from(">I", head, 32)[0] if head.startswith(_MAGIC) and len(head) >= 36 else 0
        while trunk and trunk not in free and trunk <= self._pages:
            free.add(trunk)
            page = self._page(trunk)
            if len(page) < 8:
                break
            trunk, leaves = struct.unpack_from(">II", page, 0)
            leaves = min(leaves, len(page) // 4 - 2)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
        return free


def _committed(log: BinaryIO, page_bytes: int) -> dict[int, int]:
    """Return where in the log the newest committed copy of each page is."""
    header = log.read(_WAL_HEADER_BYTES)
    if len(header) < _WAL_HEADER_BYTES or struct.unpack_from(">I", header, 0)[0] not in _WAL_MAGIC:
        return {}
    salts, place = header[16:24], _WAL_HEADER_BYTES
    committed: dict[int, int] = {}
    waiting: dict[int, int] = {}
    while len(frame := log.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES and frame[8:16] == salts:
        if len(log.read(page_bytes)) < page_bytes:
            break
        number, pages_after_commit = struct.unpack_from(">II", frame, 0)
        waiting[number] = place + _FRAME_HEADER_BYTES
        if pages_after_commit:
            committed |= waiting
            waiting = {}
        place += _FRAME_HEADER_BYTES + page_bytes
    return committed


def _record(payload: bytes) -> list[Value]:
    header_bytes, place = _varint(payload, 0)
    body, values = header_bytes, list[Value]()
    while place < header_bytes:
        kind, place = _varint(payload, place)
        value, body = _value(payload, kind, body)
        values.append(value)
        if len(values) > _MOST_COLUMNS:
            raise ValueError("no table of a spool is so wide")
    return values


def _value(payload: bytes, kind: int, place: int) -> tuple[Value, int]:
    """Read one value of a serial type; returns it and where the next one begins."""
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    size = 8 if kind == 7 else _INTEGER_BYTES.get(kind, (kind - 12) // 2)
    if size < 0 or place + size > len(payload):
        raise ValueError("the record is shorter than it says")
    content = payload[place : place + size]
    if kind == 7:
        return float(struct.unpack(">d", content)[0]), place + size
    if kind in _INTEGER_BYTES:
        return int.from_bytes(content, "big", signed=True), place + size
    if kind in (10, 11):
        raise ValueError("no such type")
    return (content.decode("utf-8", "replace") if kind % 2 else content), place + size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """Read a variable-length integer; returns it and where it ends."""
    value = 0
    for index in range(8):
        byte = content[place + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    value = value << 8 | content[place + 8]
    return (value - 2**64 if value >= 2**63 else value), place + 9
