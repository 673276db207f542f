"""Reads a run folder with TensorBoard and prints, as JSON, its scalars by tag, [wall time, step, value] each, and its
texts. The files are read record by record first, checksums and all. Usage: read_events.py FOLDER
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader


def main(folder):
    (path,) = Path(folder).glob("*tfevents*")
    events = list(EventFileLoader(str(path)).Load())
    accumulator = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    # The accumulator takes scalars for tensors since they have a plugin of their own.
    tensors = {tag: accumulator.Tensors(tag) for tag in tags["tensors"]}
    texts = {
        tag: [event.tensor_proto.string_val[0].decode() for event in found]
        for tag, found in tensors.items()
        if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "text"
    }
    scalars = {
        tag: [[event.wall_time, event.step, event.value] for event in accumulator.Scalars(tag)]
        for tag in tags["scalars"]
    }
    print(json.dumps({"version": events[0].file_version, "events": len(events), "scalars": scalars, "texts": texts}))


main(sys.argv[1])
