"""PDFs for tests, written by PDFium itself."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image
from pypdfium2 import raw

A4 = (595, 842)


class Paper:
    """Places are left, top, right, bottom in points from the top left, as in a report."""

    def __init__(self) -> None:
        self._document = pypdfium2.PdfDocument.new()
        self._font = raw.FPDFText_LoadStandardFont(self._document, b"Helvetica")
        self.page: Any = None
        self.turn_to_new_page()

    def turn_to_new_page(self) -> None:
        self._finish()
        self.page = self._document.new_page(*A4)

    def box(self, left: float, top: float, right: float, bottom: float) -> None:
        shape = raw.FPDFPageObj_CreateNewRect(left, A4[1] - bottom, right - left, bottom - top)
        raw.FPDFPageObj_SetFillColor(shape, 60, 110, 200, 255)
        raw.FPDFPath_SetDrawMode(shape, raw.FPDF_FILLMODE_WINDING, False)
        raw.FPDFPage_InsertObject(self.page, shape)

    def words(self, text: str, left: float, bottom: float, size: float = 12) -> None:
        run = raw.FPDFPageObj_CreateTextObj(self._document, self._font, size)
        letters = (ctypes.c_ushort * (len(text) + 1))(*map(ord, text), 0)
        raw.FPDFText_SetText(run, letters)
        raw.FPDFPageObj_Transform(run, 1, 0, 0, 1, left, A4[1] - bottom)
        raw.FPDFPage_InsertObject(self.page, run)

    def picture(
        self, left: float, top: float, right: float, bottom: float, shown: Image.Image | None = None
    ) -> None:
        image = pypdfium2.PdfImage.new(self._document)
        shown = shown or Image.new("RGB", (40, 40), (200, 60, 60))
        image.set_bitmap(pypdfium2.PdfBitmap.from_pil(shown))
        image.set_matrix(
            pypdfium2.PdfMatrix().scale(right - left, bottom - top).translate(left, A4[1] - bottom)
        )
        self.page.insert_obj(image)

    def page_of(self, path: Path, *, scale: float, right: float, up: float) -> None:
        """The first page of another document, as a form."""
        with pypdfium2.PdfDocument(path) as source:
            form = source.page_as_xobject(0, self._document).as_pageobject()
            form.set_matrix(pypdfium2.PdfMatrix().scale(scale, scale).translate(right, up))
            self.page.insert_obj(form)

    def bars(self, left: float, top: float, title: str = "") -> None:
        """Three bars and a floor, 120 points wide and 100 high, with labels and a title."""
        for index in range(3):
            self.box(left + 10 + 40 * index, top + 30 * index, left + 30 + 40 * index, top + 100)
            self.words("ABC"[index], left + 15 + 40 * index, top + 114)
        self.box(left, top + 99, left + 120, top + 100)
        if title:
            self.words(title, left, top - 14)

    def save(self, path: Path) -> Path:
        self._finish()
        self._document.save(path)
        return path

    def turn(self, degrees: int) -> None:
        self.page.set_rotation(degrees)

    def _finish(self) -> None:
        if self.page is not None:
            self.page.gen_content()
