"""The devices of a worker."""

from pipeline.devices.cuda import Cuda
from pipeline.devices.device import Device


class Devices:
    """The devices of a worker, each made when it is first asked for."""

    def __init__(self) -> None:
        self.by_name: dict[str, Device] = {}

    def named(self, name: str) -> Device:
        """The device called cpu or cuda."""
        if name not in self.by_name:
            self.by_name[name] = Cuda() if name == "cuda" else Device()
        return self.by_name[name]
