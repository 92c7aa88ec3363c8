"""`python -m onestep` is `onestep`."""

from onestep.cli import main

main()
