"""ImageNet's weights by torchvision's loader, from a server of our own in place of the internet."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import resnet18
from torchvision.models._api import Weights, WeightsEnum
from torchvision.transforms._presets import ImageClassification

from iml_tui.runs.events import Event, EventReader, EventWriter
from iml_tui.training import weights_imagenet
from iml_tui.training.preparation import Preparation, StoppedError
from iml_tui.training.weights_imagenet import UnavailableError, cached_file, is_imagenet, load_imagenet


@pytest.fixture(scope="module")
def content() -> bytes:
    buffer = io.BytesIO()
    torch.manual_seed(1)
    torch.save(resnet18(weights=None).state_dict(), buffer)
    return buffer.getvalue()


class Server:
    """Serves one file; `served` is what it gives, `gate` holds it back after the first half."""

    def __init__(self, content: bytes) -> None:
        self.served = content
        self.requests = 0
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                half = len(outer.served) // 2
                self.send_response(200)
                self.send_header("Content-Length", str(len(outer.served)))
                self.end_headers()
                self.wfile.write(outer.served[:half])
                outer.gate.wait(30)
                self.wfile.write(outer.served[half:])

            def log_message(self, *arguments: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.http.server_address[1])


@pytest.fixture
def server(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    started = Server(content)
    use(monkeypatch, started.port, hashlib.sha256(content).hexdigest()[:8])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield started
    started.gate.set()
    started.http.shutdown()
    started.http.server_close()


def use(monkeypatch: pytest.MonkeyPatch, port: int, digits: str) -> None:
    """Let a file of this hash on this port stand for ImageNet's."""

    class Local(WeightsEnum):
        IMAGENET1K_V1 = Weights(
            url=f"http://127.0.0.1:{port}/resnet18-{digits}.pth",
            transforms=functools.partial(ImageClassification, crop_size=224),
            meta={"_file_size": 44.7},
        )

    monkeypatch.setattr(weights_imagenet, "IMAGENET", Local.IMAGENET1K_V1)


class Told:
    """What a preparation tells; `stop_at` is the number of the call at which the run is asked to stop."""

    def __init__(self, path: Path) -> None:
        self._file = path / "events.jsonl"
        self.stop = False
        self.preparation = Preparation(EventWriter(self._file), lambda: self.stop)

    def events(self, kind: str) -> list[Event]:
        return [event for event in EventReader(self._file).read_new() if event["type"] == kind]


def test_the_official_file_is_known_by_its_hash() -> None:
    assert is_imagenet("f37072fd" + 56 * "0")
    assert not is_imagenet(64 * "0")
    transform = weights_imagenet.imagenet_transform()
    assert (transform.resize, transform.crop) == (256, 224)


def test_it_is_downloaded_once_and_then_comes_from_the_cache(server: Server, tmp_path: Path, content: bytes) -> None:
    told = Told(tmp_path)
    found = load_imagenet(told.preparation)
    assert cached_file().read_bytes() == content
    assert cached_file().is_relative_to(tmp_path)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert len(found.state) == 120
    assert told.events("preparing")[0]["what"].startswith("downloading ImageNet's ResNet18")
    again = load_imagenet(told.preparation)
    assert server.requests == 1
    assert torch.equal(again.state["conv1.weight"], found.state["conv1.weight"])
    notes = [event["message"] for event in told.events("note")]
    assert "were downloaded" in notes[0]
    assert "come from torchvision's cache" in notes[1]


def test_a_damaged_cached_file_is_told_and_downloaded_again(server: Server, tmp_path: Path, content: bytes) -> None:
    cached_file().parent.mkdir(parents=True)
    cached_file().write_bytes(content[:-1] + b"x")
    told = Told(tmp_path)
    load_imagenet(told.preparation)
    assert cached_file().read_bytes() == content
    [warning] = told.events("warning")
    assert "damaged (wrong hash)" in warning["message"]


def test_what_has_another_hash_is_refused(server: Server, tmp_path: Path, content: bytes) -> None:
    server.served = content[:-1] + b"x"
    with pytest.raises(UnavailableError, match="its hash is wrong"):
        load_imagenet(Told(tmp_path).preparation)
    assert list(cached_file().parent.iterdir()) == []


def test_without_a_server_the_reason_is_said(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # Bound but not listening: connections are refused.
        taken.bind(("127.0.0.1", 0))
        use(monkeypatch, taken.getsockname()[1], "0" * 8)
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+ cannot be reached \(Connection refused\)"):
            load_imagenet(Told(tmp_path).preparation)


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_imagenet, "STALLED_SECONDS", 0.3)
    before = socket.getdefaulttimeout()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        use(monkeypatch, silent.getsockname()[1], "0" * 8)
        with pytest.raises(
            UnavailableError, match=r"127\.0\.0\.1:\d+ (did not answer within|gave nothing for|cannot be)"
        ):
            load_imagenet(Told(tmp_path).preparation)
    assert socket.getdefaulttimeout() == before


def test_a_download_can_be_stopped(server: Server, tmp_path: Path) -> None:
    server.gate.clear()
    told = Told(tmp_path)

    def when_half_is_there() -> bool:
        return any(path.stat().st_size for path in cached_file().parent.glob("*.partial"))

    told.preparation = Preparation(EventWriter(tmp_path / "events.jsonl"), when_half_is_there)
    with pytest.raises(StoppedError):
        load_imagenet(told.preparation)
    assert list(cached_file().parent.glob("*.partial")) == []


def test_a_cache_that_cannot_be_written_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(UnavailableError, match="cannot be written"):
        load_imagenet(Told(tmp_path).preparation)
