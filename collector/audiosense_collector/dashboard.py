"""The built dashboard, served as static files; every other path is its start page."""

from collections.abc import Callable
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

INDEX = "index.html"
LEAST_BYTES = 1_024
"""Smaller files are sent as they are: they are one packet anyway."""
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>AudioSense</title>
<h1>The dashboard is not built</h1>
<p>Build it with <code>make dashboard</code> in a checkout, or name the folder of a built one in
<code>AUDIOSENSE_DASHBOARD_DIR</code>; then load this page again. The interface under <code>/api/v1</code> works.</p>
"""


EARLY = 'data-early="./api/v1/session'
"""What the start page has asked before its scripts are there: who is signed in."""
EARLY_FLEET = f"{EARLY} ./api/v1/fleet"
"""And, for somebody who most likely is, what its first page shows."""
Asker = Callable[[Scope], bool]


class Dashboard(StaticFiles):
    """Hashed assets are kept by browsers for good, the start page is asked for each time."""

    def __init__(self, folder: Path, is_known: Asker) -> None:
        super().__init__(directory=folder, check_dir=False)
        self.folder = folder
        self.is_known = is_known

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer a file, or the start page for a path of the dashboard's own."""
        top = path.split("/", maxsplit=1)[0]
        if top == "api":
            known = any(route.matches(scope)[0] is Match.PARTIAL for route in scope["app"].routes)
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND)
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        if top == "assets":
            return await self._file(path, scope)
        if not (self.folder / INDEX).is_file():
            return HTMLResponse(_MISSING, status_code=HTTPStatus.NOT_FOUND)
        try:
            return await self._file(path, scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return self._start_page(scope)

    def _start_page(self, scope: Scope) -> Response:
        # The page names its files relative to its own folder, so that any sub-path will do; a deeper path leads back.
        depth = scope["path"].removeprefix(scope.get("root_path", "")).count("/") - 1
        page = (self.folder / INDEX).read_text(encoding="utf-8")
        if depth == 0 and scope["path"].endswith("/") and self.is_known(scope):
            page = page.replace(EARLY, EARLY_FLEET)
        page = page.replace('="./', '="./' + "../" * depth)
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    async def _file(self, path: str, scope: Scope) -> Response:
        response = await self._compressed(path, scope) or await super().get_response(path, scope)
        immutable = path.startswith("assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if immutable else "no-cache"
        return response

    async def _compressed(self, path: str, scope: Scope) -> Response | None:
        """Answer the copy that the build has compressed, where there is one and the browser takes it."""
        if "gzip" not in Headers(scope=scope).get("accept-encoding", "") or not self._has(f"{path}.gz"):
            return None
        response = await super().get_response(f"{path}.gz", scope)
        response.headers["Content-Type"] = guess_type(path)[0] or "application/octet-stream"
        response.headers["Content-Encoding"] = "gzip"
        response.headers.add_vary_header("Accept-Encoding")
        return response

    def _has(self, path: str) -> bool:
        try:
            return self.lookup_path(path)[1] is not None
        except (OSError, ValueError):
            # No file's name: too long, or with a zero byte in it.
            return False


def mount_dashboard(app: Starlette, folder: Path, is_known: Asker) -> None:
    """Serve the dashboard under every path that no route has taken; ``is_known``: seems its reader signed in."""
    app.mount(
        "/", GZipMiddleware(Dashboard(folder, is_known), minimum_size=LEAST_BYTES, compresslevel=6), name="dashboard"
    )
