"""The build's one step of its own: stages.yaml, at the top of the repository, goes into the package that reads it."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

STAGES = "stages.yaml"
PACKAGED = Path("pipeline", "graph", STAGES)  # where pipeline.graph.stages_file looks for it


class BuildPackages(build_py):
    """The packages as setuptools builds them, with stages.yaml; an editable install reads the checkout's."""

    def run(self) -> None:
        """Build the packages."""
        super().run()
        if not self.editable_mode:
            self.copy_file(STAGES, str(Path(self.build_lib, PACKAGED)))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """All files that the build makes."""
        more = [] if self.editable_mode else [str(Path(self.build_lib, PACKAGED))]
        return super().get_outputs(include_bytecode) + more

    def get_source_files(self) -> list[str]:
        """All files that the build reads, which go into a source archive."""
        return [*super().get_source_files(), STAGES]


setup(cmdclass={"build_py": BuildPackages})
