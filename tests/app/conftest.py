"""The app's tests run without animations and whatever the terminal they are started from asks for."""

from __future__ import annotations

import os

# Textual reads these once, when it is first imported.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("NO_COLOR", None)
