from setuptools import find_packages, setup

rooms = ("evaluation", "exporter", "runtime", "training")
own = find_packages(include=["onestep", "onestep.*"])
setup(packages=own + [f"onestep.{name}" for r in rooms for name in find_packages(include=[r, f"{r}.*"])])
