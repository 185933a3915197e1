"""`python -m rulekube`."""

from rulekube.cli.main import main

main()
