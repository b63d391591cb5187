"""Small real documents out of plain text: the attachments of the samples.

Nothing is compressed, so that the bytes are the same with every version of every library.
"""

from __future__ import annotations

import csv
import io
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

_BLOCK = 0xFFFF
_CHART = (320, 160)


def document(name: str, source: str) -> bytes:
    """Make the file that its name promises: text as it is, a PDF page, a worksheet, a line chart."""
    makers = {"pdf": pdf, "xlsx": xlsx, "png": png}
    return makers.get(name.rpartition(".")[2].lower(), str.encode)(source)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that holds nothing else afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack members into a zip, with no times of today."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def pdf(source: str) -> bytes:
    """Set lines of text on one page, in Courier."""
    escaped = source.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    lines = "".join(f"({line}) Tj T*\n" for line in escaped.splitlines())
    page = f"BT /F1 10 Tf 13 TL 56 780 Td\n{lines}ET".encode("latin-1", "replace")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(page), page),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def xlsx(source: str) -> bytes:
    """Put comma-separated cells on a worksheet; what reads as a number is one."""
    rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in csv.reader(io.StringIO(source)))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship '
        f'Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return zipped((name, f"{head}{content}".encode()) for name, content in files.items())


def _cell(text: str) -> str:
    try:
        return f"<c><v>{float(text):g}</v></c>"
    except ValueError:
        return f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def png(source: str) -> bytes:
    """Draw a row of numbers as a line chart, in grey."""
    values = [float(value) for value in source.split()]
    width, height = _CHART
    low, span = min(values), (max(values) - min(values)) or 1
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    previous = None
    for x in range(width):
        place = x * (len(values) - 1) / (width - 1)
        left = min(int(place), len(values) - 2)
        value = values[left] + (values[left + 1] - values[left]) * (place - left)
        y = round((height - 9) * (1 - (value - low) / span)) + 4
        for between in range(min(y, previous or y), max(y, previous or y) + 1):
            rows[between][x] = 0x30
        previous = y
    raw = b"".join(b"\0" + row for row in rows)
    packed = b"\x78\x01" + _stored(raw) + struct.pack(">I", zlib.adler32(raw))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def tar_gz(members: Iterable[tuple[str, bytes]], stamp: int) -> bytes:
    """Pack members into a gzipped tar; ``stamp`` is their time in epoch seconds."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), stamp
            archive.addfile(info, io.BytesIO(content))
    raw = out.getvalue()
    head = b"\x1f\x8b\x08\0" + struct.pack("<I", stamp) + b"\0\xff"
    return head + _stored(raw) + struct.pack("<II", zlib.crc32(raw), len(raw))


def _stored(raw: bytes) -> bytes:
    """Wrap bytes as deflate's stored blocks (RFC 1951, 3.2.4)."""
    blocks = [raw[start : start + _BLOCK] for start in range(0, len(raw), _BLOCK)]
    return b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ _BLOCK) + block
        for number, block in enumerate(blocks, start=1)
    )
