"""A model process that sleeps; its mask is the picture's red channel, or number $CHANNEL.

As a program: ``nobgd`` whose model process this is.  It sleeps for each picture as many seconds as
the file $SLEEP_FILE says then.  With $RAW it answers lanes of this machine as a model would.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
from typing import Any

import numpy as np

from nobgd.inference import process
from nobgd.values import wire


class Sleeper(process.Server):
    def _infer(self, requests: list[Any]) -> None:
        for each in requests:
            one = self._setup.weights[each.which]
            with open(os.environ["SLEEP_FILE"]) as file:
                seconds = float(file.read())
            threading.Event().wait(seconds)  # which a faked time of day does not disturb
            picture = each.memory[one.shown_at : one.shown_at + one.shown_bytes]
            mask = picture[int(os.environ.get("CHANNEL", "0")) :: 3]
            if not each.whole and "RAW" in os.environ:  # a lane of this machine finishes it
                mask = (np.frombuffer(mask, np.uint8) / np.float32(255)).tobytes()
                each.memory[one.input_bytes : one.input_bytes + one.output_bytes] = mask
                self.say({"infer": each.number, "ran": 1})
                continue
            each.memory[one.input_bytes : one.input_bytes + one.mask_bytes] = mask
            self.say({"infer": each.number, "ran": 1, "confidence": 0.75})


def main(descriptor: int) -> int:
    line = socket.socket(fileno=descriptor)
    setup: wire.ModelSetup = pickle.loads(line.recv(1 << 16))
    server = Sleeper(line, setup)
    server.say({"ready": []})
    server.serve()
    return 0


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        os._exit(main(int(sys.argv[1])))
    from nobgd import cli
    from nobgd.pool import model_process

    model_process.PROCESS = "cluster.sleeper"
    sys.exit(cli.main(sys.argv[1:]))
