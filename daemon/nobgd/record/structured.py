"""structlog, without rich.

structlog loads rich wherever it is installed, for coloured tracebacks, which nobody sees here; a
verb needs it for its bars.  In the supervisor, which lives for months, that would be 5 MB, and
nearly half of structlog's time to load.
"""

from __future__ import annotations

import sys

if "rich" in sys.modules:
    import structlog
else:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what is None cannot be imported
    try:
        import structlog
    finally:
        del sys.modules["rich"]

__all__ = ["structlog"]
