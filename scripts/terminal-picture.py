"""Draws docs/images/train.svg: `cmir train` in a terminal, halfway through and when it is done.

    python3 -m venv /tmp/picture && /tmp/picture/bin/pip install rich
    /tmp/picture/bin/python scripts/terminal-picture.py

Everything shown is what the program wrote to a pseudo terminal. The progress bar is one line of a wide
terminal; the picture wraps it.
"""

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

SHOWN = "npx cmir train"
COMMAND = ["node", "dist/cli/main.js", "train"]
COLUMNS = 119  # of the picture: a little more than the table
ROOT = Path(__file__).resolve().parent.parent


def capture() -> str:
    """Output of the command in a terminal wide enough for its bar, control sequences included."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        os.chdir(ROOT)
        os.execvp(COMMAND[0], COMMAND)
    output = bytearray()
    try:
        while chunk := os.read(terminal, 65536):
            output += chunk
    except OSError:  # Linux ends a pseudo terminal with EIO.
        pass
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit(output.decode())
    return output.decode()


# Colours stay; whatever moves the cursor begins a new piece.
text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-ln-z]|[78])", "\r", capture()).replace("\r\n", "\n")
bars = [piece for piece in re.split(r"[\r\n]", text) if re.match(r"epoch .* left,.* loss", piece)]
table = text[text.rindex("\r") + 1 :].strip("\n")

console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
console.print(f"[bold]$ {SHOWN}[/]")
console.print(Text.from_ansi(bars[len(bars) // 2]))
console.print("", "[dim]... and when it is done:[/]", "", sep="\n")
console.print(Text.from_ansi(table))
svg = console.export_svg(title="cmir train", unique_id="train")
# No font from the network, and no renderer that takes spaces away.
svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL).replace("Fira Code, ", "")
svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
(ROOT / "docs" / "images" / "train.svg").write_text(re.sub(r" +\n", "\n", svg))
